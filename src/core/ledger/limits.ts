import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { NANO_PER_USD } from '../money.ts';
import { type Amounts, isWhole, type Level, levels, meterKey, type Take, type Unit, units } from './take.ts';
import { parseWindow, type Window } from './windows.ts';

/** A limit as it holds: in whole units, money in nano-dollars. */
export interface Limit {
  readonly unit: Unit;
  readonly limit: number;
  readonly burst?: number;
  readonly window: Window;
  /** It counts for each of these on its own: each user of an app, each run of a key. */
  readonly per?: Level;
}

export type LimitProblem = { readonly problem: string };

/**
 * A limit as operators write it: `{ unit, limit, window?, per?, burst?, zone? }`, `usd` in dollars. Without a window it
 * holds for good, which is what a budget of one run is; `concurrent` has none. Money has windows of the calendar only: a
 * rate lets its whole limit through at once and goes on filling, and nobody means that by a budget.
 */
export function readLimit(value: Json): Limit | LimitProblem {
  if (!isObject(value)) return { problem: 'a limit is an object' };
  const unit = units.find((known) => known === value.unit);
  if (unit === undefined) return { problem: `\`unit\` is one of ${units.join(', ')}` };
  const per = levels.find((known) => known === value.per);
  if (value.per !== undefined && per === undefined) return { problem: `\`per\` is one of ${levels.join(', ')}` };
  const limit = quantity(unit, value.limit);
  const burst = value.burst === undefined ? undefined : quantity(unit, value.burst);
  if (limit === undefined) return { problem: '`limit` is a whole number, or dollars with nine decimals at most' };
  if (value.burst !== undefined && burst === undefined) return { problem: '`burst` is a whole number' };
  const window = windowOf(unit, value.window, value.zone);
  if ('problem' in window) return window;
  if (burst !== undefined && window.kind !== 'rate') return { problem: '`burst` is for rates such as `1m`' };
  if (window.kind === 'rate' && !isWhole(Math.max(limit, burst ?? 0) * window.milliseconds)) {
    return { problem: 'the limit is too large for a rate; give it a window of the calendar' };
  }
  return { unit, limit, window, ...(burst === undefined ? {} : { burst }), ...(per === undefined ? {} : { per }) };
}

function quantity(unit: Unit, value: Json | undefined): number | undefined {
  if (typeof value !== 'number') return undefined;
  const amount = unit === 'usd' ? Math.round(value * NANO_PER_USD) : value;
  return isWhole(amount) ? amount : undefined;
}

function windowOf(unit: Unit, value: Json | undefined, zone: Json | undefined): Window | LimitProblem {
  if (unit === 'concurrent') return value === undefined ? { kind: 'held' } : { problem: '`concurrent` has no window' };
  if (value === undefined) return zone === undefined ? { kind: 'always' } : { problem: '`zone` is for windows of the calendar' };
  if (typeof value !== 'string' || (zone !== undefined && typeof zone !== 'string')) return { problem: '`window` and `zone` are texts' };
  const window = parseWindow(value, zone);
  if (window === undefined) return { problem: `no such window: ${value}${zone === undefined ? '' : ` in ${zone}`}` };
  if (window.kind === 'rate' && unit === 'usd') return { problem: '`usd` takes `hour`, `day`, `week` or `month`' };
  return window.kind !== 'calendar' && zone !== undefined ? { problem: '`zone` is for windows of the calendar' } : window;
}

/** Whose limits they are. */
export interface Limited {
  readonly level: Level;
  readonly id: string;
  readonly limits: readonly Limit[];
}

/** Who calls, by level: what a limit `per` user, run or model counts by. */
export type Subjects = { readonly [level in Level]?: string };

/**
 * What a call takes from all meters that limit it. A limit counts a call only in units that the call has an amount of.
 * Calls that name no user count together as one, so that leaving the name out evades nothing; a call that names no run
 * belongs to none.
 */
export function takesFor(limited: readonly Limited[], subjects: Subjects, amounts: Amounts): readonly Take[] {
  const takes = limited.flatMap(({ level, id, limits }) =>
    limits.flatMap(({ unit, limit, burst, window, per }) => {
      const amount = amounts[unit];
      const subject = subjectOf(level, id, per, subjects);
      if (amount === undefined || subject === undefined) return [];
      return [{ level: per ?? level, subject, unit, window, limit, amount, ...(burst === undefined ? {} : { burst }) }];
    }),
  );
  return strictest(takes);
}

/** Ids are not the operator's to choose but users and runs are the caller's: written so that no two places can be the same text. */
function subjectOf(level: Level, id: string, per: Level | undefined, subjects: Subjects): string | undefined {
  if (per === undefined || per === level) return id;
  const each = subjects[per] ?? (per === 'run' ? undefined : '');
  return each === undefined ? undefined : `${level}:${encodeURIComponent(id)}/${each}`;
}

/** Two limits of the same meter, such as a key's 10 and 20 requests a minute: the lower one holds. */
function strictest(takes: readonly Take[]): readonly Take[] {
  const least = new Map<string, Take>();
  for (const take of takes) {
    const key = meterKey(take);
    const known = least.get(key);
    const room = ({ limit, burst }: Take) => Math.min(limit, burst ?? limit);
    if (known === undefined || room(take) < room(known)) least.set(key, take);
  }
  return [...least.values()];
}
