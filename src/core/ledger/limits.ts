import { matchesGlob } from '../glob.ts';
import type { Json } from '../json.ts';
import { isArray, isObject } from '../json.ts';
import { NANO_PER_USD } from '../money.ts';
import {
  type Amounts,
  HIGHEST_FRACTION,
  hasPeriods,
  isFraction,
  isWhole,
  type Level,
  levels,
  MOST_FRACTIONS,
  meterKey,
  type Take,
  type Unit,
  units,
} from './take.ts';
import { parseWindow, type Window } from './windows.ts';

/** A limit as it holds: in whole units, money in nano-dollars. */
export interface Limit {
  readonly unit: Unit;
  readonly limit: number;
  readonly burst?: number;
  readonly window: Window;
  /** It counts for each of these on its own: each user of an app, each run of a key. */
  readonly per?: Level;
  /** It counts calls of these tools alone: patterns of `mcp/{route}/{tool}`, in their order of the alphabet. */
  readonly tools?: readonly string[];
  /** Fractions of it of which operators are told when what is settled comes to them. */
  readonly alertAt?: readonly number[];
  /** It refuses nothing. */
  readonly soft?: true;
}

export type LimitProblem = { readonly problem: string };

/**
 * A limit as operators write it: `{ unit, limit, window?, per?, tools?, burst?, zone?, alertAt?, soft? }`, `usd` in dollars. Without a window it
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
  const alerting = alertingOf(window, value.alertAt, value.soft);
  if ('problem' in alerting) return alerting;
  const chosen = toolsOf(unit, value.tools);
  if ('problem' in chosen) return chosen;
  return { unit, limit, window, ...(burst === undefined ? {} : { burst }), ...(per === undefined ? {} : { per }), ...chosen, ...alerting };
}

/** Patterns of one limit. */
export const MOST_TOOLS = 8;
/** How the patterns begin, and the names of what they fit. */
const OF_MCP = 'mcp/';
const TOOL_PATTERN = /^mcp\/[^\p{Cc}]{1,124}$/u;
/** What a call of a tool has an amount of. */
const OF_TOOLS: ReadonlySet<Unit> = new Set(['requests', 'tool-calls', 'usd', 'concurrent']);

function toolsOf(unit: Unit, value: Json | undefined): Pick<Limit, 'tools'> | LimitProblem {
  if (value === undefined) return {};
  if (!OF_TOOLS.has(unit)) return { problem: `\`tools\` is for ${[...OF_TOOLS].join(', ')}` };
  if (!isArray(value) || value.length === 0 || value.length > MOST_TOOLS || !value.every(isToolPattern)) {
    return { problem: `\`tools\` is a list of 1 to ${MOST_TOOLS} names such as "mcp/team/search*", 128 characters each at most` };
  }
  return { tools: [...new Set(value)].sort() };
}

const isToolPattern = (value: Json): value is string => typeof value === 'string' && TOOL_PATTERN.test(value);

/** Whether calls for this subject count. */
function concerns({ tools }: Limit, { model }: Subjects): boolean {
  if (tools === undefined) return true;
  if (model?.startsWith(OF_MCP) !== true) return false;
  const name = model.toLowerCase();
  return tools.some((pattern) => matchesGlob(pattern, name));
}

/** A soft limit of which nothing is to be told would be none: it is told of when it is reached. */
function alertingOf(window: Window, alertAt: Json | undefined, soft: Json | undefined): Pick<Limit, 'alertAt' | 'soft'> | LimitProblem {
  if (soft !== undefined && typeof soft !== 'boolean') return { problem: '`soft` is true or false' };
  if (alertAt === undefined && soft !== true) return {};
  if (!hasPeriods(window)) return { problem: '`alertAt` and `soft` are for windows of the calendar, or none' };
  const fractions = alertAt === undefined ? [1] : fractionsIn(alertAt);
  if (fractions === undefined) {
    return {
      problem: `\`alertAt\` is a list of fractions of the limit, each once, above 0 and ${HIGHEST_FRACTION} at most, such as [0.5, 0.8, 1]`,
    };
  }
  return { alertAt: fractions, ...(soft === true ? { soft } : {}) };
}

/** Lowest first; `undefined` where it is no list of fractions. */
function fractionsIn(value: Json): readonly number[] | undefined {
  if (!isArray(value) || value.length > MOST_FRACTIONS || !value.every(isFraction)) return undefined;
  return new Set(value).size === value.length ? value.toSorted((left, right) => left - right) : undefined;
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

/** Who calls, by level: what a limit `per` user, run or model counts by. `model` of a call of a tool is `mcp/{route}/{tool}`. */
export type Subjects = { readonly [level in Level]?: string };

/**
 * What a call takes from all meters that limit it. A limit counts a call only in units that the call has an amount of.
 * Calls that name no user count together as one, so that leaving the name out evades nothing; a call that names no run
 * belongs to none.
 */
export const takesFor = (limited: readonly Limited[], subjects: Subjects, amounts: Amounts): readonly Take[] =>
  takesOf(metersFor(limited, subjects, amounts), amounts);

/** A meter of a call and the limit that stands there: a take but for its amount. */
export type Metered = Omit<Take, 'amount'>;

/** What a call takes of the meters that `metersFor` gave for it. */
export const takesOf = (meters: readonly Metered[], amounts: Amounts): readonly Take[] =>
  meters.map((each) => ({ ...each, amount: amounts[each.unit] ?? 0 }));

/** Kinds of calls that are remembered of one caller's limits. */
const MOST_KINDS = 64;

/** Limits as they were worked out before: the same for the same calls, kept because they are asked for on every one. */
const workedOut = new WeakMap<readonly Limited[], Map<string, readonly Metered[]>>();

/** The meters that limit a call which has these amounts; for calls of the same caller and kind the same list. */
export function metersFor(limited: readonly Limited[], subjects: Subjects, amounts: Amounts): readonly Metered[] {
  let kinds = workedOut.get(limited);
  if (kinds === undefined) {
    kinds = new Map();
    workedOut.set(limited, kinds);
  }
  const kind = kindOf(limited, subjects, amounts);
  let meters = kinds.get(kind);
  if (meters === undefined) {
    meters = strictest(limited.flatMap(({ level, id, limits }) => limits.flatMap((each) => meterOf(each, level, id, subjects, amounts))));
    if (kinds.size >= MOST_KINDS) kinds.clear();
    kinds.set(kind, meters);
  }
  return meters;
}

/** What tells calls of one caller apart where these limits are concerned: which of the units they have, and whom they count for. */
function kindOf(limited: readonly Limited[], subjects: Subjects, amounts: Amounts): string {
  let kind = '';
  for (const { level, limits } of limited) {
    for (const limit of limits) {
      const { unit, per } = limit;
      if (amounts[unit] === undefined || !concerns(limit, subjects)) kind += '-';
      else if (per === undefined || per === level) kind += '+';
      else {
        const each = subjects[per];
        kind += each === undefined ? '?' : `${each.length}:${each}`;
      }
    }
  }
  return kind;
}

function meterOf(limit: Limit, level: Level, id: string, subjects: Subjects, amounts: Amounts): readonly Metered[] {
  if (amounts[limit.unit] === undefined || !concerns(limit, subjects)) return [];
  const meter = meterAt(limit, level, id, subjects);
  return meter === undefined ? [] : [meter];
}

/** Where a limit counts, whatever is called; `undefined` where the subjects do not say whose. */
export function meterAt(limit: Limit, level: Level, id: string, subjects: Subjects): Metered | undefined {
  const subject = subjectOf(level, id, limit, subjects);
  return subject === undefined ? undefined : meteredBy(limit, limit.per ?? level, subject);
}

function meteredBy({ unit, limit, burst, window, alertAt = [], soft }: Limit, level: Level, subject: string): Metered {
  const softly = soft === undefined ? {} : { soft };
  const watched = alertAt.length === 0 ? {} : { watched: [{ limit, at: alertAt, ...softly }] };
  return { level, subject, unit, window, limit, ...(burst === undefined ? {} : { burst }), ...softly, ...watched };
}

/** Ids are not the operator's to choose but users and runs are the caller's: written so that no two places can be the same text. */
function subjectOf(level: Level, id: string, { per, tools }: Limit, subjects: Subjects): string | undefined {
  const chosen = tools === undefined ? '' : `?${encodeURIComponent(JSON.stringify(tools))}`;
  if (per === undefined || per === level) return tools === undefined ? id : `${level}:${encodeURIComponent(id)}${chosen}`;
  const each = subjects[per] ?? (per === 'run' || per === 'session' ? undefined : '');
  return each === undefined ? undefined : `${level}:${encodeURIComponent(id)}${chosen}/${each}`;
}

/** Whose limit a meter counts for, which `subjectOf` has written down: which user, run … of theirs, where it counts each, and of which tools. */
export function ownerOf({ level, subject }: Pick<Take, 'level' | 'subject'>): {
  readonly level: Level;
  readonly id: string;
  readonly each?: string;
  readonly tools?: readonly string[];
} {
  const [, written, id = '', chosen, each] = /^(\w+):([^/?]*)(?:\?([^/]*))?(?:\/([\s\S]*))?$/.exec(subject) ?? [];
  const owner = levels.find((known) => known === written);
  if (owner === undefined || (each ?? chosen) === undefined) return { level, id: subject };
  const of = each === undefined ? {} : { each };
  return { level: owner, id: decodeURIComponent(id), ...of, ...(chosen === undefined ? {} : { tools: readTools(chosen) }) };
}

const readTools = (written: string): readonly string[] => {
  const tools: unknown = JSON.parse(decodeURIComponent(written));
  return Array.isArray(tools) ? tools.map(String) : [];
};

/**
 * Two limits of the same meter, such as a key's 10 and 20 requests a minute: the lower one holds. One that refuses nothing
 * takes no other's place: it is told of beside it.
 */
function strictest(takes: readonly Metered[]): readonly Metered[] {
  const least = new Map<string, { readonly hard?: Metered; readonly soft?: Metered }>();
  for (const take of takes) {
    const key = meterKey(take);
    const known = least.get(key);
    const kind = take.soft === true ? 'soft' : 'hard';
    const before = known?.[kind];
    if (before === undefined || roomOf(take) < roomOf(before)) least.set(key, { ...known, [kind]: take });
  }
  return [...least.values()].flatMap(({ hard, soft }) =>
    hard === undefined || soft === undefined ? (hard ?? soft ?? []) : [both(hard, soft)],
  );
}

const roomOf = ({ limit, burst }: Metered) => Math.min(limit, burst ?? limit);

function both(hard: Metered, soft: Metered): Metered {
  const watched = [...(hard.watched ?? []), ...(soft.watched ?? [])];
  return watched.length === 0 ? hard : { ...hard, watched };
}
