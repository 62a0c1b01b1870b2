import type { Walked } from '../../core/attempt.ts';
import type { LlmCall } from '../../core/call.ts';
import type { StreamEnd, StreamOptions } from '../../core/closing.ts';
import { cutFrames } from '../../core/cut-off.ts';
import type { Dialect, ReplyWriter } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { editFrames, filterFrames, translateFrames, watchFrames } from '../../core/frames.ts';
import { callerFraming } from '../../core/framing.ts';
import { JSON_ARRAY_TYPE, jsonArrayStream } from '../../core/json-array.ts';
import type { Reply, ReplyEnd } from '../../core/kind.ts';
import { formatUsd } from '../../core/money.ts';
import type { Opened } from '../../core/opening.ts';
import type { Plan } from '../../core/plan.ts';
import type { FrameHandler } from '../../core/pump.ts';
import type { PolicyChain } from '../../core/run.ts';
import type { Frame } from '../../core/sse.ts';
import type { Target } from '../../core/strategy.ts';
import { carryStream } from '../../core/stream.ts';
import { type AnsweredStream, Ask, nameOf } from './ask.ts';
import { charge } from './charge.ts';
import { continueCall } from './continued.ts';
import { keepFrames } from './continuity/keeper.ts';
import { countTokens } from './count.ts';
import { type Resolved, resolveModel } from './resolve.ts';
import { compact } from './responses/compact.ts';
import { estimated, writerOptions } from './whole.ts';

/** Milliseconds in which most answers begin: before that nobody listens for a caller who leaves. */
const SOON = 1_000;

/** Serves one chat call: the strategy orders the targets, the attempt loop walks them, the answer takes its lane. */
export async function serveChat(call: LlmCall, exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply> {
  const resolved = withCallerLimit(resolveModel(plan, call.head.model), call);
  const order = await ordered(resolved, call, exchange);
  const continuing = continueCall(call, order, exchange, plan);
  const continued = continuing instanceof Promise ? await continuing : continuing;
  const { targets } = continued;
  if (call.operation === 'count-tokens') return countTokens(continued.call, targets, exchange, plan);
  const deadline = exchange.ports.clock.now() + resolved.timeout.total;
  const ask = new Ask(continued.call, exchange, chain, plan, resolved, deadline, continued);
  if (call.operation === 'compact') return compact(ask, targets);
  return call.head.stream ? streamReply(ask, targets) : wholeAnswer(ask, targets);
}

/** `x-weir-timeout`: how long the caller is willing to wait for the first token (or a whole JSON answer), in ms. */
export function withCallerLimit(resolved: Resolved, call: Pick<LlmCall, 'head' | 'headers'>): Resolved {
  const header = call.headers.get('x-weir-timeout');
  if (header === null) return resolved;
  const ms = Number(header);
  if (!Number.isInteger(ms) || ms < 1) {
    throw new GatewayError('invalid_request', 'x-weir-timeout is a whole number of milliseconds from 1.', { param: 'x-weir-timeout' });
  }
  const { timeout } = resolved;
  const total = call.head.stream ? timeout.total : Math.min(ms, timeout.total);
  return { ...resolved, timeout: { ...timeout, firstToken: Math.min(ms, timeout.firstToken), total } };
}

function ordered({ targets, strategy }: Resolved, call: LlmCall, exchange: Exchange) {
  return strategy === undefined ? targets : strategy.strategy.order(targets, strategy.settings, call, exchange, Math.random);
}

async function wholeAnswer(ask: Ask, targets: readonly Target[]): Promise<Reply> {
  const { answer, attempts } = await ask.whole(targets);
  const { target, dispatch, reply, at } = answer;
  const servedModel = nameOf(target);
  const charged = charge(ask, answer, reply.usage);
  return {
    status: 200,
    contentType: 'application/json',
    body: reply.body,
    stream: false,
    servedModel,
    attempts,
    ...(charged === undefined ? {} : { cost: charged.cost }),
    loss: [...dispatch.loss, ...reply.loss, ...ask.continued.loss],
    done: { status: 'complete', usage: reply.usage, servedModel, attempts, firstTokenAt: at, ...charged },
  };
}

/**
 * A stream's head goes out with its first content event. Where that is long in coming the head goes alone, so that
 * pings can keep the caller's connection alive while the walk goes on behind it.
 */
async function streamReply(ask: Ask, targets: readonly Target[]): Promise<Reply> {
  const { exchange, plan } = ask;
  const walked = ask.stream(targets);
  if (exchange.listens === true) ask.listen();
  const { ping } = plan.limits;
  const soon = Math.min(SOON, ping);
  let first = await firstWithin(walked, soon);
  if (first === undefined) {
    ask.listen();
    first = await firstWithin(walked, ping - soon);
  }
  const { readable, writable } = exchange.ports.pipe();
  const base = { status: 200, stream: true, ...outgoing(readable, ask.call) } as const;
  if (first === undefined) {
    const later = walked.then(({ answer }) => answer.opened);
    return { ...base, loss: [], done: carry(ask, writable, walked, later) };
  }
  const { answer, attempts } = first;
  const servedModel = nameOf(answer.target);
  const done = carry(ask, writable, first, answer.opened);
  return { ...base, lane: answer.lane, servedModel, attempts, loss: [...answer.dispatch.loss, ...ask.continued.loss], done };
}

/** The stream as the caller asked for it. */
function outgoing(events: ReadableStream<Uint8Array>, { address, dialect }: LlmCall): Pick<Reply, 'body' | 'contentType'> {
  if (address?.jsonArray === true) return { body: events.pipeThrough(jsonArrayStream()), contentType: JSON_ARRAY_TYPE };
  return { body: events, contentType: callerFraming(dialect).contentType };
}

async function carry(
  ask: Ask,
  writable: WritableStream<Uint8Array>,
  walked: Walked<AnsweredStream> | Promise<Walked<AnsweredStream>>,
  upstream: Opened | Promise<Opened>,
): Promise<ReplyEnd> {
  let known: Walked<AnsweredStream> | undefined;
  let learning: Promise<void> | undefined;
  if (walked instanceof Promise) {
    learning = walked.then(
      (late) => {
        known = late;
      },
      () => undefined,
    );
  } else known = walked;
  const end = await carryStream(
    writable,
    upstream,
    streamOptions(ask, () => known),
  );
  await (end.status === 'aborted' && known === undefined ? undefined : learning);
  // A walk that was given up because the caller left fails in many ways, and means one thing.
  const gone = end.status === 'failed' && end.error?.fault !== 'client' && ask.isAbandoned;
  return {
    ...(gone ? { status: 'aborted' as const } : end),
    attempts: known?.attempts ?? end.error?.attempts ?? 0,
    ...(known === undefined
      ? {}
      : { servedModel: nameOf(known.answer.target), firstTokenAt: known.answer.at, ...charge(ask, known.answer, end.usage) }),
  };
}

function streamOptions(ask: Ask, known: () => Walked<AnsweredStream> | undefined): StreamOptions {
  const { call, exchange, plan, resolved, deadline } = ask;
  const { dialect } = call;
  const { vigil } = exchange;
  const framing = callerFraming(dialect);
  let writer: ReplyWriter | undefined;
  return {
    clock: exchange.ports.clock,
    framing,
    ping: plan.limits.ping,
    idle: resolved.timeout.idle,
    deadline,
    giveUp: ask.giveUp,
    ...(vigil === undefined ? {} : { verdict: () => vigil.verdict() }),
    errorFrame: (error) => dialect.errorFrame(error, exchange.id),
    handler(opened) {
      const { target, part } = known()?.answer ?? {};
      writer = dialect.replyWriter(writerOptions(exchange, call, target === undefined ? call.head.model : nameOf(target)));
      const handler = frameHandler(opened.dialect, ask, writer, part);
      return keepFrames(handler, ask.continued.keepers, opened.dialect.id !== dialect.id, framing);
    },
    settle(meter, metered) {
      // Usage that comes before the finish is a beginning, not a total.
      if (metered.usage !== undefined && (metered.ended || metered.finish !== undefined)) return metered.usage;
      return estimated(call, meter.estimateOutput(), metered.usage);
    },
    ...(call.headers.get('x-weir-explain') === '1' ? { trailer: (end: StreamEnd) => trailer(ask, end, known(), writer) } : {}),
  };
}

function frameHandler(upstream: Dialect, ask: Ask, writer: ReplyWriter, part: number | undefined): FrameHandler {
  const { call, chain, exchange } = ask;
  const { hold } = exchange;
  const { dialect } = call;
  const framing = callerFraming(dialect);
  if (part === undefined || hold === undefined) return passedFrames(upstream, call, chain, writer);
  const allowance = { tokens: part, more: () => hold.more() };
  // Where a dialect says its texts more than once, what closes an edited answer must be written by who wrote the rest.
  const isWritten = upstream.id !== dialect.id || (chain.touches === 'edits' && dialect.frameEditor !== undefined);
  const handler = isWritten ? translateFrames(chain, writer, framing) : passedFrames(upstream, call, chain, writer);
  const usage = (output: number) => estimated(call, output);
  return cutFrames(handler, { allowance, writer, isWritten, chain, framing, usage });
}

function passedFrames(upstream: Dialect, call: LlmCall, chain: PolicyChain, writer: ReplyWriter): FrameHandler {
  if (upstream.id !== call.dialect.id) return translateFrames(chain, writer, callerFraming(call.dialect));
  const hides = call.head.wantsUsage ? () => false : (frame: Frame) => upstream.isUsageOnly(frame);
  if (chain.touches === 'edits') return editFrames(chain, upstream, hides);
  return chain.touches === 'reads' ? watchFrames(chain, hides) : filterFrames(upstream);
}

/** What a caller who asked to have the stream explained is told, after all else, as a comment no parser minds. */
function trailer(ask: Ask, end: StreamEnd, walked: Walked<AnsweredStream> | undefined, writer: ReplyWriter | undefined): string {
  const charged = walked === undefined ? undefined : charge(ask, walked.answer, end.usage);
  const loss = [...(walked?.answer.dispatch.loss ?? []), ...(writer?.loss ?? [])];
  const told = {
    status: end.status,
    model: walked === undefined ? undefined : nameOf(walked.answer.target),
    attempts: walked?.attempts,
    usage: end.usage,
    cost: charged === undefined ? undefined : formatUsd(charged.cost),
    loss: loss.length > 0 ? loss : undefined,
  };
  return `: weir ${JSON.stringify(told)}\n\n`;
}

/** The value if it comes within so many milliseconds; a rejection is passed on. */
function firstWithin<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    promise.then(resolve, reject);
    setTimeout(() => resolve(undefined), ms);
  });
}
