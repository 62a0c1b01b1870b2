import { type AttemptLimits, type Walked, walk } from '../../core/attempt.ts';
import type { LlmCall } from '../../core/call.ts';
import { callerLeft, type StreamEnd, type StreamOptions } from '../../core/closing.ts';
import type { Dialect, ReplyWriter } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { editFrames, filterFrames, translateFrames, watchFrames } from '../../core/frames.ts';
import type { Reply, ReplyEnd } from '../../core/kind.ts';
import { chooseLane, type Lane } from '../../core/lane.ts';
import { type Opened, openStream } from '../../core/opening.ts';
import type { Plan } from '../../core/plan.ts';
import type { FrameHandler } from '../../core/pump.ts';
import { readText } from '../../core/reader.ts';
import type { PolicyChain } from '../../core/run.ts';
import type { Frame } from '../../core/sse.ts';
import type { Target } from '../../core/strategy.ts';
import { carryStream } from '../../core/stream.ts';
import { countTokens } from './count.ts';
import { type Resolved, resolveModel } from './resolve.ts';
import { type Dispatch, type Line, openLine, prepare, send } from './upstream.ts';
import { estimated, type WholeReply, wholeReply, writerOptions } from './whole.ts';

/** Bytes of a whole JSON answer; far above any answer a model gives. */
const REPLY_BYTES = 64 * 1024 * 1024;

interface Answered {
  readonly target: Target;
  readonly dispatch: Dispatch;
  readonly at: number;
}
interface AnsweredWhole extends Answered {
  readonly reply: WholeReply;
}
interface AnsweredStream extends Answered {
  readonly opened: Opened;
  readonly lane: Lane;
}

const nameOf = ({ provider, model }: Target) => `${provider}/${model}`;

/** Serves one chat call: the strategy orders the targets, the attempt loop walks them, the answer takes its lane. */
export async function serveChat(call: LlmCall, exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply> {
  const resolved = withCallerLimit(resolveModel(plan, call.head.model), call);
  const targets = await ordered(resolved, call, exchange);
  if (call.operation === 'count-tokens') return countTokens(call, targets, exchange, plan);
  const deadline = exchange.ports.clock.now() + resolved.timeout.total;
  const attempt = new Attempt(call, exchange, chain, plan, resolved, deadline);
  return call.head.stream ? streamReply(attempt, targets) : wholeAnswer(attempt, targets);
}

/** `x-weir-timeout`: how long the caller is willing to wait for the first token (or a whole JSON answer), in ms. */
function withCallerLimit(resolved: Resolved, call: LlmCall): Resolved {
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

/** What one try on a target needs to know, and the two forms it takes. */
class Attempt {
  /** Aborted when the caller has left. */
  readonly signal: AbortSignal;
  readonly giveUp: () => void = () => undefined;

  constructor(
    readonly call: LlmCall,
    readonly exchange: Exchange,
    readonly chain: PolicyChain,
    readonly plan: Plan,
    readonly resolved: Resolved,
    readonly deadline: number,
  ) {
    // A caller who leaves before the first byte is often only noticed by writing to it: the walk can be given up from here too.
    if (!call.head.stream) {
      this.signal = exchange.signal;
      return;
    }
    const leaving = new AbortController();
    exchange.signal.addEventListener('abort', () => leaving.abort(callerLeft()));
    this.signal = leaving.signal;
    this.giveUp = () => leaving.abort(callerLeft());
  }

  walk<T>(targets: readonly Target[], attempt: (target: Target) => Promise<T>): Promise<Walked<T>> {
    const limits: AttemptLimits = { attempts: this.resolved.attempts, deadline: this.deadline };
    const { clock } = this.exchange.ports;
    return walk(targets, limits, { clock, signal: this.signal, sleep, random: Math.random }, attempt);
  }

  async whole(target: Target): Promise<AnsweredWhole> {
    const dispatch = prepare(this.call, target, this.plan, this.exchange);
    return this.#onLine(async (line) => {
      const response = await send(dispatch, target, line, this.exchange);
      const at = this.exchange.ports.clock.now();
      const text = await readText(response, REPLY_BYTES);
      if (text === undefined) throw new GatewayError('upstream_invalid', 'The provider sent a larger answer than any model gives.');
      line.answered();
      const options = writerOptions(this.exchange, this.call, nameOf(target));
      const reply = await wholeReply(text, dispatch.dialect, this.call, this.chain, options);
      return { target, dispatch, at, reply };
    }, this.resolved.timeout.total);
  }

  async stream(target: Target): Promise<AnsweredStream> {
    const dispatch = prepare(this.call, target, this.plan, this.exchange);
    const { dialect } = dispatch;
    const lane = chooseLane({
      sameDialect: dialect.id === this.call.dialect.id,
      touches: this.chain.touches,
      hidesUsage: !this.call.head.wantsUsage,
    });
    return this.#onLine(async (line) => {
      const response = await send(dispatch, target, line, this.exchange);
      if (response.body === null || !isEventStream(response)) {
        throw new GatewayError('upstream_invalid', 'The provider answered a streaming request with something that is not an event stream.');
      }
      const opened = await openStream(response.body, dialect, lane === 'pipe', (reason) => line.abort(reason));
      line.answered();
      return { target, dispatch, at: this.exchange.ports.clock.now(), opened, lane };
    }, this.resolved.timeout.firstToken);
  }

  /** Runs a try on a line of its own; a try that fails leaves nothing open. */
  async #onLine<T>(work: (line: Line) => Promise<T>, firstToken: number): Promise<T> {
    const line = openLine(this.signal, Math.max(1, Math.min(firstToken, this.deadline - this.exchange.ports.clock.now())));
    try {
      return await work(line);
    } catch (thrown) {
      // A deadline aborts the call, and the platform's error for that says nothing: the signal's reason does.
      const reason: unknown = line.signal.aborted ? line.signal.reason : thrown;
      const error = unreachable(reason);
      line.abort(error);
      throw error;
    }
  }
}

/** What a connection that failed under us is called: the platform's own error names nothing a caller may see. */
function unreachable(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof TypeError || (thrown instanceof Error && /network|connection|stream/i.test(thrown.message))) {
    return new GatewayError('upstream_interrupted', 'The connection to the provider broke before it answered.', { cause: thrown });
  }
  return GatewayError.from(thrown);
}

const isEventStream = (response: Response) => (response.headers.get('content-type') ?? '').toLowerCase().startsWith('text/event-stream');

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}

async function wholeAnswer(attempt: Attempt, targets: readonly Target[]): Promise<Reply> {
  const { answer, attempts } = await attempt.walk(targets, (target) => attempt.whole(target));
  const { target, dispatch, reply, at } = answer;
  const servedModel = nameOf(target);
  return {
    status: 200,
    contentType: 'application/json',
    body: reply.body,
    stream: false,
    servedModel,
    attempts,
    loss: [...dispatch.loss, ...reply.loss],
    done: { status: 'complete', usage: reply.usage, servedModel, attempts, firstTokenAt: at },
  };
}

/**
 * A stream's head goes out with its first content event. Where that is long in coming the head goes alone, so that
 * pings can keep the caller's connection alive while the walk goes on behind it.
 */
async function streamReply(attempt: Attempt, targets: readonly Target[]): Promise<Reply> {
  const { exchange, plan } = attempt;
  const walked = attempt.walk(targets, (target) => attempt.stream(target));
  const first = await firstWithin(walked, plan.limits.ping);
  const { readable, writable } = exchange.ports.pipe();
  const base = { status: 200, contentType: 'text/event-stream; charset=utf-8', body: readable, stream: true } as const;
  if (first === undefined) {
    const later = walked.then(({ answer }) => answer.opened);
    return { ...base, loss: [], done: carry(attempt, writable, walked, later) };
  }
  const { answer, attempts } = first;
  const servedModel = nameOf(answer.target);
  const done = carry(attempt, writable, first, answer.opened);
  return { ...base, lane: answer.lane, servedModel, attempts, loss: answer.dispatch.loss, done };
}

async function carry(
  attempt: Attempt,
  writable: WritableStream<Uint8Array>,
  walked: Walked<AnsweredStream> | Promise<Walked<AnsweredStream>>,
  upstream: Opened | Promise<Opened>,
): Promise<ReplyEnd> {
  let known: Walked<AnsweredStream> | undefined;
  const handler = async () => {
    known = await walked;
  };
  const learning = handler().catch(() => undefined);
  const end = await carryStream(
    writable,
    upstream,
    streamOptions(attempt, () => known),
  );
  await (end.status === 'aborted' && known === undefined ? undefined : learning);
  // A walk that was given up because the caller left fails in many ways, and means one thing.
  const gone = end.status === 'failed' && attempt.signal.aborted;
  return {
    ...(gone ? { status: 'aborted' as const } : end),
    attempts: known?.attempts ?? end.error?.attempts ?? 0,
    ...(known === undefined ? {} : { servedModel: nameOf(known.answer.target), firstTokenAt: known.answer.at }),
  };
}

function streamOptions(attempt: Attempt, known: () => Walked<AnsweredStream> | undefined): StreamOptions {
  const { call, exchange, chain, plan, resolved, deadline } = attempt;
  const { dialect } = call;
  let writer: ReplyWriter | undefined;
  return {
    clock: exchange.ports.clock,
    ping: plan.limits.ping,
    idle: resolved.timeout.idle,
    deadline,
    giveUp: attempt.giveUp,
    errorFrame: (error) => dialect.errorFrame(error, exchange.id),
    handler(opened) {
      const served = known()?.answer.target;
      writer = dialect.replyWriter(writerOptions(exchange, call, served === undefined ? call.head.model : nameOf(served)));
      return frameHandler(opened.dialect, call, chain, writer);
    },
    settle(meter, metered) {
      // Usage that comes before the finish is a beginning, not a total.
      if (metered.usage !== undefined && (metered.ended || metered.finish !== undefined)) return metered.usage;
      return estimated(call, meter.estimateOutput(), metered.usage);
    },
    ...(call.headers.get('x-weir-explain') === '1' ? { trailer: (end: StreamEnd) => trailer(end, known(), writer) } : {}),
  };
}

function frameHandler(upstream: Dialect, call: LlmCall, chain: PolicyChain, writer: ReplyWriter): FrameHandler {
  if (upstream.id !== call.dialect.id) return translateFrames(chain, writer);
  const hides = call.head.wantsUsage ? () => false : (frame: Frame) => upstream.isUsageOnly(frame);
  if (chain.touches === 'edits') return editFrames(chain, upstream, hides);
  return chain.touches === 'reads' ? watchFrames(chain, hides) : filterFrames(upstream);
}

/** What a caller who asked to have the stream explained is told, after all else, as a comment no parser minds. */
function trailer(end: StreamEnd, walked: Walked<AnsweredStream> | undefined, writer: ReplyWriter | undefined): string {
  const loss = [...(walked?.answer.dispatch.loss ?? []), ...(writer?.loss ?? [])];
  const told = {
    status: end.status,
    model: walked === undefined ? undefined : nameOf(walked.answer.target),
    attempts: walked?.attempts,
    usage: end.usage,
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
