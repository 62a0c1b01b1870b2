import type { Headroom } from '../health.ts';
import { familyOf, type ReadLimit, readLimits, USUAL_RESET } from './limit-headers.ts';
import { RollingMinute } from './rolling-minute.ts';

/** What was bought of a place, per minute. */
export interface Capacity {
  readonly tokens?: number;
  readonly requests?: number;
}

/** Answers without a word of limits after which only each sixty-fourth is looked at. */
const SILENT = 8;
const LOOK_AGAIN = 64;
/** Milliseconds for which what was read is counted on from: reading heads costs more than all else that a try does. */
const FRESH = 20;

/** What a vendor last said is left of one limit, less what has been sent since. */
interface Left {
  remaining: number;
  readonly limit: number | undefined;
  resetAt: number;
}

/** What is left of a place's limits, as far as its vendor tells and as far as this isolate has sent. */
export class HeadroomMeter {
  #requests: Left | undefined;
  #tokens: Left | undefined;
  #family: number | undefined;
  #silent = 0;
  #heardAt = Number.NEGATIVE_INFINITY;
  readonly #sentRequests = new RollingMinute();
  readonly #sentTokens = new RollingMinute();

  sent(tokens: number, now: number): void {
    this.#sentRequests.add(1, now);
    if (tokens > 0) this.#sentTokens.add(tokens, now);
    if (this.#requests !== undefined) refilled(this.#requests, now).remaining -= 1;
    if (this.#tokens !== undefined) refilled(this.#tokens, now).remaining -= tokens;
  }

  /** More or less was taken than was foreseen; the vendor's own count needs no correction, since its next answer tells. */
  corrected(difference: number, sentAt: number): void {
    if (difference !== 0) this.#sentTokens.correct(difference, sentAt);
  }

  heard(headers: Headers, now: number): void {
    if (this.#family === undefined) {
      this.#silent += 1;
      if (this.#silent > SILENT && this.#silent % LOOK_AGAIN !== 0) return;
      this.#family = familyOf(headers);
      if (this.#family === undefined) return;
    }
    if (now - this.#heardAt < FRESH) return;
    this.#heardAt = now;
    for (const read of readLimits(headers, this.#family, now)) this.#note(read);
  }

  left(now: number, capacity: Capacity | undefined): Headroom | undefined {
    const requests = scarcer(leftOf(this.#requests, now), bought(capacity?.requests, this.#sentRequests, now));
    const tokens = scarcer(leftOf(this.#tokens, now), bought(capacity?.tokens, this.#sentTokens, now));
    if (requests === undefined && tokens === undefined) return undefined;
    return { ...(requests === undefined ? {} : { requests }), ...(tokens === undefined ? {} : { tokens }) };
  }

  #note({ unit, remaining, limit, resetAt }: ReadLimit): void {
    const left = { remaining, limit, resetAt };
    if (unit === 'requests') this.#requests = left;
    else this.#tokens = left;
  }
}

function leftOf(left: Left | undefined, now: number): number | undefined {
  if (left === undefined) return undefined;
  const { remaining } = refilled(left, now);
  return Number.isFinite(remaining) ? Math.max(0, remaining) : undefined;
}

/** After its reset all of a limit is there again; how much that is, not every vendor tells. */
function refilled(left: Left, now: number): Left {
  if (now >= left.resetAt) {
    left.remaining = left.limit ?? Number.POSITIVE_INFINITY;
    left.resetAt = now + USUAL_RESET;
  }
  return left;
}

const bought = (amount: number | undefined, sent: RollingMinute, now: number) =>
  amount === undefined ? undefined : Math.max(0, amount - sent.sum(now));

const scarcer = (one: number | undefined, other: number | undefined) =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
