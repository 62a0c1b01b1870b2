import type { Walked } from '../../core/attempt.ts';
import type { LlmCall } from '../../core/call.ts';
import type { Usage } from '../../core/chat.ts';
import type { Broken, Resumed, StreamEnd, StreamOptions } from '../../core/closing.ts';
import { cutFrames } from '../../core/cut-off.ts';
import type { Dialect, ReplyWriter } from '../../core/dialect.ts';
import type { Exchange } from '../../core/exchange.ts';
import { editFrames, filterFrames, translateFrames, watchFrames } from '../../core/frames.ts';
import { callerFraming } from '../../core/framing.ts';
import type { Try } from '../../core/health.ts';
import { JSON_ARRAY_TYPE, jsonArrayStream } from '../../core/json-array.ts';
import type { Reply, ReplyEnd } from '../../core/kind.ts';
import { formatUsd } from '../../core/money.ts';
import type { Opened } from '../../core/opening.ts';
import type { Plan } from '../../core/plan.ts';
import type { FrameHandler } from '../../core/pump.ts';
import type { PolicyChain } from '../../core/run.ts';
import type { Frame } from '../../core/sse.ts';
import { nameOf, type Target } from '../../core/strategy.ts';
import { carryStream } from '../../core/stream.ts';
import { type AnsweredStream, Ask } from './ask.ts';
import { charge } from './charge.ts';
import { continueCall } from './continued.ts';
import { keepFrames } from './continuity/keeper.ts';
import { countTokens } from './count.ts';
import { mirror } from './mirror.ts';
import { compact } from './responses/compact.ts';
import { Resuming } from './resume.ts';
import { routeCall } from './routing/route.ts';
import { estimated, usageOf, writerOptions } from './whole.ts';

/** Milliseconds in which most answers begin: before that nobody listens for a caller who leaves. */
const SOON = 1_000;

/** Serves one chat call: the strategy orders the targets, the attempt loop walks them, the answer takes its lane. */
export async function serveChat(call: LlmCall, exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply> {
  const routing = routeCall(call, exchange, plan);
  const routed = routing instanceof Promise ? await routing : routing;
  const { resolved } = routed;
  const continuing = continueCall(call, routed.targets, exchange, plan);
  const continued = continuing instanceof Promise ? await continuing : continuing;
  const { targets } = continued;
  if (call.operation === 'count-tokens') return countTokens(continued.call, targets, exchange, plan);
  const deadline = exchange.ports.clock.now() + resolved.timeout.total;
  const ask = new Ask(continued.call, exchange, chain, plan, routed, deadline, continued);
  if (call.operation === 'compact') return compact(ask, targets);
  return call.head.stream ? streamReply(ask, targets) : wholeAnswer(ask, targets);
}

async function wholeAnswer(ask: Ask, targets: readonly Target[]): Promise<Reply> {
  const { answer, attempts } = await ask.whole(targets);
  mirror(ask);
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
  const resuming = Resuming.of(ask, targets);
  if (resuming !== undefined) ask.writesAll = true;
  const walked = ask.stream(targets);
  if (ask.routed.resolved.mirror !== undefined) void walked.then(() => mirror(ask)).catch(() => undefined);
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
    return { ...base, loss: [], done: carry(ask, writable, walked, later, resuming) };
  }
  const { answer, attempts } = first;
  const servedModel = nameOf(answer.target);
  const done = carry(ask, writable, first, answer.opened, resuming);
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
  resuming: Resuming | undefined,
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
    streamOptions(ask, () => known, resuming),
  );
  await (end.status === 'aborted' && known === undefined ? undefined : learning);
  // What was given up because the caller left fails in many ways, and means one thing.
  const isGone = (end.status === 'failed' || end.status === 'partial') && end.error?.fault !== 'client' && ask.isAbandoned;
  const { error: _, ...came } = end;
  const told: StreamEnd = isGone ? { ...came, status: 'aborted' } : end;
  const trying = (resuming?.last ?? known?.answer)?.trying;
  if (trying !== undefined) conclude(trying, told);
  return {
    ...told,
    attempts: (known?.attempts ?? end.error?.attempts ?? 0) + (resuming?.attempts ?? 0),
    ...(known === undefined
      ? {}
      : { servedModel: nameOf(known.answer.target), firstTokenAt: known.answer.at, ...charged(ask, known.answer, end.usage, resuming) }),
  };
}

const charged = (ask: Ask, answer: AnsweredStream, usage: Usage | undefined, resuming: Resuming | undefined) =>
  resuming === undefined ? charge(ask, answer, usage) : resuming.charge(answer, usage);

/** What the end of an answer says of the place that gave it. */
function conclude(trying: Try, { status, error, usage }: StreamEnd): void {
  if (error?.fault === 'upstream') trying.failed(error);
  else if (status === 'complete') trying.ended(usage?.output);
  else trying.left();
}

function streamOptions(ask: Ask, known: () => Walked<AnsweredStream> | undefined, resuming: Resuming | undefined): StreamOptions {
  const { call, exchange, plan, routed, deadline } = ask;
  const { dialect } = call;
  const { vigil } = exchange;
  const framing = callerFraming(dialect);
  let writer: ReplyWriter | undefined;
  return {
    clock: exchange.ports.clock,
    framing,
    ping: plan.limits.ping,
    idle: routed.resolved.timeout.idle,
    deadline,
    giveUp: ask.giveUp,
    left: () => exchange.drain?.left(),
    isWanted: () => exchange.drain?.lasts === true || ask.chain.isWanted,
    ...(vigil === undefined ? {} : { verdict: () => vigil.verdict() }),
    errorFrame: (error) => dialect.errorFrame(error, exchange.id),
    handler(opened) {
      const { target, part } = known()?.answer ?? {};
      if (target !== undefined) ask.chain.served(nameOf(target));
      writer = dialect.replyWriter(writerOptions(exchange, call, target === undefined ? call.head.model : nameOf(target)));
      const handler = handlerOf(opened, part, writer);
      return resuming?.heard(handler) ?? handler;
    },
    ...(resuming === undefined ? {} : { resume: (broken: Broken) => goOn(broken, resuming) }),
    settle(meter, metered) {
      if (metered.items !== undefined) for (const keeper of ask.continued.keepers) keeper.ended?.(metered.items);
      const usage = usageOf(resuming?.call ?? call, meter, metered);
      return resuming?.total(usage) ?? usage;
    },
    ...(call.headers.get('x-weir-explain') === '1' ? { trailer: (end: StreamEnd) => trailer(ask, end, known(), writer, resuming) } : {}),
  };

  function handlerOf(opened: Opened, part: number | undefined, writer: ReplyWriter): FrameHandler {
    const handler = frameHandler(opened.dialect, ask, writer, part, resuming);
    return keepFrames(handler, ask.continued.keepers, ask.writesAll || opened.dialect.id !== dialect.id, framing);
  }

  /** Another target goes on with the answer, in the frames of the same writer. */
  async function goOn(broken: Broken, resuming: Resuming): Promise<Resumed | undefined> {
    const last = resuming.last ?? known()?.answer;
    const written = writer;
    if (last === undefined || written === undefined) return undefined;
    const { meter } = broken;
    const usage = usageOf(resuming.call, meter, meter.finish(false));
    const resumed = await resuming.goOn(last, broken, usage, ({ opened, part }) => handlerOf(opened, part, written));
    if (resumed === undefined) return undefined;
    const { answer, handler, mark } = resumed;
    return { opened: answer.opened, handler, mark: hasComments(call) ? mark : '' };
  }
}

/** Whether the caller's parsers pass over comments. */
const hasComments = ({ address, dialect }: LlmCall): boolean =>
  address?.jsonArray !== true && dialect.framing === undefined && dialect.ping === undefined;

function frameHandler(
  upstream: Dialect,
  ask: Ask,
  writer: ReplyWriter,
  part: number | undefined,
  resuming: Resuming | undefined,
): FrameHandler {
  const { call, chain, exchange } = ask;
  const { hold } = exchange;
  const { dialect } = call;
  const framing = callerFraming(dialect);
  const passed = ask.writesAll ? translateFrames(chain, writer, framing) : passedFrames(upstream, call, chain, writer);
  if (part === undefined || hold === undefined) return passed;
  const allowance = { tokens: part, more: () => hold.more() };
  // Where a dialect says its texts more than once, what closes an edited answer must be written by who wrote the rest.
  const isWritten = ask.writesAll || upstream.id !== dialect.id || (chain.touches === 'edits' && dialect.frameEditor !== undefined);
  const handler = isWritten ? translateFrames(chain, writer, framing) : passed;
  const usage = (output: number) => {
    const own = estimated(resuming?.call ?? call, output);
    return resuming?.total(own) ?? own;
  };
  return cutFrames(handler, { allowance, writer, isWritten, chain, framing, usage });
}

function passedFrames(upstream: Dialect, call: LlmCall, chain: PolicyChain, writer: ReplyWriter): FrameHandler {
  if (upstream.id !== call.dialect.id) return translateFrames(chain, writer, callerFraming(call.dialect));
  const hides = call.head.wantsUsage ? () => false : (frame: Frame) => upstream.isUsageOnly(frame);
  if (chain.touches === 'edits') return editFrames(chain, upstream, hides);
  return chain.touches === 'reads' ? watchFrames(chain, hides) : filterFrames(upstream);
}

/** What a caller who asked to have the stream explained is told, after all else, as a comment no parser minds. */
function trailer(
  ask: Ask,
  end: StreamEnd,
  walked: Walked<AnsweredStream> | undefined,
  writer: ReplyWriter | undefined,
  resuming: Resuming | undefined,
): string {
  const cost = walked === undefined ? undefined : charged(ask, walked.answer, end.usage, resuming)?.cost;
  const loss = [...(walked?.answer.dispatch.loss ?? []), ...(writer?.loss ?? []), ...(resuming?.loss ?? [])];
  const told = {
    status: end.status,
    model: walked === undefined ? undefined : nameOf(walked.answer.target),
    attempts: walked === undefined ? undefined : walked.attempts + (resuming?.attempts ?? 0),
    usage: end.usage,
    cost: cost === undefined ? undefined : formatUsd(cost),
    loss: loss.length > 0 ? loss : undefined,
    decision: ask.routed.decision.toJson(),
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
