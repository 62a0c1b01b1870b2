import { isKept } from '../../../core/cache/asked.ts';
import type { ChatChunk } from '../../../core/chat.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { Reply } from '../../../core/kind.ts';
import { nanoUsd } from '../../../core/money.ts';
import type { OperationCall } from '../../../core/operation.ts';
import type { Given } from '../../../core/policy.ts';
import type { PolicyChain } from '../../../core/run.ts';

// An answer that is no chat passes the policies as one piece that only its own form can be told: its text as it leaves.
// What keeps answers keeps it byte for byte.

/** Shows a whole answer, which leaves as `text`, to the policies that read answers. */
export async function showAnswer(call: OperationCall, body: JsonObject, text: string, chain: PolicyChain): Promise<void> {
  if (!isKept(call) || chain.touches === 'nothing') return;
  // Some vendors answer 200 with an error in the body: it is the answer, and nobody else's.
  const reason = body.error === undefined || body.error === null ? 'stop' : 'error';
  const chunks: readonly ChatChunk[] = [
    { type: 'start' },
    { type: 'raw', dialect: call.shape, name: call.operation, value: text },
    { type: 'finish', choice: 0, reason },
    { type: 'end' },
  ];
  for (const chunk of chunks) await chain.chunk(chunk);
}

/** An answer that a policy gives in the place of a provider. Throws `not_supported` where it is one of a chat. */
export async function renderOperation({ answer, made }: Given, call: OperationCall, exchange: Exchange): Promise<Reply> {
  exchange.note('operation', call.operation);
  const text = await textOf(answer, call);
  if (text === undefined)
    throw new GatewayError('not_supported', 'A policy of this route answers calls itself, which it can do for chat only.');
  const cost = nanoUsd(0);
  const end = { attempts: 0, ...(made === undefined ? {} : { servedModel: made.servedModel, cost }) };
  return {
    ...end,
    status: 200,
    contentType: 'application/json',
    body: text,
    stream: false,
    loss: made?.loss ?? [],
    done: { status: 'complete', ...end, ...(made === undefined ? {} : { usage: { input: 0, output: 0 } }) },
  };
}

async function textOf(answer: Given['answer'], { operation }: OperationCall): Promise<string | undefined> {
  let text: string | undefined;
  const look = (chunk: ChatChunk) => {
    if (chunk.type === 'raw' && chunk.name === operation && typeof chunk.value === 'string') text = chunk.value;
  };
  if (isHere(answer)) for (const chunk of answer) look(chunk);
  else for await (const pieces of answer) pieces.forEach(look);
  return text;
}

const isHere = (answer: Given['answer']): answer is readonly ChatChunk[] => Array.isArray(answer);
