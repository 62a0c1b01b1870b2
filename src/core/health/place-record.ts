import type { BreakerSettings, Place } from '../health.ts';
import { Breaker, type Change } from './breaker.ts';
import { HeadroomMeter } from './headroom.ts';
import { Latency } from './latency.ts';

/** What is known here of one place. */
export class PlaceRecord {
  readonly place: Place;
  /** Whether callers bring their own credentials there. */
  readonly isOwn: boolean;
  readonly breaker: Breaker;
  readonly latency = new Latency();
  readonly limits = new HeadroomMeter();
  inFlight = 0;
  seenAt: number;
  /** By what its last try was judged. */
  settings: BreakerSettings | undefined;
  /** Good and failed calls that others have not been told of. */
  good = 0;
  failed = 0;
  /** The last change that others have not been told of. */
  change: Change;
  /** Whether it asked to be left alone, and others have not been told. */
  hasRested = false;
  /** Whether its probe ended without saying anything, and others have not been told. */
  hasReleased = false;

  constructor(place: Place, now: number) {
    this.place = place;
    this.isOwn = place.endsWith('#own');
    this.breaker = new Breaker(now);
    this.seenAt = now;
  }

  /** Whether anything but refusals has come of it. */
  get hasAnswered(): boolean {
    return this.breaker.run > 0 || this.latency.isKnown;
  }
}
