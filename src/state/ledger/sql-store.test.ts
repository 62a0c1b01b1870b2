import { env, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { answerAll, type LedgerQuestion } from '../../core/ledger/batch.ts';
import { MemoryStore } from '../../core/ledger/fakes.ts';
import { takesFor } from '../../core/ledger/limits.ts';
import { borrow, reserve } from '../../core/ledger/reserve.ts';
import { giveBack, settle } from '../../core/ledger/settle.ts';
import type { Take } from '../../core/ledger/take.ts';
import { rowOf, type UsageRow } from '../../core/ledger/usage.ts';
import { AlertLog } from './alerts.ts';
import type { Ledger } from './ledger-object.ts';
import { SqlStore } from './sql-store.ts';

const NOW = Date.UTC(2040, 10, 21, 12);
const usage = { requestId: 'r', startedAt: NOW, org: 'o', team: 't', app: 'a', keyId: 'k' };
const report = { ...usage, status: 'complete' } as const;

/** Storage that says how many rows each piece of work wrote, which is what storage charges for. */
function counting(sql: SqlStorage) {
  let cursors: { readonly rowsWritten: number }[] = [];
  const counted = new Proxy(sql, {
    get(target, name) {
      if (name !== 'exec') return Reflect.get(target, name);
      return (query: string, ...bound: SqlStorageValue[]) => {
        const cursor = target.exec(query, ...bound);
        cursors.push(cursor);
        return cursor;
      };
    },
  });
  const rows = (work: () => void): number => {
    cursors = [];
    work();
    return cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
  };
  return { sql: counted, rows };
}

const inStorage = <T>(name: string, work: (sql: SqlStorage) => T): Promise<T> =>
  runInDurableObject(env.LEDGER.getByName(name), (_object: Ledger, state) => work(state.storage.sql));

const calendar = { kind: 'calendar', unit: 'month', zone: 'UTC' } as const;

/** A call that takes 100 from each of four budgets of 1,000. */
const takes = (alertAt?: readonly number[]): readonly Take[] =>
  takesFor(
    (['org', 'team', 'app', 'key'] as const).map((level) => {
      const limit = { unit: 'usd', limit: 1_000, window: calendar } as const;
      return { level, id: `${level}_1`, limits: [alertAt === undefined ? limit : { ...limit, alertAt }] };
    }),
    {},
    { usd: 100 },
  );

describe.each([
  ['of which nobody wants to hear', undefined],
  ['of which somebody wants to hear', [0.5, 0.8, 1]],
] as const)('a call on budgets %s', (_name, alertAt) => {
  it('writes as many rows as it must, and no more until it comes to what is told', () =>
    inStorage(`rows ${alertAt}`, (raw) => {
      const { sql, rows } = counting(raw);
      const store = new SqlStore(sql);
      const hold = (id: string) => ({ id, subjects: [], generation: 0, takes: takes(alertAt), ttl: 60_000, usage });
      const spend = (id: string, usd: number) => settle(store, id, { actual: { usd }, usage: report }, NOW);
      // A row for each meter, and one for the hold.
      expect(rows(() => reserve(store, hold('h1'), NOW))).toBe(5);
      // A row for each meter, one for the hold that goes, and two for its end and the index of that.
      expect(rows(() => spend('h1', 100))).toBe(7);
      expect(rows(() => borrow(store, hold('l1'), NOW, 1))).toBe(5);
      expect(rows(() => giveBack(store, 'l1', { used: { usd: 10 }, ended: [], open: [] }, NOW))).toBe(7);
      reserve(store, hold('h2'), NOW);
      // One row more for each message.
      expect(rows(() => spend('h2', 500))).toBe(alertAt === undefined ? 7 : 11);
      reserve(store, hold('h3'), NOW);
      expect(rows(() => spend('h3', 10))).toBe(7);
      const asked = { ...hold('h4'), takes: takes(alertAt).map((take) => ({ ...take, amount: 900 })) };
      // A budget that refuses: its mark and its message, four times; and then nothing.
      expect(rows(() => reserve(store, asked, NOW))).toBe(8);
      expect(rows(() => reserve(store, { ...asked, id: 'h5' }, NOW))).toBe(0);
    }));
});

it('a message costs some rows for each webhook that it goes to', () =>
  runInDurableObject(env.LEDGER.getByName('told'), (_object: Ledger, { storage }) => {
    const { sql, rows } = counting(storage.sql);
    const counted = new Proxy(storage, {
      get: (target, name) => (name === 'sql' ? sql : name === 'transactionSync' ? (work: () => void) => work() : Reflect.get(target, name)),
    });
    const log = new AlertLog(counted);
    const message = { message: 'msg_1', type: 'budget.alert', org: 'o', body: '{}', at: NOW };
    const to = (...webhooks: string[]) => webhooks.map((webhook) => ({ ...message, webhook }));
    const address = (webhooks: string[]) => {
      sql.exec("INSERT INTO events (id, body) VALUES ('msg_1', '{}')");
      log.address(1, to(...webhooks), NOW);
    };
    // It comes and goes; and each delivery has a row, a place among those that wait, and a number.
    expect(rows(() => address(['wh_1']))).toBe(2 + 3);
    expect(rows(() => address(['wh_1', 'wh_2']))).toBe(2 + 6);
    expect(rows(() => log.tried(1, { at: NOW, status: 'delivered', httpStatus: 200 }))).toBeLessThanOrEqual(2);
    expect(rows(() => log.forget(NOW + 31 * 86_400_000))).toBe(1);
  }));

it('an object that was made before operators were told of anything is read as it is', () =>
  inStorage('older', (sql) => {
    sql.exec('DROP TABLE meters');
    sql.exec(
      'CREATE TABLE meters (key TEXT PRIMARY KEY, start INTEGER NOT NULL, spent INTEGER NOT NULL, reserved INTEGER NOT NULL, idle_at INTEGER) WITHOUT ROWID',
    );
    sql.exec("INSERT INTO meters (key, start, spent, reserved) VALUES ('k', 5, 6, 7)");
    const store = new SqlStore(sql);
    expect(store.meters(['k'])).toEqual(new Map([['k', { start: 5, spent: 6, reserved: 7 }]]));
    store.putMeters([{ key: 'k', start: 5, spent: 8, reserved: 7, told: ['0.5'], idleAt: undefined }]);
    expect(new SqlStore(sql).meters(['k'])).toEqual(new Map([['k', { start: 5, spent: 8, reserved: 7, told: ['0.5'] }]]));
  }));

describe('many holds in one turn', () => {
  const ids = ['h0', 'h1', 'h2', 'h3', 'h4'];
  const begun = ids.map((id) => ({
    ask: 'reserve' as const,
    hold: { id, subjects: [], generation: 0, takes: takes(), ttl: 60_000, usage },
  }));
  const over = ids.map((id, at) => {
    const said = { ...report, user: `"${at}" \ud83d\ude00 \ud800 \\u0000`, model: 'up/m' };
    return at === 4 ? { ask: 'release' as const, id } : { ask: 'settle' as const, id, settlement: { actual: { usd: at }, usage: said } };
  });

  it('are kept as each would have been alone', () =>
    inStorage('together', (raw) => {
      const { sql, rows } = counting(raw);
      const [together, alone] = [new SqlStore(sql), new MemoryStore()];
      const ask = (questions: readonly LedgerQuestion[]) => {
        expect(answerAll(together, questions, NOW)).toEqual(questions.flatMap((each) => answerAll(alone, [each], NOW)));
      };
      // Four meters and a hold each.
      expect(rows(() => ask(begun))).toBe(4 + ids.length);
      const again = new SqlStore(sql);
      for (const id of ids) expect(again.hold(id)).toEqual(alone.hold(id));
      expect(again.nextExpiry()).toBe(NOW + 60_000);
      // Four meters; each hold goes, and its end is kept under its number and its id.
      expect(rows(() => ask(over))).toBe(4 + 3 * ids.length);
      for (const id of ids) expect([together.hold(id), together.ended(id)]).toEqual([undefined, alone.ended(id)]);
      expect([...together.endings([...ids, 'h9'])]).toEqual(ids.map((id) => [id, alone.ended(id)]));
      const waiting = together.waiting(10);
      expect(waiting.flatMap((row) => (row.usage === null ? [] : [JSON.parse(row.usage)]))).toEqual(alone.rows);
      expect(waiting.map(({ seq, usage: row }) => [seq, row === null])).toEqual(ids.map((_, at) => [at + 1, at === 4]));
      ask(begun);
    }));

  it('and cost nothing but their ends where they begin and end in it', () =>
    inStorage('both', (raw) => {
      const { sql, rows } = counting(raw);
      const store = new SqlStore(sql);
      expect(rows(() => answerAll(store, [...begun, ...over], NOW))).toBe(4 + 2 * ids.length);
      expect(new SqlStore(sql).nextExpiry()).toBeUndefined();
    }));
});

describe('rows of calls that a lease held for', () => {
  const call = (at: number) => rowOf(`c${at}`, { ...report, user: `"${at}" , \ud83d\ude00` }, NOW);

  it('lie together, go out in order with ends, and are gone once they have', () =>
    inStorage('parcels', (raw) => {
      const { sql, rows } = counting(raw);
      const store = new SqlStore(sql);
      store.end('before', 'settled', NOW, call(0));
      const told = Array.from({ length: 450 }, (_, at) => call(at + 1));
      expect(rows(() => store.putRows(told))).toBe(3);
      store.end('after', 'settled', NOW, call(451));
      const waiting = new SqlStore(sql).waiting(100);
      expect(waiting).toHaveLength(5);
      const all = JSON.parse(`[${waiting.map(({ usage: text }) => text).join(',')}]`) as readonly UsageRow[];
      expect(all).toEqual([call(0), ...told, call(451)]);
      expect(rows(() => store.drained(waiting.at(-2)?.seq ?? 0))).toBe(1 + 3);
      expect(store.waiting(100)).toEqual(waiting.slice(-1));
      // A store that is read anew goes on numbering where this one stood.
      const again = new SqlStore(sql);
      again.putRow(call(452));
      expect(again.waiting(100).map(({ seq }) => seq)).toEqual([waiting.at(-1)?.seq ?? 0, (waiting.at(-1)?.seq ?? 0) + 1]);
    }));
});
