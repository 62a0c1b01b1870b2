import { until } from '../../gateway.ts';
import { storedLedger, storedUsage, type UsageRow } from '../../ledger/stored.ts';
import { INPUT_TOKENS } from '../../upstream/answer.ts';
import type { Journal } from '../../upstream/journal.ts';
import type { Case } from './cases.ts';
import { SECOND_WORDS, WORDS } from './fault.ts';
import { MAX_TOKENS } from './readers/reading.ts';
import { firstOf, type Key, type Outcome, PRICE } from './run.ts';

/** Nano-USD a token. */
const IN = PRICE.input * 1_000;
const OUT = PRICE.output * 1_000;
/** Milliseconds in which a connection is closed; twice as long as is promised, for a machine that has other things to do. */
const CLOSED_WITHIN = 2_000;

/** What is counted, read from the gateway's own files once all of it has gone out. */
export interface Account {
  readonly rows: ReadonlyMap<string, readonly UsageRow[]>;
  readonly holds: number;
  readonly reserved: number;
  /** Nano-USD that the key's meter has counted. */
  readonly spent: number;
}

export async function accountOf(stateDir: string, { id }: Key, calls: number): Promise<Account> {
  const own = () => storedUsage(stateDir).filter(({ key_id }) => key_id === id);
  const meters = () => storedLedger(stateDir).meters.filter(({ key }) => key.endsWith(id));
  const reserved = () => meters().reduce((sum, meter) => sum + meter.reserved, 0);
  await until(() => storedLedger(stateDir).waiting === 0 && own().length >= calls, 30_000, `${calls} rows have gone out`);
  await until(() => storedLedger(stateDir).holds.length === 0 && reserved() === 0, 20_000, 'nothing is held any more').catch(
    () => undefined,
  );
  const rows = Map.groupBy(own(), ({ request_id }) => request_id);
  return {
    rows,
    holds: storedLedger(stateDir).holds.length,
    reserved: reserved(),
    spent: meters().find(({ key }) => key.startsWith('key:usd:'))?.spent ?? 0,
  };
}

/** Everything that is wrong with what a call was charged. */
export function mischarged(each: Case, outcome: Outcome, account: Account, words: number): readonly string[] {
  const rows = account.rows.get(String(outcome.headers['x-weir-request-id'])) ?? [];
  const [row] = rows;
  if (row === undefined || rows.length > 1) return [`${rows.length} rows of account`];
  const { right } = each.fault;
  const { cost, estimated, status } = row;
  const output = row.output_tokens ?? 0;
  const told = `${status}, ${output} tokens, ${cost} nano-dollars${estimated === 1 ? ', estimated' : ''}`;
  const wrong = (met: boolean): readonly string[] => (met ? [] : [`the account says ${told}`]);
  if (right.is === 'late') {
    // Nobody told the true numbers: no less than what was handed on.
    return wrong(status === 'partial' && estimated === 1 && output >= words && (cost ?? 0) >= words * OUT);
  }
  if (right.is === 'good' || (right.is === 'early' && each.failover)) {
    const spoken = right.is === 'good' ? WORDS : SECOND_WORDS;
    if (right.is === 'good' && right.estimated === true) return wrong(status === 'complete' && estimated === 1 && output >= spoken);
    // Bedrock says what was cached beside its input, three tokens here.
    const input = INPUT_TOKENS + (each.way.form.dialect === 'bedrock' ? 3 : 0);
    return wrong(status === 'complete' && estimated === 0 && output === spoken && cost === input * IN + spoken * OUT);
  }
  // What missed a time limit of the gateway's may have been served: it is charged as it was foreseen. What failed costs nothing.
  const foreseen = each.fault.waits === true && outcome.status === 504 ? MAX_TOKENS : 0;
  return wrong(status === 'failed' && output === foreseen && (cost ?? 0) >= foreseen * OUT && (foreseen > 0 || (cost ?? 0) === 0));
}

/** Whether a connection that should be closed is not, or was not in time. */
export function leftOpen(each: Case, { endedAt }: Outcome, journal: Journal): readonly string[] {
  const seen = journal.all.find(({ model }) => model === firstOf(each));
  if (each.fault.closes !== true || seen === undefined) return [];
  if (seen.closedByPeerAt === undefined) return ['the connection to the vendor is open'];
  const late = seen.closedByPeerAt - endedAt;
  return late > CLOSED_WITHIN ? [`the connection to the vendor was closed ${late} ms after the end`] : [];
}
