import type { Candidate, Walked } from '../../core/attempt.ts';
import type { LlmCall } from '../../core/call.ts';
import { callerLeft } from '../../core/closing.ts';
import { GatewayError, outOfTime } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { sse } from '../../core/framing.ts';
import type { Try } from '../../core/health.ts';
import { chooseLane, type Lane } from '../../core/lane.ts';
import { type Opened, openStream } from '../../core/opening.ts';
import type { Plan, Timeouts } from '../../core/plan.ts';
import type { Touches } from '../../core/policy.ts';
import { readText } from '../../core/reader.ts';
import type { Runner } from '../../core/routing/hedge.ts';
import type { PolicyChain } from '../../core/run.ts';
import { nameOf, type Target } from '../../core/strategy.ts';
import type { Continued } from './continued.ts';
import { withoutForeignReasoning } from './continuity/foreign-reasoning.ts';
import { settle } from './continuity/keeper.ts';
import { limitedTo } from './limits/limited.ts';
import { candidatesOf } from './routing/candidates.ts';
import type { Routed } from './routing/route.ts';
import { type Dispatch, type Line, openLine, prepare, send } from './upstream.ts';
import { type Trial, Walks } from './walks.ts';
import { type WholeReply, wholeReply, writerOptions } from './whole.ts';

/** Bytes of a whole JSON answer; far above any answer a model gives. */
const REPLY_BYTES = 64 * 1024 * 1024;

export interface Answered {
  readonly candidate: Candidate;
  readonly target: Target;
  /** How the place did, to be told when the answer is over; absent where nobody wants to know. */
  readonly trying: Try | undefined;
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

/** One call being asked of its targets: what every try needs to know, and the two forms it takes. */
export class Ask {
  readonly #leaving = new AbortController();
  /** Whether every frame is written here, so that another upstream can go on with the answer. */
  writesAll = false;
  readonly #walks: Walks;
  #line: Line | undefined;

  constructor(
    readonly call: LlmCall,
    readonly exchange: Exchange,
    readonly chain: PolicyChain,
    readonly plan: Plan,
    readonly routed: Routed,
    /** Milliseconds since the epoch. */
    readonly deadline: number,
    readonly continued: Continued,
  ) {
    this.#walks = new Walks({ call, exchange, plan, routed, deadline, continued });
  }

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
    const { signal } = this.exchange;
    return this.#walks.walk(this.candidates(targets), signal, { attempt: (trial) => this.#whole(trial), discard: () => undefined });
  }

  stream(targets: readonly Target[]): Promise<Walked<AnsweredStream>> {
    const { signal } = this.#leaving;
    const discard = ({ opened }: AnsweredStream) => opened.abort(callerLeft());
    return this.#walks.walk(this.candidates(targets), signal, { attempt: (trial) => this.#stream(trial), discard });
  }

  /** Asks others to go on with an answer that broke off: each is sent the call that `callFor` makes for it. */
  resume(candidates: readonly Candidate[], callFor: (target: Target) => LlmCall): Promise<Walked<AnsweredStream>> {
    return this.#walks.resume(candidates, this.#leaving.signal, callFor, (trial, call) => {
      return this.#stream(trial, this.#prepare(call, trial), false);
    });
  }

  /** Every target with each of its credentials, in the order in which they are asked. */
  candidates(targets: readonly Target[]): readonly Candidate[] {
    const candidates = candidatesOf(targets, this.routed, this.plan, this.exchange.ports);
    const { credential } = this.continued;
    const own = credential === undefined ? [] : candidates.filter((each) => each.credential === credential);
    return own.length === 0 ? candidates : own;
  }

  #timeouts(target: Target): Timeouts {
    return this.routed.rulesOf(target).timeout;
  }

  /**
   * The platform ends a call whose caller has left by the request's own signal, and what is still open when the
   * exchange is over: a whole answer needs no line of its own, only a limit to the wait.
   */
  #whole(trial: Trial): Promise<AnsweredWhole> {
    return this.#askWhole(trial, this.#prepare(this.#withinPart(trial.candidate.target, trial.part), trial));
  }

  /** What the innermost model says that names the target holds, and else what the one says that was asked for. */
  #prepare(call: LlmCall, { candidate: { target, credential } }: Trial): Dispatch {
    const promptCache = this.routed.rulesOf(target).promptCache ?? this.routed.resolved.promptCache;
    return prepare(call, target, this.plan, this.exchange, credential, promptCache);
  }

  /** An answer that comes at once cannot be cut off: its provider is told to keep it within what is held for it. */
  #withinPart({ provider }: Target, part: number | undefined): LlmCall {
    return part === undefined ? this.call : limitedTo(this.call, part, this.plan.providers.get(provider)?.provider.quirks ?? {});
  }

  async #askWhole(trial: Trial, dispatch: Dispatch): Promise<AnsweredWhole> {
    try {
      return await this.#inTime(trial, dispatch);
    } catch (thrown) {
      const again = this.#again(thrown, dispatch);
      if (again !== undefined) return this.#askWhole(trial, again);
      throw unreachable(thrown);
    }
  }

  /**
   * A target that may not take all the time there is, or is asked beside another, has a line of its own, which ends when
   * it may answer no more.
   */
  async #inTime(trial: Trial, dispatch: Dispatch): Promise<AnsweredWhole> {
    const { candidate, runner } = trial;
    const { answer } = this.#timeouts(candidate.target);
    if (answer === undefined && runner === undefined) return within(this.#readWhole(trial, dispatch, this.exchange.signal), this.#left());
    const line = this.#openLine(Math.min(answer ?? this.#left(), this.#left()), runner);
    try {
      const answered = await this.#readWhole(trial, dispatch, line.signal);
      line.answered();
      return answered;
    } catch (thrown) {
      // A deadline aborts it, and the platform's own error says nothing.
      throw line.signal.aborted ? line.signal.reason : thrown;
    }
  }

  #openLine(milliseconds: number, runner: Runner | undefined): Line {
    const line = openLine(milliseconds);
    this.#line = line;
    if (runner === undefined) return line;
    const { signal } = runner;
    const end = () => line.abort(GatewayError.from(signal.reason));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end);
    return line;
  }

  /** What may be asked once more of a target that refused the call for a reason that can be taken out of it. */
  #again(thrown: unknown, dispatch: Dispatch): Dispatch | undefined {
    return this.call.headers.get('x-weir-strict') === '1' ? undefined : withoutForeignReasoning(thrown, dispatch);
  }

  async #readWhole({ candidate, trying }: Trial, dispatch: Dispatch, signal: AbortSignal): Promise<AnsweredWhole> {
    const { target } = candidate;
    const response = await send(dispatch, target, signal, this.exchange, trying);
    const at = this.exchange.ports.clock.now();
    const text = await readText(response, REPLY_BYTES);
    if (text === undefined) throw new GatewayError('upstream_invalid', 'The provider sent a larger answer than any model gives.');
    const options = writerOptions(this.exchange, this.call, nameOf(target));
    const reply = await wholeReply(text, dispatch.dialect, this.call, this.chain, options, this.continued.keepers);
    trying?.ended(reply.usage.output);
    return {
      candidate,
      trying,
      target,
      dispatch,
      at,
      reply: await this.#kept(reply, candidate, dispatch.dialect.id !== this.call.dialect.id),
    };
  }

  /** The answer as those who keep something of it leave it. */
  async #kept(reply: WholeReply, { target, credential }: Candidate, translated: boolean): Promise<WholeReply> {
    const { keepers } = this.continued;
    if (keepers.length === 0) return reply;
    let { body } = reply;
    for (const keeper of keepers) body = (await keeper.whole?.(body, target, translated, credential)) ?? body;
    await settle(keepers);
    return { ...reply, body };
  }

  async #stream(trial: Trial, dispatch = this.#prepare(this.call, trial), isWhole = true): Promise<AnsweredStream> {
    const { candidate, trying, part } = trial;
    const { target } = candidate;
    const { dialect, framing } = dispatch;
    const lane = this.#lane(dispatch, part);
    const line = this.#openLine(Math.min(this.#timeouts(target).firstToken, this.#left()), trial.runner);
    try {
      const response = await send(dispatch, target, line.signal, this.exchange, trying);
      if (response.body === null || !framing.accepts(response.headers.get('content-type') ?? '')) {
        throw new GatewayError('upstream_invalid', 'The provider answered a streaming request with something that is not an event stream.');
      }
      const opened = await openStream(response.body, dialect, lane === 'pipe', (reason) => line.abort(reason), framing, target.model);
      line.answered();
      trying?.began();
      if (isWhole) this.#begun(opened, candidate);
      return { candidate, trying, target, dispatch, at: this.exchange.ports.clock.now(), opened, lane, part };
    } catch (thrown) {
      // A deadline aborts the call, and the platform's error for that says nothing: the signal's reason does.
      const error = unreachable(line.signal.aborted ? line.signal.reason : thrown);
      line.abort(error);
      const again = this.#again(error, dispatch);
      if (again !== undefined) return this.#stream(trial, again, isWhole);
      throw error;
    }
  }

  #lane({ dialect, framing }: Dispatch, part: number | undefined): Lane {
    if (this.writesAll) return 'rewrite';
    return chooseLane({
      framed: framing !== sse,
      sameDialect: dialect.id === this.call.dialect.id,
      touches: part !== undefined && this.#touches === 'nothing' ? 'reads' : this.#touches,
      hidesUsage: !this.call.head.wantsUsage,
    });
  }

  /** What is done to the response: a keeper who wants its frames reads them. */
  get #touches(): Touches {
    const { touches } = this.chain;
    return touches === 'nothing' && this.continued.keepers.some(({ wantsFrames }) => wantsFrames === true) ? 'reads' : touches;
  }

  /** An answer in the caller's own dialect names itself in its first frames. */
  #begun({ dialect, frames }: Opened, { target, credential }: Candidate): void {
    if (dialect.id !== this.call.dialect.id || this.continued.keepers.length === 0) return;
    for (const { chunks = [] } of frames) {
      for (const chunk of chunks) {
        if (chunk.type !== 'start' || chunk.id === undefined) continue;
        for (const keeper of this.continued.keepers) keeper.begun?.(chunk.id, target, credential);
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
    setTimeout(() => reject(outOfTime(`The provider did not answer within ${ms} ms.`)), ms);
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
