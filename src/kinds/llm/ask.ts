import { type AttemptLimits, type Walked, walk } from '../../core/attempt.ts';
import type { LlmCall } from '../../core/call.ts';
import { callerLeft } from '../../core/closing.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { sse } from '../../core/framing.ts';
import { chooseLane, type Lane } from '../../core/lane.ts';
import { type Opened, openStream } from '../../core/opening.ts';
import type { Plan } from '../../core/plan.ts';
import { readText } from '../../core/reader.ts';
import type { PolicyChain } from '../../core/run.ts';
import type { Target } from '../../core/strategy.ts';
import type { Resolved } from './resolve.ts';
import { type Dispatch, type Line, openLine, prepare, send } from './upstream.ts';
import { type WholeReply, wholeReply, writerOptions } from './whole.ts';

/** Bytes of a whole JSON answer; far above any answer a model gives. */
const REPLY_BYTES = 64 * 1024 * 1024;

interface Answered {
  readonly target: Target;
  readonly dispatch: Dispatch;
  readonly at: number;
}
export interface AnsweredWhole extends Answered {
  readonly reply: WholeReply;
}
export interface AnsweredStream extends Answered {
  readonly opened: Opened;
  readonly lane: Lane;
}

export const nameOf = ({ provider, model }: Target) => `${provider}/${model}`;

/** One call being asked of its targets: what every try needs to know, and the two forms it takes. */
export class Ask {
  readonly #leaving = new AbortController();
  #line: Line | undefined;

  constructor(
    readonly call: LlmCall,
    readonly exchange: Exchange,
    readonly chain: PolicyChain,
    readonly plan: Plan,
    readonly resolved: Resolved,
    /** Milliseconds since the epoch. */
    readonly deadline: number,
  ) {}

  /** Whether the caller is known to have left. */
  get isAbandoned(): boolean {
    return this.#leaving.signal.aborted || this.exchange.signal.aborted;
  }

  /** The caller has left: the try that is under way ends, and no other begins. */
  readonly giveUp = (): void => {
    this.#leaving.abort(callerLeft());
    this.#line?.abort(callerLeft());
  };

  /** Gives up when the platform notices that the caller has left. Listening costs as much as a small policy, so it is for those who wait. */
  listen(): void {
    if (this.exchange.signal.aborted) this.giveUp();
    else this.exchange.signal.addEventListener('abort', this.giveUp);
  }

  whole(targets: readonly Target[]): Promise<Walked<AnsweredWhole>> {
    return this.#walk(targets, this.exchange.signal, (target) => this.#whole(target));
  }

  stream(targets: readonly Target[]): Promise<Walked<AnsweredStream>> {
    return this.#walk(targets, this.#leaving.signal, (target) => this.#stream(target));
  }

  #walk<T>(targets: readonly Target[], signal: AbortSignal, attempt: (target: Target) => Promise<T>): Promise<Walked<T>> {
    const limits: AttemptLimits = { attempts: this.resolved.attempts, deadline: this.deadline };
    return walk(targets, limits, { clock: this.exchange.ports.clock, signal, sleep, random: Math.random }, attempt);
  }

  /**
   * The platform ends a call whose caller has left by the request's own signal, and what is still open when the
   * exchange is over: a whole answer needs no line of its own, only a limit to the wait.
   */
  async #whole(target: Target): Promise<AnsweredWhole> {
    const dispatch = prepare(this.call, target, this.plan, this.exchange);
    try {
      return await within(this.#readWhole(dispatch, target), this.#left());
    } catch (thrown) {
      throw unreachable(thrown);
    }
  }

  async #readWhole(dispatch: Dispatch, target: Target): Promise<AnsweredWhole> {
    const response = await send(dispatch, target, this.exchange.signal, this.exchange);
    const at = this.exchange.ports.clock.now();
    const text = await readText(response, REPLY_BYTES);
    if (text === undefined) throw new GatewayError('upstream_invalid', 'The provider sent a larger answer than any model gives.');
    const options = writerOptions(this.exchange, this.call, nameOf(target));
    return { target, dispatch, at, reply: await wholeReply(text, dispatch.dialect, this.call, this.chain, options) };
  }

  async #stream(target: Target): Promise<AnsweredStream> {
    const dispatch = prepare(this.call, target, this.plan, this.exchange);
    const { dialect, framing } = dispatch;
    const lane = chooseLane({
      framed: framing !== sse,
      sameDialect: dialect.id === this.call.dialect.id,
      touches: this.chain.touches,
      hidesUsage: !this.call.head.wantsUsage,
    });
    const line = openLine(Math.min(this.resolved.timeout.firstToken, this.#left()));
    this.#line = line;
    try {
      const response = await send(dispatch, target, line.signal, this.exchange);
      if (response.body === null || !framing.accepts(response.headers.get('content-type') ?? '')) {
        throw new GatewayError('upstream_invalid', 'The provider answered a streaming request with something that is not an event stream.');
      }
      const opened = await openStream(response.body, dialect, lane === 'pipe', (reason) => line.abort(reason), framing);
      line.answered();
      return { target, dispatch, at: this.exchange.ports.clock.now(), opened, lane };
    } catch (thrown) {
      // A deadline aborts the call, and the platform's error for that says nothing: the signal's reason does.
      const error = unreachable(line.signal.aborted ? line.signal.reason : thrown);
      line.abort(error);
      throw error;
    }
  }

  /** Milliseconds until the deadline, at least one. */
  #left(): number {
    return Math.max(1, this.deadline - this.exchange.ports.clock.now());
  }
}

/** The work's result, unless it takes longer. The timer is not cleared: clearing costs as much as setting, and it goes with the request. */
function within<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    work.then(resolve, reject);
    setTimeout(() => reject(new GatewayError('upstream_timeout', `The provider did not answer within ${ms} ms.`)), ms);
  });
}

/** What a connection that failed under us is called: the platform's own error names nothing a caller may see. */
function unreachable(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof TypeError || (thrown instanceof Error && /network|connection|stream/i.test(thrown.message))) {
    return new GatewayError('upstream_interrupted', 'The connection to the provider broke before it answered.', { cause: thrown });
  }
  return GatewayError.from(thrown);
}

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
