import type { Call, Key, KillHistory } from './kill.ts';
import { MOST_OUTPUT, NANO_PER_TOKEN } from './kill.ts';

/** What must not be, and how often it was. */
export interface Verdict {
  /** Whole answers that their callers have. */
  readonly acknowledged: number;
  readonly withoutRow: readonly string[];
  readonly withSeveralRows: readonly string[];
  /** Rows of calls that ended, whose cost is not what the vendor charged. */
  readonly mispriced: readonly string[];
  /** Rows that stand for less than the vendor charged. */
  readonly undercharged: readonly string[];
  readonly overLimit: readonly string[];
  readonly stuck: readonly string[];
  /** Meters that say something else than the rows. */
  readonly unbalanced: readonly string[];
  readonly statuses: { readonly [status: string]: number };
  readonly refused: number;
  readonly brokeOff: number;
}

/** Compares the three accounts: the callers', the vendor's and the gateway's. Shares no code with the ledger. */
export function judge({ calls, keys, billed, rows, ledger }: KillHistory): Verdict {
  const rowsOf = Map.groupBy(rows, ({ request_id }) => request_id);
  const acknowledged = calls.filter(({ answered }) => answered.status === 200 && answered.whole);
  const found = acknowledged.map((call) => ({
    call,
    own: rowsOf.get(call.answered.requestId ?? '') ?? [],
    due: billed.get(call.number) ?? 0,
  }));
  const named = ({ call }: { readonly call: Call }) => `call ${call.number} of ${call.key.name} (${call.answered.requestId})`;
  const spentBy = new Map(keys.map(({ id }) => [id, 0]));
  for (const { key_id, cost } of rows) spentBy.set(key_id, (spentBy.get(key_id) ?? 0) + (cost ?? 0));
  return {
    acknowledged: acknowledged.length,
    withoutRow: found.filter(({ own }) => own.length === 0).map(named),
    withSeveralRows: found.filter(({ own }) => own.length > 1).map(named),
    mispriced: found.filter(({ own, due }) => own.some(({ status, cost }) => status === 'complete' && cost !== due)).map(named),
    undercharged: found.filter(({ own, due }) => own.some(({ cost }) => (cost ?? 0) < due)).map(named),
    overLimit: keys.flatMap((key) => overLimitOf(key, calls, billed, spentBy.get(key.id) ?? 0)),
    stuck: [...ledger.holds, ...ledger.meters.filter(({ reserved }) => reserved > 0).map(({ key, reserved }) => `${key}: ${reserved}`)],
    unbalanced: keys.filter(({ perRun }) => !perRun).flatMap((key) => unbalancedOf(key, ledger, spentBy.get(key.id) ?? 0)),
    statuses: Object.fromEntries([...Map.groupBy(rows, ({ status }) => status)].map(([status, own]) => [status, own.length])),
    refused: calls.filter(({ answered }) => answered.status >= 400).length,
    brokeOff: calls.filter(({ answered }) => answered.status === 0 || (answered.status === 200 && !answered.whole)).length,
  };
}

/** What the vendor charged for a budget's calls, those included that nobody has an answer of, and what their rows say. */
function overLimitOf(key: Key, calls: readonly Call[], billed: ReadonlyMap<number, number>, spent: number): readonly string[] {
  const own = Map.groupBy(
    calls.filter((call) => call.key.id === key.id),
    ({ run }) => run ?? key.name,
  );
  const over = [...own].flatMap(([name, asked]) => {
    const due = asked.reduce((sum, { number }) => sum + (billed.get(number) ?? 0), 0);
    return due > key.budget ? [`${name}: the vendor charged ${due} of ${key.budget}`] : [];
  });
  return !key.perRun && spent > key.budget ? [...over, `${key.name}: rows say ${spent} of ${key.budget}`] : over;
}

function unbalancedOf(key: Key, { meters }: KillHistory['ledger'], spent: number): readonly string[] {
  const counted = meters.find((meter) => meter.key.startsWith('key:usd:') && meter.key.endsWith(key.id))?.spent ?? 0;
  return counted === spent ? [] : [`${key.name}: the meter says ${counted}, the rows ${spent}`];
}

/** What one call holds at most. */
export const RESERVATION = MOST_OUTPUT * NANO_PER_TOKEN;
