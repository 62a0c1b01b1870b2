import type { Watch } from './alerts.ts';
import { type Window, windowName } from './windows.ts';

/** What a limit counts. `usd` in nano-dollars; all of them whole numbers. */
export const units = ['requests', 'tokens', 'tokens-in', 'tokens-out', 'usd', 'concurrent', 'tool-calls', 'images', 'seconds'] as const;
export type Unit = (typeof units)[number];

/** Whose limit it is. */
export const levels = ['org', 'team', 'app', 'key', 'user', 'run', 'session', 'model', 'provider'] as const;
export type Level = (typeof levels)[number];

export type Amounts = { readonly [unit in Unit]?: number };

/** What one call takes from one meter, and the limit that stands there now. */
export interface Take {
  readonly level: Level;
  /** The id of what is limited; where a limit of one thing counts for each of another, both: `app_1/user_7`. */
  readonly subject: string;
  readonly unit: Unit;
  readonly window: Window;
  readonly limit: number;
  /** What a rate admits at once; `limit` where absent. */
  readonly burst?: number;
  /** The limit refuses nothing: it is there to be told of. */
  readonly soft?: true;
  /** What operators want to hear of what is settled here. */
  readonly watched?: readonly Watch[];
  readonly amount: number;
}

/** A take that was charged: `start` says to which period of its meter, or for rates when. */
export interface HeldTake extends Take {
  readonly start: number;
}

/** The most takes of one call. */
const MOST_TAKES = 64;
/** The most fractions of one limit that are told of, and the highest: a limit may be passed by what was settled late, and one that is soft by anything. */
export const MOST_FRACTIONS = 10;
export const HIGHEST_FRACTION = 10;

/** The meter that is taken from. The limit is not part of it: a limit that changes finds what was used. */
export const meterKey = ({ level, subject, unit, window }: Pick<Take, 'level' | 'subject' | 'unit' | 'window'>): string =>
  `${level}:${unit}:${windowName(window)}:${subject}`;

export const isWhole = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** Throws `RangeError` on what no meter can count: fractions, negative numbers, the same meter twice. */
export function checkTakes(takes: readonly Take[]): void {
  if (takes.length > MOST_TAKES) throw new RangeError(`A call takes from ${MOST_TAKES} meters at most, not from ${takes.length}`);
  const keys = new Set<string>();
  for (const take of takes) {
    const key = meterKey(take);
    if (keys.has(key)) throw new RangeError(`${key} is taken from twice`);
    keys.add(key);
    for (const value of [take.limit, take.amount, take.burst ?? 0]) {
      if (!isWhole(value)) throw new RangeError(`${value} is no whole number that ${key} can count`);
    }
    if ((take.unit === 'concurrent') !== (take.window.kind === 'held'))
      throw new RangeError(`${key}: only calls at the same time are held`);
    if (take.window.kind === 'rate' && !isWhole(Math.max(take.limit, take.burst ?? 0) * take.window.milliseconds)) {
      throw new RangeError(`${key}: the limit is too large for a rate; give it a window of the calendar`);
    }
    if (!isWatchable(take)) throw new RangeError(`${key}: only fractions of budgets are told of`);
  }
}

/** What drains away or ends with its call has no period in which it could be told once. */
export const hasPeriods = ({ kind }: Window): boolean => kind === 'calendar' || kind === 'always';

export const isFraction = (value: unknown): value is number => typeof value === 'number' && value > 0 && value <= HIGHEST_FRACTION;

function isWatchable({ window, soft, watched }: Take): boolean {
  if (soft === undefined && watched === undefined) return true;
  return (
    hasPeriods(window) && (watched ?? []).every(({ limit, at }) => isWhole(limit) && at.length <= MOST_FRACTIONS && at.every(isFraction))
  );
}
