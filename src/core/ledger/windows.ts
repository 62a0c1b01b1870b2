/** The calendar's own periods. Weeks begin on Monday. */
export type CalendarUnit = 'minute' | 'hour' | 'day' | 'week' | 'month';

/**
 * How long what was used counts.
 * - `rate`: it drains away evenly, all of a limit in `milliseconds`: a token bucket.
 * - `calendar`: until the period ends. Days, weeks and months are those of `zone` (IANA); minutes and hours are UTC's,
 *   because a zone may shift by half an hour.
 * - `always`: for good, as with what one run may spend.
 * - `held`: until the call ends, as with calls at the same time.
 */
export type Window =
  | { readonly kind: 'rate'; readonly milliseconds: number }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit; readonly zone: string }
  | { readonly kind: 'always' }
  | { readonly kind: 'held' };

/** From `start` until before `end`; milliseconds since the epoch. */
export interface Period {
  readonly start: number;
  readonly end: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const calendarNames: { readonly [name: string]: CalendarUnit } = {
  minute: 'minute',
  hour: 'hour',
  day: 'day',
  week: 'week',
  month: 'month',
  '1d': 'day',
  '1w': 'week',
  '1mo': 'month',
};
const rateUnits: { readonly [unit: string]: number } = { s: SECOND, m: MINUTE, h: HOUR };

/**
 * A window as operators write it. `30s`, `1m`, `1h` are rates; `minute`, `hour`, `day` or `1d`, `week` or `1w`, `month`
 * or `1mo` are the calendar's. `undefined` for anything else, and for a zone that does not exist.
 */
export function parseWindow(text: string, zone = 'UTC'): Window | undefined {
  const unit = Object.hasOwn(calendarNames, text) ? calendarNames[text] : undefined;
  if (unit !== undefined) return isZone(zone) ? { kind: 'calendar', unit, zone } : undefined;
  const [, count = '', name = ''] = /^([1-9]\d{0,4})([smh])$/.exec(text) ?? [];
  const length = rateUnits[name];
  if (length === undefined) return undefined;
  const milliseconds = Number(count) * length;
  return milliseconds <= DAY ? { kind: 'rate', milliseconds } : undefined;
}

export function isZone(zone: string): boolean {
  try {
    clockOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** Names a window within a meter's key. */
export function windowName(window: Window): string {
  if (window.kind === 'rate') return `${window.milliseconds}ms`;
  return window.kind === 'calendar' ? `${window.unit}@${window.zone}` : window.kind;
}

/** The period of the calendar that holds an instant. Throws `RangeError` where the zone does not exist. */
export function periodAt(unit: CalendarUnit, zone: string, now: number): Period {
  if (unit === 'minute' || unit === 'hour') {
    const length = unit === 'minute' ? MINUTE : HOUR;
    const start = Math.floor(now / length) * length;
    return { start, end: start + length };
  }
  const name = `${unit}@${zone}`;
  const known = recent.get(name);
  if (known !== undefined && known.start <= now && now < known.end) return known;
  const period = localPeriod(unit, zone, now);
  recent.set(name, period);
  return period;
}

/** The last period that was worked out for each unit and zone: a result that is always the same, kept because it is asked for on every call. */
const recent = new Map<string, Period>();

/**
 * The begin of each date depends on the date alone, so periods neither overlap nor leave gaps, also where a zone's clock
 * shows a date twice: the period of an instant is the last one that has begun.
 */
function localPeriod(unit: 'day' | 'week' | 'month', zone: string, now: number): Period {
  let first = firstDate(unit, localTime(zone, now));
  while (beginOf(zone, first) > now) first = firstDate(unit, first - DAY);
  for (;;) {
    const next = nextDate(unit, first);
    const end = beginOf(zone, next);
    if (end > now) return { start: beginOf(zone, first), end };
    first = next;
  }
}

// Dates are written as the instant at which UTC shows their midnight: arithmetic without zones.

function firstDate(unit: 'day' | 'week' | 'month', local: number): number {
  const date = Math.floor(local / DAY) * DAY;
  if (unit === 'day') return date;
  // 1970-01-01 was a Thursday, the fourth day of its week.
  if (unit === 'week') return date - modulo(date / DAY + 3, 7) * DAY;
  const calendar = new Date(date);
  return Date.UTC(calendar.getUTCFullYear(), calendar.getUTCMonth(), 1);
}

function nextDate(unit: 'day' | 'week' | 'month', first: number): number {
  if (unit === 'day') return first + DAY;
  if (unit === 'week') return first + 7 * DAY;
  const calendar = new Date(first);
  return Date.UTC(calendar.getUTCFullYear(), calendar.getUTCMonth() + 1, 1);
}

/**
 * When a date begins in a zone: the first instant at which its clock shows midnight. Where the clock is set forward over
 * midnight, the instant of that.
 */
function beginOf(zone: string, date: number): number {
  if (zone === 'UTC') return date;
  const before = localTime(zone, date - 36 * HOUR) - (date - 36 * HOUR);
  const after = localTime(zone, date + 36 * HOUR) - (date + 36 * HOUR);
  const shown = [date - before, date - after].filter((instant) => localTime(zone, instant) === date);
  return shown.length === 0 ? date - before : Math.min(...shown);
}

/** What the clock of a zone shows, as the instant at which UTC shows the same; whole seconds. */
export function localTime(zone: string, instant: number): number {
  if (zone === 'UTC') return instant;
  const shown = { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of clockOf(zone).formatToParts(instant)) if (isShown(type, shown)) shown[type] = Number(value);
  return Date.UTC(shown.year, shown.month - 1, shown.day, shown.hour, shown.minute, shown.second);
}

const isShown = <T extends object>(type: string, shown: T): type is keyof T & string => Object.hasOwn(shown, type);

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(zone: string): Intl.DateTimeFormat {
  const known = clocks.get(zone);
  if (known !== undefined) return known;
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  clocks.set(zone, clock);
  return clock;
}

const modulo = (value: number, by: number) => ((value % by) + by) % by;
