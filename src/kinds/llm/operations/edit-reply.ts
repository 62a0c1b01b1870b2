import type { JsonObject } from '../../../core/json.ts';
import type { PolicyChain } from '../../../core/run.ts';
import type { Operation } from './operation.ts';

/**
 * An answer whose texts the route's policies have seen, and edited where they do. Each text passes as a part of its own,
 * so a guardrail that knows chat knows these.
 */
export async function editReply(
  operation: Operation,
  reply: JsonObject,
  chain: PolicyChain,
): Promise<{ readonly body: JsonObject; readonly loss: readonly string[] }> {
  const { replyTexts } = operation;
  if (replyTexts === undefined || chain.touches === 'nothing') return { body: reply, loss: [] };
  const texts: string[] = [];
  replyTexts(reply, (text) => {
    texts.push(text);
    return text;
  });
  const edited = texts.map(() => '');
  const pass = async (chunk: Parameters<PolicyChain['chunk']>[0]) => {
    for (const out of await chain.chunk(chunk)) if (out.type === 'text') edited[out.part] = (edited[out.part] ?? '') + out.text;
  };
  for (const [part, text] of texts.entries()) await pass({ type: 'text', part, choice: 0, text });
  await pass({ type: 'finish', choice: 0, reason: 'stop' });
  await pass({ type: 'end' });
  if (chain.touches !== 'edits') return { body: reply, loss: [] };
  const body = replyTexts(reply, (text) => edited.shift() ?? text);
  // What the edit made untrue was left out with it.
  return { body, loss: Object.keys(reply).filter((name) => !Object.hasOwn(body, name)) };
}
