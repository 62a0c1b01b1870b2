import type { ErrorCode } from '../errors.ts';
import type { Admission, BreakerState, Place } from '../health.ts';
import { Breaker, type Standing } from './breaker.ts';
import type { News, Pace, Told } from './news.ts';
import { isMeant, type PlaceFilter } from './places.ts';

/** Places that are remembered. */
const MOST_PLACES = 2_000;
/** Of those, how many are forgotten at once. */
const FORGOTTEN = 200;
/** Resets that are told to isolates that have not heard of them. */
const RESETS = 20;

interface Row {
  readonly place: Place;
  readonly breaker: Breaker;
  /** The version at which it came to stand as it does; 0 where it always has. */
  version: number;
  toldAt: number;
  pace: Pace;
  /** Which isolate may find out whether it answers again. */
  prober?: string | undefined;
}

/** A place as all isolates together see it. */
export interface BoardPlace {
  readonly place: Place;
  readonly state: BreakerState;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly retryAt?: number;
  readonly why?: ErrorCode;
  /** Failures in a row. */
  readonly failures: number;
  readonly pace: Pace;
}

/** Whether an isolate may probe, and how the place stands. */
export interface ProbeAnswer {
  readonly admission: Admission;
  readonly standing: Standing;
}

export interface BoardOptions {
  readonly id: string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly most?: number;
}

/**
 * What the isolates of a deployment tell each other of places. It counts what all of them see together, and lets one of
 * them find out when an open place is to be tried again. A hint: where it is lost, isolates tell again what they know.
 */
export class Board {
  readonly id: string;
  readonly #random: () => number;
  readonly #most: number;
  readonly #rows = new Map<Place, Row>();
  #version = 1;
  #resets: { readonly version: number; readonly filter: PlaceFilter }[] = [];

  constructor({ id, random, most = MOST_PLACES }: BoardOptions) {
    this.id = id;
    this.#random = random;
    this.#most = most;
  }

  hear(isolate: string, told: readonly Told[], now: number): void {
    for (const each of told) this.#hear(isolate, each, now);
  }

  /** What has changed since a version of a board. To who knows another board, or none, only what is not as usual. */
  news(board: string | undefined, since: number, now: number): News {
    const knows = board === this.id;
    const after = knows ? since : 0;
    const places: { readonly place: Place; readonly standing: Standing }[] = [];
    if (after < this.#version) {
      for (const { place, breaker, version } of this.#rows.values()) {
        if (version > after && (knows || breaker.reason(now) !== undefined)) places.push({ place, standing: breaker.standing(now) });
      }
    }
    const resets = knows ? this.#resets.filter(({ version }) => version > after).map(({ filter }) => filter) : [];
    return { board: this.id, version: this.#version, places, resets };
  }

  /** Asks for the right to probe a place that, as the isolate knows it, may be tried again. The same isolate may ask again. */
  probe(isolate: string, place: Place, standing: Standing, now: number): ProbeAnswer {
    const row = this.#rows.get(place) ?? this.#opened(place, standing, now);
    if (row.prober === isolate) row.breaker.settle();
    const admission = row.breaker.admit(now);
    if (admission === 'probe') {
      row.breaker.probeOf(admission, now);
      row.prober = isolate;
    }
    return { admission, standing: row.breaker.standing(now) };
  }

  /** Closes what is meant, here and, when they hear of it, everywhere. */
  reset(filter: PlaceFilter, now: number): void {
    this.#version += 1;
    this.#resets = [...this.#resets, { version: this.#version, filter }].slice(-RESETS);
    for (const row of this.#rows.values()) {
      if (!isMeant(row.place, filter)) continue;
      row.breaker.reset(now);
      row.prober = undefined;
      row.version = this.#version;
    }
  }

  list(now: number): readonly BoardPlace[] {
    return [...this.#rows.values()].map(({ place, breaker, pace }) => placeSeen(place, breaker, pace, now));
  }

  #hear(isolate: string, told: Told, now: number): void {
    const row = this.#rows.get(told.place) ?? this.#row(told.place, now);
    const { breaker } = row;
    row.toldAt = now;
    row.pace = told.pace;
    if (told.hasReleased && row.prober === isolate) this.#settle(row);
    if (told.hasRested) {
      breaker.rest(told.standing.restFor, now);
      this.#changed(row);
    }
    if (told.change !== undefined) {
      this.#settle(row);
      breaker.adopt({ ...told.standing, restFor: breaker.standing(now).restFor }, now);
      breaker.run = told.run;
      this.#changed(row);
    } else if (told.settings !== undefined && told.good + told.failed > 0) this.#count(row, told, now);
  }

  /** What each isolate sees may be little, and together enough. */
  #count(row: Row, { good, failed, run, settings, standing }: Told, now: number): void {
    if (settings === undefined) return;
    const inARow = good > 0 ? run : row.breaker.run + failed;
    const why = standing.why ?? 'upstream_error';
    if (row.breaker.count(good, failed, inARow, settings, why, now, this.#random) !== undefined) this.#changed(row);
  }

  #settle(row: Row): void {
    row.breaker.settle();
    row.prober = undefined;
  }

  #changed(row: Row): void {
    this.#version += 1;
    row.version = this.#version;
  }

  /** A place that was open before this board began. */
  #opened(place: Place, standing: Standing, now: number): Row {
    const row = this.#row(place, now);
    row.breaker.adopt({ ...standing, open: true, openFor: 0 }, now);
    this.#changed(row);
    return row;
  }

  #row(place: Place, now: number): Row {
    if (this.#rows.size >= this.#most) this.#forget(now);
    const row: Row = { place, breaker: new Breaker(now), version: 0, toldAt: now, pace: { inFlight: 0 } };
    this.#rows.set(place, row);
    return row;
  }

  #forget(now: number): void {
    const rank = ({ breaker }: Row) => (breaker.reason(now) === undefined ? 0 : 1);
    const idlest = [...this.#rows.values()].sort((one, other) => rank(one) - rank(other) || one.toldAt - other.toldAt);
    for (const { place } of idlest.slice(0, Math.max(1, Math.min(FORGOTTEN, Math.floor(this.#most / 10))))) this.#rows.delete(place);
  }
}

export function placeSeen(place: Place, breaker: Breaker, pace: Pace, now: number): BoardPlace {
  const retryAt = breaker.retryAt(now);
  const why = breaker.reason(now);
  return {
    place,
    state: breaker.state(now),
    since: breaker.since,
    failures: breaker.run,
    pace,
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(why === undefined ? {} : { why }),
  };
}
