import type { LlmCall } from '../../core/call.ts';
import type { ChatChunk } from '../../core/chat.ts';
import type { Exchange } from '../../core/exchange.ts';
import { callerFraming } from '../../core/framing.ts';
import { JSON_ARRAY_TYPE, jsonArrayOf, jsonArrayStream } from '../../core/json-array.ts';
import type { Reply, ReplyEnd } from '../../core/kind.ts';
import { Tally } from '../../core/meter.ts';
import { nanoUsd } from '../../core/money.ts';
import type { Plan } from '../../core/plan.ts';
import type { Given } from '../../core/policy.ts';
import type { PolicyChain } from '../../core/run.ts';
import { carryGiven } from './render-live.ts';
import { writerOptions } from './whole.ts';

/** An answer a policy gave, as the caller asked for it: a stream or a JSON body, in its own dialect. */
export async function renderAnswer(given: Given, call: LlmCall, exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply> {
  const { answer, made } = given;
  const options = writerOptions(exchange, call, made?.servedModel ?? call.head.model);
  const about = {
    status: 200,
    attempts: 0,
    ...(made === undefined ? {} : { servedModel: made.servedModel, cost: nanoUsd(0) }),
  } as const;
  const loss = made?.loss ?? [];
  if (call.head.stream && !isHere(answer)) {
    const { readable, writable } = exchange.ports.pipe();
    const writer = call.dialect.replyWriter(options);
    const framing = callerFraming(call.dialect);
    const done = carryGiven(writable, answer, { call, exchange, chain, writer, framing, ping: plan.limits.ping }).then((end) => ({
      ...end,
      ...endOf(given, undefined),
    }));
    const isArray = call.address?.jsonArray === true;
    const body = isArray ? readable.pipeThrough(jsonArrayStream()) : readable;
    return { ...about, contentType: isArray ? JSON_ARRAY_TYPE : framing.contentType, body, stream: true, loss, done };
  }
  const chunks = await throughAll(answer, chain);
  const tally = new Tally();
  for (const chunk of chunks) tally.note(chunk);
  const done: ReplyEnd = { status: 'complete', ...endOf(given, tally) };
  if (!call.head.stream) {
    const written = call.dialect.writeReply(chunks, options);
    const body = JSON.stringify(written.body);
    return { ...about, contentType: 'application/json', body, stream: false, loss: [...loss, ...written.loss], done };
  }
  const writer = call.dialect.replyWriter(options);
  const framing = callerFraming(call.dialect);
  const events = framing.encode(chunks.map((chunk) => writer.write(chunk)).join(''));
  const isArray = call.address?.jsonArray === true;
  return {
    ...about,
    contentType: isArray ? JSON_ARRAY_TYPE : framing.contentType,
    body: isArray ? jsonArrayOf(events) : events,
    stream: true,
    loss: [...loss, ...writer.loss],
    done,
  };
}

const isHere = (answer: Given['answer']): answer is readonly ChatChunk[] => Array.isArray(answer);

async function throughAll(answer: Given['answer'], chain: PolicyChain): Promise<ChatChunk[]> {
  const chunks: ChatChunk[] = [];
  if (isHere(answer)) for (const chunk of answer) chunks.push(...(await chain.chunk(chunk)));
  else for await (const pieces of answer) for (const chunk of pieces) chunks.push(...(await chain.chunk(chunk)));
  return chunks;
}

/** What was made once has been paid for, in tokens and in money: now it comes to nothing. */
function endOf({ made }: Given, tally: Tally | undefined): Omit<ReplyEnd, 'status'> {
  if (made !== undefined) return { attempts: 0, usage: { input: 0, output: 0 }, cost: nanoUsd(0), servedModel: made.servedModel };
  return { attempts: 0, ...(tally?.usage === undefined ? {} : { usage: tally.usage }) };
}
