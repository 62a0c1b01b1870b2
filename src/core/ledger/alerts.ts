import type { Meter } from './meters.ts';
import type { Level, Take, Unit } from './take.ts';
import type { Window } from './windows.ts';

/** A limit of which operators want to hear before it is reached. */
export interface Watch {
  readonly limit: number;
  /** Fractions of it, of what is settled. */
  readonly at: readonly number[];
  /** The limit refuses nothing. */
  readonly soft?: true;
}

interface BudgetEvent {
  readonly org: string;
  /** By the ledger's clock; milliseconds since the epoch. */
  readonly at: number;
  /** As of the take: `limits.ts` says whose limit that is. */
  readonly level: Level;
  readonly subject: string;
  readonly unit: Unit;
  readonly window: Window;
  readonly limit: number;
  /** What is settled. */
  readonly used: number;
  /** When the period began; 0 where there are no periods. */
  readonly start: number;
  /** When it ends, where it does by time. */
  readonly resetsAt?: number;
}

/** What is settled has come to a fraction of a limit. */
export interface BudgetAlert extends BudgetEvent {
  readonly type: 'budget.alert';
  readonly fraction: number;
  readonly soft?: true;
}

/** A budget has refused a call, for the first time in its period. */
export interface BudgetExhausted extends BudgetEvent {
  readonly type: 'budget.exhausted';
  /** What calls under way hold. */
  readonly held: number;
  /** What the call asked for. */
  readonly asked: number;
}

/** What a ledger tells operators: each of them once for a meter and a period, whatever is asked of it again. */
export type LedgerEvent = BudgetAlert | BudgetExhausted;

/** A fraction that is reached, and the mark by which the meter remembers that it was told. */
export interface Crossing {
  readonly mark: string;
  readonly limit: number;
  readonly fraction: number;
  readonly soft?: true;
}

/** The mark of a budget that has refused a call. */
export const EXHAUSTED = 'exhausted';

/** The fractions that what is settled has reached and that were not told yet in this period, lowest first. */
export function crossingsOf({ watched = [] }: Take, { spent, told = [] }: Meter): readonly Crossing[] {
  return watched.flatMap(({ limit, at, soft }) =>
    at.flatMap((fraction): readonly Crossing[] => {
      const mark = soft === true ? `soft ${fraction}` : String(fraction);
      // Divided, since 0.07 × 100 is more than 7: a quotient of whole numbers is rounded as the fraction that was written is.
      if (told.includes(mark) || !(spent / limit >= fraction)) return [];
      return [{ mark, limit, fraction, ...(soft === undefined ? {} : { soft }) }];
    }),
  );
}

/**
 * Whether a limit is a budget, which an operator or the next day mends, rather than a rate, which time mends soon.
 * Those who are refused by a budget need not ask again.
 */
export function isBudget({ unit, window }: Pick<Take, 'unit' | 'window'>): boolean {
  if (unit === 'usd') return true;
  if (window.kind === 'calendar') return window.unit !== 'minute' && window.unit !== 'hour';
  return window.kind === 'always';
}
