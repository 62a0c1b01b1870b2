import { GatewayError } from './errors.ts';
import type { Clock } from './ports.ts';
import type { Target } from './strategy.ts';

export interface AttemptLimits {
  /** Tries on one target, the first included. */
  readonly attempts: number;
  /** Milliseconds since the epoch after which no new try begins. */
  readonly deadline: number;
}

export interface AttemptFailure {
  readonly target: Target;
  readonly error: GatewayError;
}

/** What a walk over the targets came to: an answer, and how many calls it took. */
export interface Walked<T> {
  readonly answer: T;
  readonly attempts: number;
}

/** Milliseconds before the second try, doubled for each further one; half of it is drawn by chance. */
const BACKOFF = 200;
const MAX_BACKOFF = 5_000;

/**
 * Walks an ordering of targets until one answers: this loop is failover and retry. A try counts as answered only
 * when `attempt` returns, which it does at the first content event; before that another target may still answer
 * and the caller has seen nothing. An error that another try cannot mend ends the walk on its target; an error
 * that is the caller's own ends it altogether. Throws the error that tells the caller most.
 */
export async function walk<T>(
  targets: readonly Target[],
  limits: AttemptLimits,
  tools: {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
    readonly random: () => number;
  },
  attempt: (target: Target, number: number) => Promise<T>,
): Promise<Walked<T>> {
  const failures: AttemptFailure[] = [];
  let attempts = 0;
  const counted = (error: GatewayError) => {
    error.attempts = attempts;
    return error;
  };
  for (const target of targets) {
    for (let round = 1; round <= limits.attempts; round++) {
      attempts++;
      try {
        return { answer: await attempt(target, attempts), attempts };
      } catch (thrown) {
        const error = GatewayError.from(thrown);
        if (tools.signal.aborted) throw counted(error);
        failures.push({ target, error });
        // A fault inside the gateway would repeat itself on every target.
        if (error.code === 'internal') throw counted(error);
        if (!mayHelpElsewhere(error)) throw counted(worst(failures));
        if (!error.retryable || isAmbiguous(error) || round === limits.attempts) break;
        const pause = pauseBefore(round, error, tools.random);
        // Waiting is only worth it where nobody else can answer at once, or the wait is short.
        if (tools.clock.now() + pause >= limits.deadline || (targets.length > 1 && pause > BACKOFF)) break;
        await tools.sleep(pause, tools.signal);
      }
    }
    if (tools.clock.now() >= limits.deadline) break;
  }
  throw counted(worst(failures));
}

function pauseBefore(round: number, error: GatewayError, random: () => number): number {
  const asked = error.details.retryAfter;
  if (asked !== undefined) return asked * 1000;
  const ceiling = Math.min(MAX_BACKOFF, BACKOFF * 2 ** (round - 1));
  return ceiling / 2 + (ceiling / 2) * random();
}

/**
 * A call that was sent and never answered may have been served and billed: the same target is not asked again.
 * Another one may be, since a caller without an answer is worse off than an operator with two bills.
 */
const isAmbiguous = (error: GatewayError): boolean => error.code === 'upstream_interrupted';

/** A request that is at fault itself fails everywhere: asking again would only repeat its cost. */
function mayHelpElsewhere(error: GatewayError): boolean {
  return error.fault !== 'client';
}

/** Of several failures the one that tells the caller most: its own fault first, then the last one. */
function worst(failures: readonly AttemptFailure[]): GatewayError {
  const own = failures.find(({ error }) => error.fault === 'client');
  const last = failures[failures.length - 1];
  if (own !== undefined) return own.error;
  return last?.error ?? new GatewayError('upstream_error', 'No target of this model could be tried in time.');
}
