import { type AttemptLimits, type Walked, walk } from '../../core/attempt.ts';
import type { LlmCall } from '../../core/call.ts';
import { callerLeft } from '../../core/closing.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { sse } from '../../core/framing.ts';
import { chooseLane, type Lane } from '../../core/lane.ts';
import { type Opened, openStream } from '../../core/opening.ts';
import type { Plan } from '../../core/plan.ts';
import type { Touches } from '../../core/policy.ts';
import { readText } from '../../core/reader.ts';
import type { PolicyChain } from '../../core/run.ts';
import type { Target } from '../../core/strategy.ts';
import type { Continued } from './continued.ts';
import { withoutForeignReasoning } from './continuity/foreign-reasoning.ts';
import { settle } from './continuity/keeper.ts';
import { foresee } from './limits/foresee.ts';
import { limitedTo } from './limits/limited.ts';
import type { Resolved } from './resolve.ts';
import { type Dispatch, type Line, openLine, prepare, send } from './upstream.ts';
import { type WholeReply, wholeReply, writerOptions } from './whole.ts';

/** Bytes of a whole JSON answer; far above any answer a model gives. */
const REPLY_BYTES = 64 * 1024 * 1024;

export interface Answered {
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
  /** Output tokens that are held for, where they are fewer than may come. */
  readonly part: number | undefined;
}

/** One try at a target. `part`: the output tokens that are held for, where they are fewer than may come. */
type Attempt<T> = (target: Target, part: number | undefined) => Promise<T>;

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
    readonly continued: Continued,
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
    return this.#walk(targets, this.exchange.signal, (target, part) => this.#whole(target, part));
  }

  stream(targets: readonly Target[]): Promise<Walked<AnsweredStream>> {
    return this.#walk(targets, this.#leaving.signal, (target, part) => this.#stream(target, part));
  }

  /** Limits follow the target that serves: each is held for before it is asked. */
  #held<T>(attempt: Attempt<T>): (target: Target) => Promise<T> {
    const { hold } = this.exchange;
    if (hold === undefined) return (target) => attempt(target, undefined);
    return async (target) => attempt(target, await hold.take(await foresee(this.call, target, this.plan, this.exchange)));
  }

  #walk<T>(targets: readonly Target[], signal: AbortSignal, attempt: Attempt<T>): Promise<Walked<T>> {
    const limits: AttemptLimits = { attempts: this.resolved.attempts, deadline: this.deadline };
    return walk(targets, limits, { clock: this.exchange.ports.clock, signal, sleep, random: Math.random }, this.#held(attempt));
  }

  /**
   * The platform ends a call whose caller has left by the request's own signal, and what is still open when the
   * exchange is over: a whole answer needs no line of its own, only a limit to the wait.
   */
  #whole(target: Target, part: number | undefined): Promise<AnsweredWhole> {
    return this.#askWhole(target, prepare(this.#withinPart(target, part), target, this.plan, this.exchange));
  }

  /** An answer that comes at once cannot be cut off: its provider is told to keep it within what is held for it. */
  #withinPart({ provider }: Target, part: number | undefined): LlmCall {
    return part === undefined ? this.call : limitedTo(this.call, part, this.plan.providers.get(provider)?.provider.quirks ?? {});
  }

  async #askWhole(target: Target, dispatch: Dispatch): Promise<AnsweredWhole> {
    try {
      return await within(this.#readWhole(dispatch, target), this.#left());
    } catch (thrown) {
      const again = this.#again(thrown, dispatch);
      if (again !== undefined) return this.#askWhole(target, again);
      throw unreachable(thrown);
    }
  }

  /** What may be asked once more of a target that refused the call for a reason that can be taken out of it. */
  #again(thrown: unknown, dispatch: Dispatch): Dispatch | undefined {
    return this.call.headers.get('x-weir-strict') === '1' ? undefined : withoutForeignReasoning(thrown, dispatch);
  }

  async #readWhole(dispatch: Dispatch, target: Target): Promise<AnsweredWhole> {
    const response = await send(dispatch, target, this.exchange.signal, this.exchange);
    const at = this.exchange.ports.clock.now();
    const text = await readText(response, REPLY_BYTES);
    if (text === undefined) throw new GatewayError('upstream_invalid', 'The provider sent a larger answer than any model gives.');
    const options = writerOptions(this.exchange, this.call, nameOf(target));
    const reply = await wholeReply(text, dispatch.dialect, this.call, this.chain, options, this.continued.keepers);
    return { target, dispatch, at, reply: await this.#kept(reply, target, dispatch.dialect.id !== this.call.dialect.id) };
  }

  /** The answer as those who keep something of it leave it. */
  async #kept(reply: WholeReply, target: Target, translated: boolean): Promise<WholeReply> {
    const { keepers } = this.continued;
    if (keepers.length === 0) return reply;
    let { body } = reply;
    for (const keeper of keepers) body = (await keeper.whole?.(body, target, translated)) ?? body;
    await settle(keepers);
    return { ...reply, body };
  }

  async #stream(
    target: Target,
    part: number | undefined,
    dispatch = prepare(this.call, target, this.plan, this.exchange),
  ): Promise<AnsweredStream> {
    const { dialect, framing } = dispatch;
    const lane = chooseLane({
      framed: framing !== sse,
      sameDialect: dialect.id === this.call.dialect.id,
      touches: part !== undefined && this.#touches === 'nothing' ? 'reads' : this.#touches,
      hidesUsage: !this.call.head.wantsUsage,
    });
    const line = openLine(Math.min(this.resolved.timeout.firstToken, this.#left()));
    this.#line = line;
    try {
      const response = await send(dispatch, target, line.signal, this.exchange);
      if (response.body === null || !framing.accepts(response.headers.get('content-type') ?? '')) {
        throw new GatewayError('upstream_invalid', 'The provider answered a streaming request with something that is not an event stream.');
      }
      const opened = await openStream(response.body, dialect, lane === 'pipe', (reason) => line.abort(reason), framing, target.model);
      line.answered();
      this.#begun(opened, target);
      return { target, dispatch, at: this.exchange.ports.clock.now(), opened, lane, part };
    } catch (thrown) {
      // A deadline aborts the call, and the platform's error for that says nothing: the signal's reason does.
      const error = unreachable(line.signal.aborted ? line.signal.reason : thrown);
      line.abort(error);
      const again = this.#again(error, dispatch);
      if (again !== undefined) return this.#stream(target, part, again);
      throw error;
    }
  }

  /** What is done to the response: a keeper who wants its frames reads them. */
  get #touches(): Touches {
    const { touches } = this.chain;
    return touches === 'nothing' && this.continued.keepers.some(({ wantsFrames }) => wantsFrames === true) ? 'reads' : touches;
  }

  /** An answer in the caller's own dialect names itself in its first frames. */
  #begun({ dialect, frames }: Opened, target: Target): void {
    if (dialect.id !== this.call.dialect.id || this.continued.keepers.length === 0) return;
    for (const { chunks = [] } of frames) {
      for (const chunk of chunks) {
        if (chunk.type !== 'start' || chunk.id === undefined) continue;
        for (const keeper of this.continued.keepers) keeper.begun?.(chunk.id, target);
      }
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
export function unreachable(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof TypeError || (thrown instanceof Error && /network|connection|stream/i.test(thrown.message))) {
    return new GatewayError('upstream_interrupted', 'The connection to the provider broke before it answered.', { cause: thrown });
  }
  return GatewayError.from(thrown);
}

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
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
