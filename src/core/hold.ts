import type { Usage } from './chat.ts';
import type { UsageDraft } from './ledger/usage.ts';
import type { NanoUsd } from './money.ts';
import type { Outcome } from './policy.ts';

/** What a call may come to. */
export interface Estimate {
  readonly usage: Usage;
  /** Tool calls whose results the call brings: exact before it is sent. */
  readonly toolCalls?: number;
  /** Costs nothing whatever comes of it (a list, a file's contents, a count): it counts as a request and nothing else. */
  readonly isFree?: true;
  /** Absent where no price is known: then no budget in money can hold it. */
  readonly cost?: NanoUsd;
  readonly priceVersion?: string;
}

/** What one target is about to be asked, at most. */
export interface Foreseen extends Estimate {
  readonly provider: string;
  /** `provider/model`. */
  readonly model: string;
  /** Where an answer may be held for in part. */
  readonly part?: PartlyForeseen;
}

/** An answer of which not all needs to be held for at once. Output tokens, over all alternatives. */
export interface PartlyForeseen {
  /** How many most answers stay within. */
  readonly usual: number;
  /** How many there may be at most. */
  readonly most: number;
  /** Whether nothing but the gateway keeps the answer within what was foreseen. */
  readonly isUnbounded: boolean;
  /** What the call comes to with so many. */
  of(output: number): Estimate;
}

/** A hold that outlives its call, by which it is settled later. */
export interface LeftHold {
  readonly id: string;
  /** As it is estimated. */
  readonly usage: UsageDraft;
}

/**
 * One exchange under the limits of who asks. What the call may come to is taken before a target is asked and settled
 * when all is over: limits follow the target that serves, so another target takes anew.
 */
export interface CallHold {
  /**
   * Holds for all of it, or, near a limit's end, for a part: returns the output tokens that are held for then, and nothing
   * where all are. Throws `rate_limited` and `budget_exceeded`, naming the limit and when it frees.
   */
  take(foreseen: Foreseen): Promise<number | undefined>;
  /**
   * Holds for a second target beside the first, while nobody knows which of the two will serve: of every meter the larger
   * of both amounts, so that either fits and only one is counted. Returns and throws as `take`, save that it is all or
   * nothing; on a throw everything stays as it was.
   */
  beside(foreseen: Foreseen): Promise<number | undefined>;
  /** Of two that were held for beside each other, this one serves: gives back what only the other would have taken. */
  only(served: 'first' | 'second'): void;
  /**
   * Ends what is held with what it came to, as a row of its own. What the same call takes after that is held anew, and is
   * no further request.
   */
  next(outcome: Outcome, facts: { readonly servedModel?: string; readonly priceVersion?: string }): Promise<void>;
  /** Holds for more output than the part: how many tokens are held for now. `undefined` where there is no more to be had. */
  more(): Promise<number | undefined>;
  /** Until it is written down that the call was let through; `undefined` where it is. No answer leaves before. Never rejects. */
  kept(): Promise<void> | undefined;
  /** Keeps what is held beyond its time, as long work must. Throws where the call must not go on. */
  renew(): Promise<void>;
  /**
   * Leaves what is held for work that the provider goes on with, so many milliseconds at most, and frees its place among
   * calls at the same time. Who learns what it came to settles it; `settle` does nothing then. `undefined` where it cannot
   * be left: then it is settled with the call.
   */
  leave(milliseconds: number): Promise<LeftHold | undefined>;
  /** Exactly once, after the last byte, with what all parts of the call came to. Never throws. */
  settle(outcome: Outcome, facts: { readonly servedModel?: string; readonly priceVersion?: string }): Promise<void>;
  /** Tool calls whose results the call brings, once that was looked at. */
  readonly toolCalls?: number | undefined;
  /** `RateLimit-Policy`, `RateLimit` and what the families of SDKs read, after `take`, also where that was refused. */
  readonly headers: { readonly [name: string]: string };
}
