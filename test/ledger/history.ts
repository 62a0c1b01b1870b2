import type { Answered } from './caller.ts';
import type { Bill } from './vendor.ts';

// Checks a whole history of calls against a limit, by what their callers and their vendor saw. It knows of the gateway's
// ledger only what its documentation promises, and shares no code with it.

/** One call. Times are milliseconds of `performance.now()`. */
export interface Entry {
  readonly number: number;
  /** Whom a limit counts it for: a run, a user; all alike where absent. */
  readonly subject: string;
  readonly begunAt: number;
  readonly endedAt: number;
  readonly answered: Answered;
}

/** What a limit counts, in its own unit. */
export interface Counting {
  readonly limit: number;
  /** What one call holds while it is under way. */
  readonly held: number;
  /** What a call has come to, by what its vendor charged. */
  charged(bill: Bill): number;
}

export interface Balance {
  /** Instants at which what was settled and what was reserved were more than the limit together. */
  readonly broken: readonly string[];
  /** The most that they ever were. */
  readonly peak: number;
  /** What they are in the end. */
  readonly spent: number;
}

interface Change {
  readonly at: number;
  readonly by: number;
}

/**
 * Adds up, at each instant, what must have been counted by then. A call holds at least from when its vendor is asked, for
 * it was reserved before; and no less than until its vendor sends the bill, for it cannot be settled sooner. From then on
 * the bill counts. Where no bill was sent, because whoever asked was gone, what was held counts for good.
 */
export function balanceOf(entries: readonly Entry[], bills: readonly Bill[], { limit, held, charged }: Counting): Balance {
  const known = new Set(entries.map(({ number }) => number));
  const changes = bills
    .filter(({ call }) => known.has(call))
    .flatMap((bill): readonly Change[] => {
      const taken = { at: bill.askedAt, by: held };
      if (bill.billedAt === undefined) return [taken];
      return [taken, { at: bill.billedAt, by: charged(bill) - held }];
    })
    .toSorted((a, b) => a.at - b.at || a.by - b.by);
  const broken: string[] = [];
  let sum = 0;
  let peak = 0;
  for (const { at, by } of changes) {
    sum += by;
    peak = Math.max(peak, sum);
    if (sum > limit) broken.push(`${sum} of ${limit} at ${at.toFixed(1)} ms`);
  }
  return { broken, peak, spent: sum };
}
