import { type BoardPlace, placeSeen } from '../../core/health/board.ts';
import { paceOf } from '../../core/health/news.ts';
import type { PlaceFilter, Places } from '../../core/health/places.ts';
import type { Place } from '../../core/health.ts';
import type { Clock } from '../../core/ports.ts';
import type { SharedHealth } from './shared-health.ts';

/** Milliseconds for which an operator waits for what other isolates know. */
const PATIENCE = 1_000;

/** Health as operators see it, and set it right: of all isolates where they share it, of this one where they do not. */
export class HealthDesk {
  readonly #places: Places;
  readonly #clock: Clock;
  readonly #shared: SharedHealth | undefined;

  constructor(places: Places, clock: Clock, shared: SharedHealth | undefined) {
    this.#places = places;
    this.#clock = clock;
    this.#shared = shared;
  }

  /** All that is known of places, by their names: what isolates share, and of this one what it has not told yet. */
  async seen(): Promise<readonly BoardPlace[]> {
    const seen = new Map<Place, BoardPlace>();
    for (const each of (await this.#shared?.list(PATIENCE)) ?? []) seen.set(each.place, each);
    const now = this.#clock.now();
    for (const record of this.#places.records) {
      const { place, breaker, change, hasRested } = record;
      const pace = paceOf(this.#places, place);
      const told = seen.get(place);
      // Names that callers invent are refused by the provider: there is nothing to tell of them.
      if (told === undefined && !record.hasAnswered && breaker.reason(now) === undefined) continue;
      if (told === undefined || change !== undefined || hasRested) seen.set(place, placeSeen(place, breaker, pace, now));
      else seen.set(place, { ...told, pace: { ...told.pace, ...pace } });
    }
    return [...seen.values()].sort((one, other) => (one.place < other.place ? -1 : 1));
  }

  /** Throws where the other isolates cannot be told: then nothing is reset. */
  async reset(filter: PlaceFilter): Promise<void> {
    if (this.#shared === undefined) this.#places.reset(filter);
    else await this.#shared.reset(filter);
  }
}
