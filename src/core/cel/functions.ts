import { matchesGlob } from '../glob.ts';
import { isZone, localTime } from '../ledger/windows.ts';
import { refuse } from './fault.ts';
import { Duration, int, type Kind } from './values.ts';

/** One form of a function; the first argument of a method is what it is called on. */
export interface Form {
  readonly takes: readonly Kind[];
  readonly gives: Kind;
  /**
   * Says whether the last argument will do, which must be written out: what a caller sends is gone through once, and never
   * looked for in what else a caller sends. Throws a `RuleFault`.
   */
  readonly written?: (text: string) => void;
  run(...values: readonly unknown[]): unknown;
}

const whatever = () => undefined;

const onText = (run: (text: string, other: string) => unknown, gives: Kind, takes: readonly Kind[], written?: Form['written']): Form => ({
  takes,
  gives,
  ...(written === undefined ? {} : { written }),
  run: (text, other) => run(String(text), String(other)),
});

/** A part of what the clock of a zone shows, UTC's where none is named. */
const clock = (read: (local: Date) => number): readonly Form[] => {
  const run = (instant: unknown, zone: unknown = 'UTC') => {
    if (instant instanceof Date) return BigInt(read(new Date(localTime(String(zone), instant.getTime()))));
    throw refuse('there is no instant to read the clock at');
  };
  return [
    { takes: ['timestamp'], gives: 'int', run },
    { takes: ['timestamp', 'string'], gives: 'int', written: checkZone, run },
  ];
};

function checkZone(zone: string): void {
  if (!isZone(zone)) throw refuse(`there is no time zone "${zone}"`);
}

const DAY = 86_400_000;

/** Characters, not UTF-16 units. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

const size: readonly Form[] = [
  { takes: ['string'], gives: 'int', run: (text) => BigInt(lengthOf(String(text))) },
  { takes: ['list'], gives: 'int', run: (list) => BigInt(Array.isArray(list) ? list.length : 0) },
  { takes: ['map'], gives: 'int', run: (map) => BigInt(map instanceof Map ? map.size : 0) },
];

/** Called on a value: `model.startsWith("gpt-")`. */
export const methods: { readonly [name: string]: readonly Form[] } = {
  size,
  startsWith: [onText((text, start) => text.startsWith(start), 'bool', ['string', 'string'])],
  endsWith: [onText((text, end) => text.endsWith(end), 'bool', ['string', 'string'])],
  contains: [onText((text, part) => text.includes(part), 'bool', ['string', 'string'], whatever)],
  like: [onText((text, glob) => matchesGlob(glob, text.toLowerCase()), 'bool', ['string', 'string'], whatever)],
  lowerAscii: [onText((text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()), 'string', ['string'])],
  upperAscii: [onText((text) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()), 'string', ['string'])],
  trim: [onText((text) => text.trim(), 'string', ['string'])],
  getFullYear: clock((local) => local.getUTCFullYear()),
  getMonth: clock((local) => local.getUTCMonth()),
  getDate: clock((local) => local.getUTCDate()),
  getDayOfMonth: clock((local) => local.getUTCDate() - 1),
  getDayOfWeek: clock((local) => local.getUTCDay()),
  getDayOfYear: clock((local) => Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / DAY)),
  getHours: clock((local) => local.getUTCHours()),
  getMinutes: clock((local) => local.getUTCMinutes()),
  getSeconds: clock((local) => local.getUTCSeconds()),
};

/** Called by their names alone: `size(tools)`. */
export const functions: { readonly [name: string]: readonly Form[] } = {
  size,
  int: [
    { takes: ['int'], gives: 'int', run: (value) => value },
    { takes: ['double'], gives: 'int', run: (value) => truncated(Number(value)) },
    { takes: ['string'], gives: 'int', run: (text) => wholeNumber(String(text)) },
    { takes: ['timestamp'], gives: 'int', run: (instant) => BigInt(Math.floor(Number(instant) / 1000)) },
  ],
  double: [
    { takes: ['int'], gives: 'double', run: Number },
    { takes: ['double'], gives: 'double', run: Number },
    { takes: ['string'], gives: 'double', run: (text) => number(String(text)) },
  ],
  string: (['string', 'bool', 'int', 'double'] as const).map((kind) => ({ takes: [kind], gives: 'string', run: String })),
  timestamp: [{ takes: ['string'], gives: 'timestamp', written: (text) => void instant(text), run: (text) => instant(String(text)) }],
  duration: [{ takes: ['string'], gives: 'duration', written: (text) => void duration(text), run: (text) => duration(String(text)) }],
};

function truncated(value: number): bigint {
  if (!Number.isFinite(value)) throw refuse('this number has no whole part');
  return int(BigInt(Math.trunc(value)));
}

function wholeNumber(text: string): bigint {
  if (/^-?\d{1,19}$/.test(text)) return int(BigInt(text));
  throw refuse('the text is no whole number');
}

function number(text: string): number {
  if (/^-?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,3})?$/.test(text)) return Number(text);
  throw refuse('the text is no number');
}

/** RFC 3339 section 5.6. */
function instant(text: string): Date {
  const date = new Date(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : Number.NaN);
  if (Number.isNaN(date.getTime())) throw refuse(`"${text}" is no time: write 2026-01-31T09:00:00Z`);
  return date;
}

const UNITS: { readonly [unit: string]: number } = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

function duration(text: string): Duration {
  if (!/^-?(?:\d{1,9}(?:\.\d{1,9})?(?:h|ms|m|s))+$/.test(text)) throw refuse(`"${text}" is no duration: write 90s or 1h30m`);
  let milliseconds = 0;
  for (const [, amount, unit = 's'] of text.matchAll(/([\d.]+)(h|ms|m|s)/g)) milliseconds += Number(amount) * (UNITS[unit] ?? 0);
  return new Duration(text.startsWith('-') ? -milliseconds : milliseconds);
}
