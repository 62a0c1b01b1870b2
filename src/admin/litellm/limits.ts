import type { z } from 'zod';
import type { limit } from '../resources/shapes.ts';
import { isCalendarWindow, shownDuration, windowOf, writtenWindows } from './durations.ts';

/** A limit as the admin API takes it. */
export type LimitDocument = z.input<typeof limit>;

/** What LiteLLM says of budgets and rates, on keys, teams, users and organisations alike. */
export interface LitellmLimits {
  /** Dollars. */
  readonly max_budget?: number | null;
  /** Dollars at which somebody is told, and nothing is refused. */
  readonly soft_budget?: number | null;
  readonly budget_duration?: string | null;
  /** Several windows at once. */
  readonly budget_limits?: readonly BudgetWindow[] | null;
  /** Tokens and requests a minute, tokens a day. */
  readonly tpm_limit?: number | null;
  readonly rpm_limit?: number | null;
  readonly tpd_limit?: number | null;
  readonly max_parallel_requests?: number | null;
}

/** A type and not an interface: it is written as JSON. */
export type BudgetWindow = { readonly max_budget: number; readonly budget_duration: string };

export const limitFields = [
  'max_budget',
  'soft_budget',
  'budget_duration',
  'budget_limits',
  'tpm_limit',
  'rpm_limit',
  'tpd_limit',
  'max_parallel_requests',
] as const;

/** Something that cannot be kept as it was asked for. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

export interface MappedLimits {
  readonly limits: readonly LimitDocument[];
  readonly problems: readonly FieldProblem[];
  /** Worth knowing, and nothing is lost. */
  readonly warnings: readonly string[];
}

export interface LimitOptions {
  /** The time zone in which days, weeks and months begin; UTC when absent. */
  readonly zone?: string;
  /** A budget of a window that the calendar has not; where absent, that is a problem. */
  approximate?(budget: BudgetWindow): LimitDocument | undefined;
}

/** Limits as Weir keeps them. What is not said is not limited. */
export function limitsOf(fields: LitellmLimits, options: LimitOptions = {}): MappedLimits {
  const problems: FieldProblem[] = [];
  const warnings: string[] = [];
  const limits: LimitDocument[] = [];
  for (const { field, amount, duration, soft } of budgetsIn(fields)) {
    const mapped = budget(amount, duration, options);
    if (mapped === undefined) problems.push({ field, message: noWindow(duration) });
    else limits.push(soft ? { ...mapped, soft: true } : mapped);
    if (mapped?.window === 'month')
      warnings.push(`budget_duration ${duration}: counted by the calendar's month, in ${mapped.zone ?? 'UTC'}.`);
  }
  if (fields.budget_duration != null && fields.max_budget == null && fields.soft_budget == null) {
    problems.push({ field: 'budget_duration', message: 'says nothing without max_budget' });
  }
  return { limits: [...limits, ...rates(fields)], problems: [...problems, ...faults(fields)], warnings: [...new Set(warnings)] };
}

interface Budget {
  readonly field: string;
  readonly amount: number;
  readonly duration: string | undefined;
  readonly soft: boolean;
}

function budgetsIn({ max_budget, soft_budget, budget_duration, budget_limits }: LitellmLimits): readonly Budget[] {
  const shared = { field: 'budget_duration', duration: budget_duration ?? undefined };
  const own = max_budget == null ? [] : [{ ...shared, amount: max_budget, soft: false }];
  const told = soft_budget == null ? [] : [{ ...shared, amount: soft_budget, soft: true }];
  const several = (budget_limits ?? []).map((each) => ({
    field: 'budget_limits',
    amount: each.max_budget,
    duration: each.budget_duration,
    soft: false,
  }));
  return [...own, ...told, ...several];
}

function budget(amount: number, duration: string | undefined, { zone, approximate }: LimitOptions): LimitDocument | undefined {
  if (duration === undefined) return { unit: 'usd', limit: amount };
  const window = windowOf(duration);
  if (window === undefined) return approximate?.({ max_budget: amount, budget_duration: duration });
  const zoned = zone !== undefined && zone !== 'UTC' && window !== 'minute' && window !== 'hour';
  return { unit: 'usd', limit: amount, window, ...(zoned ? { zone } : {}) };
}

const noWindow = (duration: string | undefined) =>
  `"${duration}" is no window of the calendar: ${writtenWindows}, or none for a budget that holds for good`;

function rates({ tpm_limit, rpm_limit, tpd_limit, max_parallel_requests }: LitellmLimits): readonly LimitDocument[] {
  return [
    ...(tpm_limit == null ? [] : [{ unit: 'tokens', limit: tpm_limit, window: '1m' } as const]),
    ...(rpm_limit == null ? [] : [{ unit: 'requests', limit: rpm_limit, window: '1m' } as const]),
    ...(tpd_limit == null ? [] : [{ unit: 'tokens', limit: tpd_limit, window: 'day' } as const]),
    ...(max_parallel_requests == null ? [] : [{ unit: 'concurrent', limit: max_parallel_requests } as const]),
  ];
}

function faults(fields: LitellmLimits): readonly FieldProblem[] {
  const whole = (['tpm_limit', 'rpm_limit', 'tpd_limit', 'max_parallel_requests'] as const).flatMap((field) => {
    const value = fields[field];
    return value == null || (Number.isSafeInteger(value) && value >= 0) ? [] : [{ field, message: 'is not a whole number' }];
  });
  const dollars = budgetsIn(fields).flatMap(({ amount }) =>
    Number.isFinite(amount) && amount >= 0 ? [] : [{ field: 'max_budget', message: 'is not an amount of dollars' }],
  );
  return [...whole, ...dollars];
}

/** Limits as LiteLLM writes them, and those that it has no words for. */
export function fieldsOf(limits: readonly LimitDocument[]): { readonly fields: LitellmLimits; readonly rest: readonly LimitDocument[] } {
  const fields: { -readonly [field in keyof LitellmLimits]: LitellmLimits[field] } = {};
  const windows: BudgetWindow[] = [];
  const softs: LimitDocument[] = [];
  const rest: LimitDocument[] = [];
  for (const each of limits) {
    const rate = rateField(each);
    if (rate !== undefined && fields[rate] == null) fields[rate] = each.limit;
    else if (isSoftBudget(each)) softs.push(each);
    else if (!isPlain(each) || each.unit !== 'usd') rest.push(each);
    else if (each.window === undefined && fields.max_budget == null) fields.max_budget = each.limit;
    else if (isCalendarWindow(each.window) && inUtc(each)) {
      windows.push({ max_budget: each.limit, budget_duration: shownDuration(each.window) });
    } else rest.push(each);
  }
  const [first] = windows;
  if (fields.max_budget == null && first !== undefined && windows.length === 1) Object.assign(fields, first);
  else if (windows.length > 0) fields.budget_limits = windows;
  return withSoft(fields, softs, rest);
}

/** LiteLLM has one soft budget, of the same window as the other. */
function withSoft(fields: LitellmLimits, [soft, ...more]: readonly LimitDocument[], rest: readonly LimitDocument[]) {
  if (soft === undefined) return { fields, rest };
  const duration = isCalendarWindow(soft.window) ? shownDuration(soft.window) : undefined;
  const fits = fields.max_budget == null || (fields.budget_duration ?? undefined) === duration;
  if (!fits) return { fields, rest: [...rest, soft, ...more] };
  return {
    fields: { ...fields, soft_budget: soft.limit, ...(duration === undefined ? {} : { budget_duration: duration }) },
    rest: [...rest, ...more],
  };
}

function isSoftBudget({ soft, ...limit }: LimitDocument): boolean {
  const known = limit.window === undefined || isCalendarWindow(limit.window);
  return soft === true && limit.unit === 'usd' && isPlain(limit) && inUtc(limit) && known;
}

const PLAIN: readonly string[] = ['unit', 'limit', 'window', 'zone'];

/** Of everybody together, without a burst or anything else that LiteLLM's have not. */
const isPlain = (limit: LimitDocument) => Object.entries(limit).every(([name, value]) => value === undefined || PLAIN.includes(name));

/** LiteLLM has one time zone for all. */
const inUtc = ({ zone }: LimitDocument) => zone === undefined || zone === 'UTC';

function rateField(limit: LimitDocument): 'tpm_limit' | 'rpm_limit' | 'tpd_limit' | 'max_parallel_requests' | undefined {
  const { unit, window } = limit;
  if (!isPlain(limit) || !inUtc(limit)) return undefined;
  if (unit === 'concurrent') return 'max_parallel_requests';
  if (unit === 'requests') return window === '1m' ? 'rpm_limit' : undefined;
  if (unit !== 'tokens') return undefined;
  if (window === '1m') return 'tpm_limit';
  return window === 'day' || window === '1d' ? 'tpd_limit' : undefined;
}
