import type { BreakerSettings, Headroom, Place } from '../health.ts';
import type { Change, Standing } from './breaker.ts';
import type { PlaceRecord } from './place-record.ts';
import type { PlaceFilter, Places } from './places.ts';

// What isolates and the board that they share tell each other. All times are durations.

/** How a place does where it is called from. */
export interface Pace {
  readonly firstTokenMs?: number;
  readonly firstTokenP95?: number;
  readonly tokensPerSecond?: number;
  readonly inFlight: number;
  readonly headroom?: Headroom;
}

/** What an isolate tells of one place, since it told of it last. */
export interface Told {
  readonly place: Place;
  readonly good: number;
  readonly failed: number;
  /** Failures in a row, at the end. */
  readonly run: number;
  readonly settings?: BreakerSettings;
  readonly change?: 'opened' | 'closed';
  /** It has asked to be left alone. */
  readonly hasRested: boolean;
  /** The probe that the isolate had the right to said nothing. */
  readonly hasReleased: boolean;
  readonly standing: Standing;
  readonly pace: Pace;
}

/** What has changed since an isolate asked last. */
export interface News {
  /** Which board it is: one that was begun anew knows nothing of before. */
  readonly board: string;
  readonly version: number;
  readonly places: readonly { readonly place: Place; readonly standing: Standing }[];
  /** What operators have reset. */
  readonly resets: readonly PlaceFilter[];
}

/** Places that are told of in one message; the others wait for the next. */
const MOST_TOLD = 200;

/** Whether others would do otherwise if they knew. */
export const hasChanged = ({ change, hasRested, hasReleased }: PlaceRecord): boolean => change !== undefined || hasRested || hasReleased;

/** Everything that has not been told, what is urgent first; it counts as told from here on. */
export function tell(places: Places, now: number): readonly Told[] {
  const urgent: PlaceRecord[] = [];
  const usual: PlaceRecord[] = [];
  for (const record of places.records) {
    if (hasChanged(record) || record.failed > 0) urgent.push(record);
    else if (record.good > 0) usual.push(record);
  }
  return [...urgent, ...usual].slice(0, MOST_TOLD).map((record) => toldOf(record, places, now));
}

function toldOf(record: PlaceRecord, places: Places, now: number): Told {
  const { place, good, failed, settings, change, hasRested, hasReleased, breaker } = record;
  const told = {
    place,
    good,
    failed,
    run: breaker.run,
    hasRested,
    hasReleased,
    standing: breaker.standing(now),
    pace: paceOf(places, place),
    ...(settings === undefined ? {} : { settings }),
    ...(change === undefined ? {} : { change }),
  };
  heard(record, undefined);
  return told;
}

function heard(record: PlaceRecord, change: Change): void {
  record.good = 0;
  record.failed = 0;
  record.change = change;
  record.hasRested = false;
  record.hasReleased = false;
}

/** What was told and did not arrive is to be told again: counts are let go, changes are not. */
export function untell(places: Places, told: readonly Told[]): void {
  for (const { place, change, hasRested, hasReleased } of told) {
    const record = places.known(place);
    if (record === undefined) continue;
    record.change ??= change;
    record.hasRested ||= hasRested;
    record.hasReleased ||= hasReleased;
  }
}

/** A board that was begun anew is told of all that is not as usual. */
export function tellAnew(places: Places, now: number): void {
  for (const record of places.records) {
    const { open, restFor } = record.breaker.standing(now);
    if (open) record.change ??= 'opened';
    if (restFor > 0) record.hasRested = true;
  }
}

/** Takes over what others have found, save where something newer is known here that they have not heard. */
export function learn(places: Places, news: News, now: number): void {
  for (const filter of news.resets) places.reset(filter);
  for (const { place, standing } of news.places) {
    const record = places.record(place);
    if (record.change === undefined && !record.hasRested) record.breaker.adopt(standing, now);
  }
}

export function paceOf(places: Places, place: Place): Pace {
  const { state: _, ...pace } = places.of(place);
  const headroom = places.headroom(place);
  return { ...pace, ...(headroom === undefined ? {} : { headroom }) };
}
