import type { LlmCall } from '../../core/call.ts';
import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { Dialect, ReplyWriterOptions } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { estimateTokens } from '../../core/estimate.ts';
import type { Exchange } from '../../core/exchange.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { type Meter, type Metered, Tally } from '../../core/meter.ts';
import type { PolicyChain } from '../../core/run.ts';
import type { Keeper } from './continuity/keeper.ts';

/** A whole JSON answer on its way to the caller. */
export interface WholeReply {
  readonly body: string;
  readonly usage: Usage;
  readonly loss: readonly string[];
}

/**
 * A JSON answer is a stream that arrives at once: the same chunks pass the same policies. Where the dialect is the
 * caller's own and nobody edits, it leaves as it came.
 */
export async function wholeReply(
  text: string,
  dialect: Dialect,
  call: LlmCall,
  chain: PolicyChain,
  options: ReplyWriterOptions,
  keepers: readonly Keeper[] = [],
): Promise<WholeReply> {
  const body = parseJson(text);
  if (!isObject(body)) throw new GatewayError('upstream_invalid', 'The provider answered with something that is not a JSON object.');
  // Nobody looks at it and nothing changes it: what it cost is all there is to know.
  if (dialect.id === call.dialect.id && chain.touches === 'nothing') {
    const usage = dialect.replyUsage(body);
    if (usage !== undefined) return { body: text, usage, loss: [] };
  }
  const chunks = dialect.readReply(body, options.model);
  const tally = new Tally();
  let said = '';
  for (const chunk of chunks) {
    tally.note(chunk);
    if (chunk.type === 'error') throw chunk.error;
    if ('text' in chunk) said += chunk.text;
  }
  const usage = tally.usage ?? estimated(call, estimateTokens(said));
  const out: ChatChunk[] = [];
  if (chain.touches === 'nothing') out.push(...chunks);
  else for (const chunk of chunks) out.push(...(await chain.chunk(chunk)));
  if (dialect.id === call.dialect.id) {
    const edited = chain.touches === 'edits' ? editedBody(body, dialect, chunks, out) : body;
    return { body: edited === body ? text : JSON.stringify(edited), usage, loss: [] };
  }
  for (const chunk of chunks) for (const keeper of keepers) keeper.hear?.(chunk);
  const written = call.dialect.writeReply(out, options);
  return { body: JSON.stringify(written.body), usage, loss: written.loss };
}

/** The vendor's own body with the texts that the policies changed, and nothing else changed. */
function editedBody(body: JsonObject, dialect: Dialect, before: readonly ChatChunk[], after: readonly ChatChunk[]): JsonObject {
  const texts = new Map<number, string>();
  for (const chunk of before) if (chunk.type === 'text') texts.set(chunk.part, '');
  for (const chunk of after) if (chunk.type === 'text') texts.set(chunk.part, (texts.get(chunk.part) ?? '') + chunk.text);
  const inOrder = [...texts.values()];
  return dialect.replyTexts(body, (text) => inOrder.shift() ?? text);
}

/**
 * Usage where the vendor gave none, or only a beginning: counted here, and marked so. Never zero for a call that was
 * served, and never less than what the vendor had said by then.
 */
export function estimated(call: LlmCall, output: number, begun?: Usage): Usage {
  return { ...begun, input: begun?.input ?? estimateInput(call), output: Math.max(1, output, begun?.output ?? 0), estimated: true };
}

/** What an answer came to, by who gave it or by estimate. */
export function usageOf(call: LlmCall, meter: Meter, { usage, ended, finish }: Metered): Usage {
  // Usage that comes before the finish is a beginning, not a total.
  if (usage !== undefined && (ended || finish !== undefined)) return usage;
  return estimated(call, meter.estimateOutput(), usage);
}

/** Input tokens by estimate, over every text of the call. */
export function estimateInput(call: LlmCall): number {
  let tokens = 0;
  call.dialect.texts(call.wire.json(), (text) => {
    tokens += estimateTokens(text) + 3;
    return text;
  });
  return Math.max(1, tokens);
}

/** What every written answer needs to know of its exchange. */
export function writerOptions(exchange: Exchange, call: LlmCall, model: string): ReplyWriterOptions {
  return {
    id: exchange.id,
    model,
    created: Math.floor(exchange.ports.clock.now() / 1000),
    wantsUsage: call.head.wantsUsage,
    call: call.wire.fields,
  };
}
