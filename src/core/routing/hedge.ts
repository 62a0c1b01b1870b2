import { type AttemptLimits, type AttemptTools, type Candidate, type Walked, walk } from '../attempt.ts';
import { GatewayError } from '../errors.ts';
import type { Try } from '../health.ts';
import { refusalOf } from './refusals.ts';

/** One of the two walks of a race. */
export interface Runner {
  readonly as: 'first' | 'hedge';
  /** Aborted when the other one has answered, or the caller has left. */
  readonly signal: AbortSignal;
}

export interface HedgeOptions<T> {
  /** Milliseconds from the first try's beginning until a second walk begins beside it; `undefined`: none does. */
  after(first: Candidate): number | undefined;
  /** Before the second walk asks anybody: throws where it may not. The first walk is not disturbed by that. */
  admit?(candidate: Candidate): Promise<void>;
  /** Lets go of an answer that came when the other walk had been first. */
  discard(answer: T): void;
}

export type RunnerAttempt<T> = (candidate: Candidate, trying: Try | undefined, runner: Runner) => Promise<T>;

/** Whose answer it is, too. */
export interface Raced<T> extends Walked<T> {
  readonly by: Runner['as'];
}

/**
 * Walks the candidates, and where the first try does not begin to answer in time, walks the others beside it. The first
 * answer of the two is the answer, the other walk ends at once. Where the first try fails before that time nothing is
 * different from `walk`: there is nothing to wait for any more. The second walk is one try beyond the first, taken from
 * what the model's calls have earned. No candidate is asked by both. Throws as `walk` does, the worst error of both.
 */
export function hedgedWalk<T>(
  candidates: readonly Candidate[],
  limits: AttemptLimits,
  tools: AttemptTools,
  attempt: RunnerAttempt<T>,
  options: HedgeOptions<T>,
): Promise<Raced<T>> {
  return new Race(candidates, limits, tools, attempt, options).run();
}

class Lane implements Runner {
  readonly signal: AbortSignal;
  readonly #end = new AbortController();
  readonly asked = new Set<Candidate>();
  isRunning = false;

  constructor(
    readonly as: Runner['as'],
    caller: AbortSignal,
  ) {
    this.signal = this.#end.signal;
    if (caller.aborted) this.#end.abort(caller.reason);
    else caller.addEventListener('abort', () => this.#end.abort(caller.reason));
  }

  lose(): void {
    this.#end.abort(outrun());
  }
}

class Race<T> {
  readonly #candidates: readonly Candidate[];
  readonly #limits: AttemptLimits;
  readonly #tools: AttemptTools;
  readonly #attempt: RunnerAttempt<T>;
  readonly #options: HedgeOptions<T>;
  readonly #first: Lane;
  readonly #second: Lane;
  readonly #done = Promise.withResolvers<Raced<T>>();
  /** Ends the wait for the time at which the second walk begins. */
  readonly #waiting = new AbortController();
  readonly #errors: GatewayError[] = [];
  /** One has answered, or both have failed. */
  #isOver = false;
  #isTimed = false;
  #attempts = 0;

  constructor(
    candidates: readonly Candidate[],
    limits: AttemptLimits,
    tools: AttemptTools,
    attempt: RunnerAttempt<T>,
    options: HedgeOptions<T>,
  ) {
    this.#candidates = candidates;
    this.#limits = limits;
    this.#tools = tools;
    this.#attempt = attempt;
    this.#options = options;
    this.#first = new Lane('first', tools.signal);
    this.#second = new Lane('hedge', tools.signal);
  }

  run(): Promise<Raced<T>> {
    this.#start(this.#first, this.#candidates);
    return this.#done.promise;
  }

  #start(lane: Lane, candidates: readonly Candidate[]): void {
    lane.isRunning = true;
    const other = this.#otherOf(lane);
    const tools: AttemptTools = {
      ...this.#tools,
      signal: lane.signal,
      ...(lane.as === 'hedge' ? { as: 'hedge' as const } : {}),
      // While both are under way the first one stays where it is, and the second has all the rest.
      isTaken: (candidate) => other.asked.has(candidate) || (lane.as === 'first' && other.isRunning),
    };
    const walked = walk(candidates, this.#limits, tools, (candidate, trying) => this.#try(lane, candidate, trying));
    walked.then(
      ({ answer }) => this.#done.resolve({ answer, attempts: this.#attempts, by: lane.as }),
      (thrown: unknown) => this.#failed(lane, GatewayError.from(thrown)),
    );
  }

  async #try(lane: Lane, candidate: Candidate, trying: Try | undefined): Promise<T> {
    if (lane.as === 'hedge') {
      lane.signal.throwIfAborted();
      await this.#options.admit?.(candidate);
      lane.signal.throwIfAborted();
    }
    lane.asked.add(candidate);
    this.#attempts += 1;
    if (lane.as === 'first') this.#time(candidate);
    try {
      const answer = await this.#attempt(candidate, trying, lane);
      if (!this.#isOver) return this.#win(lane, answer);
      this.#options.discard(answer);
      throw outrun();
    } finally {
      if (lane.as === 'first') this.#waiting.abort();
    }
  }

  #win(lane: Lane, answer: T): T {
    this.#isOver = true;
    this.#waiting.abort();
    const other = this.#otherOf(lane);
    if (other.isRunning) other.lose();
    return answer;
  }

  /** Only the very first try is waited for: what is asked after a failure is the second try already. */
  #time(candidate: Candidate): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    const after = this.#options.after(candidate);
    const rest = besides(this.#candidates, candidate);
    if (after === undefined || rest.length === 0) return;
    void this.#tools.sleep(after, this.#waiting.signal).then(() => {
      if (!this.#waiting.signal.aborted && this.#mayHedge()) this.#start(this.#second, rest);
    });
  }

  #mayHedge(): boolean {
    const { clock, health } = this.#tools;
    return !this.#first.signal.aborted && clock.now() < this.#limits.deadline && health?.takeRetry(this.#limits.model) !== false;
  }

  #failed(lane: Lane, error: GatewayError): void {
    lane.isRunning = false;
    // Who asked nobody has nothing to tell.
    if (lane.as === 'first' || lane.asked.size > 0) this.#errors.push(error);
    if (this.#isOver) return;
    const other = this.#otherOf(lane);
    if (!other.isRunning) this.#end();
    else if (lane.as === 'first' && isFinal(error, lane.asked)) {
      other.lose();
      this.#end();
    }
  }

  #end(): void {
    this.#isOver = true;
    const own = this.#errors.find(({ fault }) => fault === 'client');
    const error = own ?? this.#errors.at(-1) ?? outrun();
    error.attempts = this.#attempts;
    this.#done.reject(error);
  }

  #otherOf(lane: Lane): Lane {
    return lane === this.#first ? this.#second : this.#first;
  }
}

/** Who is asked beside a candidate, in this order: a slow target is not asked beside itself while there is another; its other credentials come last. */
export function besides(candidates: readonly Candidate[], asked: Candidate): readonly Candidate[] {
  const rest = candidates.filter((each) => each !== asked);
  return [...rest.filter(({ target }) => target !== asked.target), ...rest.filter(({ target }) => target === asked.target)];
}

/** What is the call's own fault is no better elsewhere, unless the operator says that it may be. */
function isFinal(error: GatewayError, asked: ReadonlySet<Candidate>): boolean {
  if (error.code === 'internal') return true;
  if (error.fault !== 'client') return false;
  const refusal = refusalOf(error);
  return refusal === undefined || ![...asked].some(({ on }) => on.includes(refusal));
}

const outrun = () => new GatewayError('internal', 'Another target answered first.');
