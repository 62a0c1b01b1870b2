import type { HeldTake, Level, Take, Unit } from './take.ts';
import { periodAt, type Window } from './windows.ts';

/** What one meter has counted. Whole numbers; sums that would pass `Number.MAX_SAFE_INTEGER` stay there. */
export interface Meter {
  /** The period's begin; for rates, until when the draining has been worked out; else 0. Never moves backwards. */
  readonly start: number;
  /** Settled. For rates, what has not drained away, times the window's milliseconds: so that it drains in whole numbers. */
  readonly spent: number;
  /** Held by calls that have not ended. Rates count these as spent. */
  readonly reserved: number;
  /** Marks of what operators were told in this period; absent where nothing was. */
  readonly told?: readonly string[];
}

/** What stands at a meter: what the `RateLimit` headers say. */
export interface Standing {
  readonly level: Level;
  readonly subject: string;
  readonly unit: Unit;
  readonly window: Window;
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  /** When nothing is used any more; absent where time alone changes nothing. */
  readonly resetsAt?: number;
  /** The limit refuses nothing. */
  readonly soft?: true;
}

/** What stands at meters, in the order in which they were asked for. */
export interface Looked {
  readonly generation: number;
  readonly standings: readonly Standing[];
  /** What of `used` is held by calls that have not ended; 0 of rates, which do not tell the two apart. */
  readonly held: readonly number[];
}

const sum = (left: number, right: number) => Math.min(left + right, Number.MAX_SAFE_INTEGER);
const capacityOf = ({ limit, burst }: Take) => burst ?? limit;

/** The meter as it is at `now`. A clock that was set back finds the meter where it was: no period begins twice. */
export function meterAt(take: Take, meter: Meter | undefined, now: number): Meter {
  const { window } = take;
  if (window.kind === 'calendar') {
    const { start } = periodAt(window.unit, window.zone, now);
    return meter !== undefined && meter.start >= start ? meter : { start, spent: 0, reserved: 0 };
  }
  if (window.kind !== 'rate') return meter ?? { start: 0, spent: 0, reserved: 0 };
  if (meter === undefined) return { start: now, spent: 0, reserved: 0 };
  const start = Math.max(now, meter.start);
  return { ...meter, start, spent: drained(meter.spent, take.limit, start - meter.start) };
}

/** What is left of `level` (units times milliseconds) after draining `limit` a millisecond. */
function drained(level: number, limit: number, elapsed: number): number {
  // Compared before it is multiplied: the product may be no safe integer.
  return limit > 0 && elapsed >= level / limit ? 0 : level - elapsed * limit;
}

/** Whether the take still fits. `times`: whether so many of it would. */
export function fits(take: Take, meter: Meter, times = 1): boolean {
  if (take.soft === true) return true;
  const room = capacityOf(take) - usedIn(take, meter);
  return take.amount * times <= room;
}

/** Used units, rounded up. */
function usedIn({ window }: Take, { spent, reserved }: Meter): number {
  return window.kind === 'rate' ? Math.ceil(spent / window.milliseconds) : sum(spent, reserved);
}

export const charged = (take: Take, meter: Meter): Meter =>
  take.window.kind === 'rate'
    ? { ...meter, spent: sum(meter.spent, take.amount * take.window.milliseconds) }
    : { ...meter, reserved: sum(meter.reserved, take.amount) };

/** Ends what a take held, with what it really came to. `undefined` where the take's period is over: it counts no more. */
export function finished(take: HeldTake, before: Meter | undefined, actual: number, now: number): Meter | undefined {
  if (take.window.kind === 'rate') return finishedRate(take, take.window.milliseconds, meterAt(take, before, now), actual);
  if (before === undefined || before.start !== take.start) return undefined;
  const reserved = Math.max(0, before.reserved - take.amount);
  return take.window.kind === 'held' ? { ...before, reserved } : { ...before, reserved, spent: sum(before.spent, actual) };
}

/**
 * What was not used comes back only as far as it cannot have drained away since: else it would come back twice, once by
 * time and once by this, and later calls would pass a limit that is reached. Had the take been of `actual` only, the
 * meter would stand no higher than it does after this.
 */
function finishedRate(take: HeldTake, milliseconds: number, meter: Meter, actual: number): Meter {
  if (actual >= take.amount) return { ...meter, spent: sum(meter.spent, (actual - take.amount) * milliseconds) };
  const left = drained(take.amount * milliseconds, take.limit, Math.max(0, meter.start - take.start));
  const back = Math.min((take.amount - actual) * milliseconds, left);
  return { ...meter, spent: Math.max(0, meter.spent - back) };
}

/** Turns settled units back into held ones, of the same period: a call that is handed from one hold to another. */
export function heldAgain(take: HeldTake, meter: Meter): Meter {
  if (take.window.kind === 'rate' || meter.start !== take.start) return meter;
  if (take.window.kind === 'held') return charged(take, meter);
  return { ...meter, spent: Math.max(0, meter.spent - take.amount), reserved: sum(meter.reserved, take.amount) };
}

/** The first instant at which the take may fit by time alone; `undefined` where there is none. */
export function freesAt(take: Take, meter: Meter, now: number): number | undefined {
  const { window, amount } = take;
  if (amount > capacityOf(take)) return undefined;
  if (window.kind === 'calendar') return periodAt(window.unit, window.zone, Math.max(now, meter.start)).end;
  if (window.kind !== 'rate' || take.limit === 0) return undefined;
  const excess = meter.spent + (amount - capacityOf(take)) * window.milliseconds;
  return meter.start + Math.ceil(Math.max(0, excess) / take.limit);
}

export function standing(take: Take, meter: Meter, now: number): Standing {
  const { level, subject, unit, window, limit, soft } = take;
  const used = usedIn(take, meter);
  const resetsAt = resetOf(take, meter, now);
  return {
    ...{ level, subject, unit, window, limit, used },
    remaining: Math.max(0, capacityOf(take) - used),
    ...(resetsAt === undefined ? {} : { resetsAt }),
    ...(soft === undefined ? {} : { soft }),
  };
}

export function resetOf({ window, limit }: Take, meter: Meter, now: number): number | undefined {
  if (window.kind === 'calendar') return periodAt(window.unit, window.zone, Math.max(now, meter.start)).end;
  return window.kind === 'rate' && limit > 0 ? meter.start + Math.ceil(meter.spent / limit) : undefined;
}

/** How long what one run or one session may spend is remembered after its last call. */
const RUN_MEMORY = 30 * 24 * 3_600_000;

/** From when on the meter says nothing that a new one would not say; `undefined` for never. */
export function forgettableAt(take: Take, meter: Meter, now: number): number | undefined {
  if (take.window.kind === 'held') return now;
  if (take.window.kind === 'always') return take.level === 'run' || take.level === 'session' ? now + RUN_MEMORY : undefined;
  return resetOf(take, meter, now);
}
