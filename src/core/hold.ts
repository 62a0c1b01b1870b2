import type { Usage } from './chat.ts';
import type { NanoUsd } from './money.ts';
import type { Outcome } from './policy.ts';

/** What one target is about to be asked, at most. */
export interface Foreseen {
  /** `provider/model`. */
  readonly provider: string;
  readonly model: string;
  readonly usage: Usage;
  /** Absent where no price is known: then no budget in money can hold it. */
  readonly cost?: NanoUsd;
  readonly priceVersion?: string;
}

/**
 * One exchange under the limits of who asks. What the call may come to is taken before a target is asked and settled
 * when all is over: limits follow the target that serves, so another target takes anew.
 */
export interface CallHold {
  /** Throws `rate_limited` and `budget_exceeded`, naming the limit and when it frees. */
  take(foreseen: Foreseen): Promise<void>;
  /** Exactly once, after the last byte. Never throws. */
  settle(outcome: Outcome, facts: { readonly servedModel?: string; readonly priceVersion?: string }): Promise<void>;
  /** `RateLimit-Policy`, `RateLimit` and what the families of SDKs read, after `take`. */
  readonly headers: { readonly [name: string]: string };
}
