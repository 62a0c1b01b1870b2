import type { LlmCall } from '../../core/call.ts';
import type { ChatChunk } from '../../core/chat.ts';
import type { Exchange } from '../../core/exchange.ts';
import { callerFraming } from '../../core/framing.ts';
import { JSON_ARRAY_TYPE, jsonArrayOf } from '../../core/json-array.ts';
import type { Reply } from '../../core/kind.ts';
import { Tally } from '../../core/meter.ts';
import type { PolicyChain } from '../../core/run.ts';
import { writerOptions } from './whole.ts';

/** An answer a policy gave, as the caller asked for it: a stream or a JSON body, in its own dialect. */
export async function renderAnswer(answer: readonly ChatChunk[], call: LlmCall, exchange: Exchange, chain: PolicyChain): Promise<Reply> {
  const chunks: ChatChunk[] = [];
  for (const chunk of answer) chunks.push(...(await chain.chunk(chunk)));
  const tally = new Tally();
  for (const chunk of chunks) tally.note(chunk);
  const options = writerOptions(exchange, call, call.head.model);
  const end = { status: 'complete' as const, attempts: 0, ...(tally.usage === undefined ? {} : { usage: tally.usage }) };
  if (!call.head.stream) {
    const { body, loss } = call.dialect.writeReply(chunks, options);
    return { status: 200, contentType: 'application/json', body: JSON.stringify(body), stream: false, attempts: 0, loss, done: end };
  }
  const writer = call.dialect.replyWriter(options);
  const framing = callerFraming(call.dialect);
  const events = framing.encode(chunks.map((chunk) => writer.write(chunk)).join(''));
  const isArray = call.address?.jsonArray === true;
  return {
    status: 200,
    contentType: isArray ? JSON_ARRAY_TYPE : framing.contentType,
    body: isArray ? jsonArrayOf(events) : events,
    stream: true,
    attempts: 0,
    loss: [...writer.loss],
    done: end,
  };
}
