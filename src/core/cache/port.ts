import type { Awaitable } from '../policy.ts';
import type { AskedDigests } from './digests.ts';
import type { Flights } from './flight.ts';
import type { AnswerLabels, StoredAnswer } from './stored-answer.ts';

/** What keeps answers for calls that ask for the same. Whatever of it fails or is slow is a miss. */
export interface AnswerCache {
  /** Calls of this isolate that are being answered. */
  readonly flights: Flights;
  /** What was found out in this isolate of bodies that may come again. */
  readonly digests: AskedDigests;
  /** An answer that nobody has thrown away. `of`: whose it would be. Never rejects. */
  get(key: string, of: Pick<AnswerLabels, 'org' | 'app'>): Awaitable<StoredAnswer | undefined>;
  /** Takes an answer; never throws and never makes the exchange wait. */
  put(key: string, answer: StoredAnswer): void;
}
