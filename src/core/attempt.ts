import { type ErrorCode, GatewayError } from './errors.ts';
import type { Admission, BreakerSettings, Health, Place, Try } from './health.ts';
import type { RefusalKind } from './plan.ts';
import type { Clock } from './ports.ts';
import type { Attempted, Decision } from './routing/decision.ts';
import { refusalOf } from './routing/refusals.ts';
import type { Target } from './strategy.ts';

/** One way to ask: a target with one of its credentials. */
export interface Candidate {
  readonly target: Target;
  /** The credential's name among those of its provider. */
  readonly credential: string;
  readonly place: Place;
  /** Tries on one target, the first included. */
  readonly attempts: number;
  /** Refusals after which the next target is asked all the same. */
  readonly on: readonly RefusalKind[];
  readonly breaker: BreakerSettings;
}

export interface AttemptLimits {
  /** The model whose calls earn the tries beyond the first. */
  readonly model: string;
  /** Milliseconds since the epoch after which no new try begins. */
  readonly deadline: number;
  /** What the call may take of a place's limits, by estimate. */
  readonly tokens?: number;
  /** Of these, what is foreseen for the answer. */
  readonly output?: number;
  /** Whether the caller gives less time than the operator does. */
  readonly isHurried?: true;
}

export interface AttemptTools {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  /** Absent: everything is asked, and nothing is learnt. */
  readonly health?: Health | undefined;
  readonly decision?: Decision | undefined;
  /** What makes these tries others than the next in line. */
  readonly as?: 'hedge' | 'resume';
  /** Whether another walk asks a candidate, or has asked it: then this one passes it by. */
  readonly isTaken?: (candidate: Candidate) => boolean;
}

/** What a walk over the candidates came to: an answer, and how many calls it took. */
export interface Walked<T> {
  readonly answer: T;
  readonly attempts: number;
}

/** Milliseconds before the second try, doubled for each further one; half of it is drawn by chance. */
const BACKOFF = 200;
const MAX_BACKOFF = 5_000;

/**
 * Walks an ordering of candidates until one answers: this loop is failover and retry. A try counts as answered only
 * when `attempt` returns, which it does at the first content event; before that another target may still answer
 * and the caller has seen nothing. An error that another try cannot mend ends the walk on its target; an error
 * that is the caller's own ends it altogether. Places that have failed lately are passed over, and the tries beyond a
 * call's first are drawn from what the model's calls have earned. Throws the error that tells the caller most.
 */
export function walk<T>(
  candidates: readonly Candidate[],
  limits: AttemptLimits,
  tools: AttemptTools,
  attempt: (candidate: Candidate, trying: Try | undefined) => Promise<T>,
): Promise<Walked<T>> {
  return new Walk(candidates, limits, tools, attempt).run();
}

/** What is to be done after a failure: ask the same place again, another credential of the target, another target, or nobody. */
type Next = 'again' | 'credential' | 'target' | 'nobody';

class Walk<T> {
  readonly #candidates: readonly Candidate[];
  readonly #limits: AttemptLimits;
  readonly #tools: AttemptTools;
  readonly #attempt: (candidate: Candidate, trying: Try | undefined) => Promise<T>;
  readonly #failures: GatewayError[] = [];
  readonly #givenUp = new Set<Target>();
  #passedOver: Candidate[] = [];
  #attempts = 0;
  #isSpent = false;

  constructor(
    candidates: readonly Candidate[],
    limits: AttemptLimits,
    tools: AttemptTools,
    attempt: (candidate: Candidate, trying: Try | undefined) => Promise<T>,
  ) {
    this.#candidates = candidates;
    this.#limits = limits;
    this.#tools = tools;
    this.#attempt = attempt;
  }

  async run(): Promise<Walked<T>> {
    const { health } = this.#tools;
    if (this.#tools.as === undefined) health?.call(this.#limits.model);
    const first = await this.#over(this.#candidates);
    if (first !== undefined) return first;
    const rested = this.#attempts === 0 ? this.#shortRest() : undefined;
    if (rested !== undefined) {
      // Everybody rests, and not for long: then so does the call.
      await this.#tools.sleep(rested, this.#tools.signal);
      this.#checkCaller();
      const waiting = this.#passedOver;
      this.#passedOver = [];
      const second = await this.#over(waiting);
      if (second !== undefined) return second;
    }
    throw this.#counted(this.#worst());
  }

  async #over(candidates: readonly Candidate[]): Promise<Walked<T> | undefined> {
    for (const candidate of candidates) {
      if (this.#givenUp.has(candidate.target) || this.#tools.isTaken?.(candidate) === true) continue;
      const walked = await this.#on(candidate, candidates);
      if (walked !== undefined) return walked;
      if (this.#isSpent || this.#tools.clock.now() >= this.#limits.deadline) return undefined;
    }
    return undefined;
  }

  async #on(candidate: Candidate, candidates: readonly Candidate[]): Promise<Walked<T> | undefined> {
    for (let round = 1; ; round++) {
      const admitted = this.#admit(candidate);
      const admission = admitted instanceof Promise ? await admitted : admitted;
      if (admission === 'refused') {
        this.#passOver(candidate);
        return undefined;
      }
      if (this.#attempts > 0 && this.#tools.health?.takeRetry(this.#limits.model) === false) {
        // Whoever was to find out how a place does must not keep that to himself.
        if (admission === 'probe') this.#tools.health.begin(candidate.place, candidate.breaker, admission).left();
        this.#isSpent = true;
        return undefined;
      }
      const tried = await this.#try(candidate, admission);
      if ('answer' in tried) return { answer: tried.answer, attempts: this.#attempts };
      const next = this.#next(candidate, tried.error, round, candidates);
      if (next === 'nobody') throw this.#counted(isOfGateway(tried.error) ? tried.error : this.#worst());
      if (next === 'target') this.#givenUp.add(candidate.target);
      if (next !== 'again') return undefined;
      await this.#tools.sleep(pauseBefore(round, tried.error, this.#tools.random), this.#tools.signal);
      this.#checkCaller();
    }
  }

  #admit({ place, breaker }: Candidate): Admission | Promise<Admission> {
    return this.#tools.health?.admit(place, breaker) ?? 'go';
  }

  async #try(candidate: Candidate, admission: Admission): Promise<{ readonly answer: T } | { readonly error: GatewayError }> {
    const { health, clock, signal } = this.#tools;
    const trying = health?.begin(candidate.place, candidate.breaker, admission, this.#limits.tokens, this.#limits.output);
    this.#attempts += 1;
    const begun = clock.now();
    try {
      const answer = await this.#attempt(candidate, trying);
      this.#tell(candidate, begun, 'answered', admission);
      return { answer };
    } catch (thrown) {
      const error = GatewayError.from(thrown);
      if (signal.aborted) {
        trying?.left();
        this.#tell(candidate, begun, 'left', admission);
        throw this.#counted(error);
      }
      // Who would not wait as long as the operator would says nothing of the place.
      if (error.details.outOfTime === true && this.#limits.isHurried === true) trying?.left();
      else trying?.failed(error);
      this.#tell(candidate, begun, error.code, admission, error.status);
      this.#failures.push(error);
      return { error };
    }
  }

  #next(candidate: Candidate, error: GatewayError, round: number, candidates: readonly Candidate[]): Next {
    const { target, on, attempts } = candidate;
    // A fault inside the gateway would repeat itself on every target, and limits that cannot be checked are no target's.
    if (isOfGateway(error)) return 'nobody';
    if (error.fault === 'client') {
      // A request that is at fault itself fails everywhere, unless the operator says that it may not.
      const refusal = on.length === 0 ? undefined : refusalOf(error);
      return refusal !== undefined && on.includes(refusal) ? 'target' : 'nobody';
    }
    // Another credential of the same target may be good, or have something left.
    if (isOfCredential(error) && candidates.findLast((each) => each.target === target) !== candidate) return 'credential';
    if (!error.retryable || isAmbiguous(error) || round >= attempts) return 'target';
    const pause = pauseBefore(round, error, () => 1);
    // Waiting is only worth it where nobody else can answer at once, or the wait is short.
    if (this.#tools.clock.now() + pause >= this.#limits.deadline) return 'target';
    const hasOthers = candidates.some((each) => each.target !== target && !this.#givenUp.has(each.target));
    return hasOthers && pause > BACKOFF ? 'target' : 'again';
  }

  #passOver(candidate: Candidate): void {
    this.#passedOver.push(candidate);
    const { clock, health } = this.#tools;
    this.#tell(candidate, clock.now(), 'skipped', 'refused', undefined, health?.lastError(candidate.place));
  }

  /** Milliseconds after which the first of those that only rest may be asked, where that is soon enough to wait for. */
  #shortRest(): number | undefined {
    const { health, clock, random } = this.#tools;
    const now = clock.now();
    const ends = this.#passedOver.flatMap(({ place }) => {
      const until = health?.lastError(place) === 'upstream_rate_limited' ? health.retryAt(place) : undefined;
      return until === undefined ? [] : [until];
    });
    if (ends.length === 0) return undefined;
    // Not all at once.
    const pause = Math.max(0, Math.min(...ends) - now) + random() * BACKOFF;
    return pause <= MAX_BACKOFF && now + pause < this.#limits.deadline ? pause : undefined;
  }

  #checkCaller(): void {
    const { signal } = this.#tools;
    if (signal.aborted) throw this.#counted(GatewayError.from(signal.reason));
  }

  /** Of several failures the one that tells the caller most: its own fault first, then the last one. */
  #worst(): GatewayError {
    const own = this.#failures.find(({ fault }) => fault === 'client');
    return own ?? this.#failures.at(-1) ?? this.#unavailable();
  }

  /** Nobody was asked: all of them have failed lately, or rest. */
  #unavailable(): GatewayError {
    const { health, clock } = this.#tools;
    const reasons = this.#passedOver.map(({ place }) => ({ until: health?.retryAt(place), code: health?.lastError(place) }));
    if (reasons.length === 0) return new GatewayError('upstream_error', 'No target of this model could be tried in time.');
    const until = Math.min(...reasons.map((each) => each.until ?? clock.now()));
    const retryAfter = Math.max(1, Math.ceil((until - clock.now()) / 1_000));
    const isRest = reasons.every(({ code }: { readonly code: ErrorCode | undefined }) => code === 'upstream_rate_limited');
    return isRest
      ? new GatewayError('upstream_rate_limited', 'The provider is rate limiting the gateway. Try again when Retry-After says.', {
          retryAfter,
        })
      : new GatewayError('upstream_unavailable', 'Every target of this model has failed lately. Try again when Retry-After says.', {
          retryAfter,
        });
  }

  #counted(error: GatewayError): GatewayError {
    error.attempts = this.#attempts;
    return error;
  }

  #tell(
    { target, credential }: Candidate,
    begun: number,
    outcome: Attempted['outcome'],
    admission: Admission,
    status?: number,
    why?: ErrorCode,
  ): void {
    const { decision, clock, as } = this.#tools;
    decision?.tried({
      target,
      credential,
      at: begun - decision.startedAt,
      ms: clock.now() - begun,
      outcome,
      ...(status === undefined ? {} : { status }),
      ...(why === undefined ? {} : { why }),
      ...(admission === 'probe' ? { probe: true } : {}),
      ...(as === undefined ? {} : { as }),
    });
  }
}

function pauseBefore(round: number, error: GatewayError, random: () => number): number {
  const asked = error.details.retryAfter;
  if (asked !== undefined) return asked * 1000;
  const ceiling = Math.min(MAX_BACKOFF, BACKOFF * 2 ** (round - 1));
  return ceiling / 2 + (ceiling / 2) * random();
}

/**
 * A call that was sent and never answered may have been served and billed: the same target is not asked again.
 * Another one may be, since a caller without an answer is worse off than an operator with two bills. The platform tells
 * a connection that broke before the head by nothing from one that was refused, so both count as sent.
 */
const isAmbiguous = ({ code }: GatewayError): boolean => code === 'upstream_interrupted' || code === 'upstream_unreachable';

const isOfGateway = ({ code }: GatewayError): boolean => code === 'internal' || code === 'overloaded';

/** Refusals of one credential: it is not good, has nothing left to spend, or has come to its rate limit. */
const isOfCredential = ({ code }: GatewayError): boolean => code === 'upstream_credential' || code === 'upstream_rate_limited';
