import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isObject } from '../core/json.ts';
import { formatUsd, nanoUsd } from '../core/money.ts';
import type { RequestRecord } from '../core/ports.ts';
import { insertRecords, listRecords } from './records.ts';
import { BOUNDS_MS, MOST_TOTALS, readTotals, type Totals } from './totals.ts';

const { DB: db } = env;

beforeAll(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});
beforeEach(() => db.batch(['requests', 'totals', 'counters'].map((table) => db.prepare(`DELETE FROM ${table}`))));

const row = (id: string, parts: Partial<RequestRecord> = {}): RequestRecord => ({
  id,
  startedAt: 1_000,
  durationMs: 40,
  route: 'llm',
  status: 'complete',
  httpStatus: 200,
  stream: false,
  attempts: 1,
  ...parts,
});

const labelsOf = ({ route, dialect, model, status, error }: Totals) => [route, dialect, model, status, error];

const cacheOf = ({ facts }: RequestRecord) => (isObject(facts?.cache) ? facts.cache : undefined);

const promptCacheOf = ({ facts }: RequestRecord) => (isObject(facts?.promptCache) ? facts.promptCache : undefined);

/** What the rows of the log come to, worked out here. */
function expected(rows: readonly RequestRecord[]): readonly Totals[] {
  const groups = new Map<string, RequestRecord[]>();
  for (const each of rows) {
    const key = JSON.stringify([each.route, each.dialect ?? '', each.servedModel ?? '', each.status, each.errorCode ?? '']);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  const sum = (of: readonly RequestRecord[], value: (each: RequestRecord) => number | undefined) =>
    of.reduce((total, each) => total + (value(each) ?? 0), 0);
  return [...groups]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, of]) => {
      const [route, dialect, model, status, error] = JSON.parse(key);
      return {
        route,
        dialect,
        model,
        status,
        error,
        requests: of.length,
        attempts: sum(of, ({ attempts }) => attempts),
        input_tokens: sum(of, ({ usage }) => usage?.input),
        output_tokens: sum(of, ({ usage }) => usage?.output),
        cache_read_tokens: sum(of, ({ usage }) => usage?.cacheRead),
        cache_write_tokens: sum(of, ({ usage }) => usage?.cacheWrite),
        reasoning_tokens: sum(of, ({ usage }) => usage?.reasoning),
        tool_calls: sum(of, ({ toolCalls }) => toolCalls),
        cost: String(sum(of, ({ cost }) => cost)),
        unpriced: of.filter(({ servedModel, cost }) => servedModel !== undefined && cost === undefined).length,
        cache_hits: of.filter((each) => cacheOf(each)?.hit === true).length,
        cache_misses: of.filter((each) => cacheOf(each)?.hit === false).length,
        cache_saved: sum(of, (each) => Math.round(Number(cacheOf(each)?.saved ?? 0) * 1e9)),
        prompt_cache_saved: sum(of, (each) => Math.round(Number(promptCacheOf(each)?.saved ?? 0) * 1e9)),
        prompt_cache_surcharge: sum(of, (each) => Math.round(Number(promptCacheOf(each)?.surcharge ?? 0) * 1e9)),
        duration_ms: sum(of, ({ durationMs }) => durationMs),
        durations: BOUNDS_MS.map((bound) => of.filter(({ durationMs }) => durationMs <= bound).length),
        first_tokens: of.filter(({ firstTokenMs }) => firstTokenMs !== undefined).length,
        first_token_ms: sum(of, ({ firstTokenMs }) => firstTokenMs),
        first_token_waits: BOUNDS_MS.map((bound) => of.filter(({ firstTokenMs = Infinity }) => firstTokenMs <= bound).length),
      };
    });
}

const count = fc.nat({ max: 1_000_000 });
const arbitraryRow = fc.record(
  {
    id: fc.nat({ max: 30 }).map((n) => `req_${n}`),
    startedAt: fc.nat(),
    durationMs: fc.oneof(fc.constantFrom(...BOUNDS_MS), fc.nat({ max: 1_000_000 })),
    firstTokenMs: fc.nat({ max: 20_000 }),
    route: fc.constantFrom('llm', 'other "route"'),
    dialect: fc.constantFrom('anthropic', 'openai-chat'),
    servedModel: fc.constantFrom('up/a', 'up/b/c', "o'r/ü"),
    status: fc.constantFrom('complete' as const, 'partial' as const, 'failed' as const),
    httpStatus: fc.constant(200),
    errorCode: fc.constantFrom('internal', 'stream_broken'),
    stream: fc.boolean(),
    attempts: fc.nat({ max: 5 }),
    toolCalls: count,
    usage: fc.record(
      { input: count, output: count, cacheRead: count, cacheWrite: count, reasoning: count },
      { requiredKeys: ['input', 'output'] },
    ),
    cost: fc.maxSafeNat().map((n) => nanoUsd(n % 1_000_000_000_000)),
    facts: fc.oneof(
      fc.constant({ loop: 3, cache: 'else' }),
      fc.nat().map((n) => ({ note: '"}', cache: { hit: true, saved: formatUsd(nanoUsd(n)) } })),
      fc
        .tuple(fc.nat(), fc.nat())
        .map(([saved, more]) => ({ promptCache: { saved: formatUsd(nanoUsd(saved)), surcharge: formatUsd(nanoUsd(more)) } })),
      fc.constantFrom({ cache: { hit: true } }, { cache: { hit: false, key: 'k' } }),
    ),
  },
  { requiredKeys: ['id', 'startedAt', 'durationMs', 'route', 'status', 'httpStatus', 'stream', 'attempts'] },
);

describe('totals', () => {
  it('are what the rows of the log come to, however these are divided into batches and whatever is sent again', async () => {
    const batches = fc.array(fc.array(arbitraryRow, { maxLength: 12 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(batches, fc.nat(), async (all, again) => {
        await db.batch([db.prepare('DELETE FROM requests'), db.prepare('DELETE FROM totals')]);
        for (const batch of all) await insertRecords(db, batch);
        const repeated = all[again % Math.max(1, all.length)];
        if (repeated !== undefined) await insertRecords(db, repeated);
        const written = (await listRecords(db, { limit: 500, filters: {} })).items;
        expect(written.map(({ id }) => id).sort()).toEqual([...new Set(all.flat().map(({ id }) => id))].sort());
        expect([...(await readTotals(db)).totals].sort(byLabels)).toEqual([...expected(written)].sort(byLabels));
      }),
      { numRuns: 60 },
    );
  }, 30_000);

  it('do not count a row that the log does not take', async () => {
    await insertRecords(db, [row('bad', { durationMs: Number.NaN }), row('good')]);
    expect((await readTotals(db)).totals.map(({ requests }) => requests)).toEqual([1]);
  });

  it('and the log are written together or not at all', async () => {
    for (const table of ['totals', 'requests']) {
      await db.prepare(`CREATE TRIGGER refused BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'no'); END`).run();
      await expect(insertRecords(db, [row('a')])).rejects.toThrow('no');
      await db.prepare('DROP TRIGGER refused').run();
      expect((await listRecords(db, { limit: 5, filters: {} })).items).toEqual([]);
      expect((await readTotals(db)).totals).toEqual([]);
    }
  });

  it('hold sums that an ordinary number does not', async () => {
    const most = Number.MAX_SAFE_INTEGER;
    await insertRecords(
      db,
      ['a', 'b', 'c'].map((id) => row(id, { servedModel: 'up/dear', cost: nanoUsd(most) })),
    );
    expect((await readTotals(db)).totals[0]?.cost).toBe(String(BigInt(most) * 3n));
  });

  it('name no more models than they may, whatever callers invent, and lose no call over it', async () => {
    const invented = Array.from({ length: MOST_TOTALS + 500 }, (_, n) => row(`r${n}`, { servedModel: `up/invented-${n}` }));
    await insertRecords(db, [row('known', { servedModel: 'up/known' })]);
    for (let at = 0; at < invented.length; at += 250) await insertRecords(db, invented.slice(at, at + 250));
    await insertRecords(db, [row('again', { servedModel: 'up/known' }), row('new', { servedModel: 'down/new' }), row('nobody')]);
    const { totals } = await readTotals(db);
    const of = (model: string) => totals.filter((each) => each.model === model).map(({ requests }) => requests);
    expect(totals.reduce((sum, { requests }) => sum + requests, 0)).toBe(invented.length + 4);
    expect(totals.length).toBeLessThanOrEqual(MOST_TOTALS + 3);
    expect(of('up/known')).toEqual([2]);
    expect(of('up/other')[0]).toBeGreaterThanOrEqual(500);
    expect([of('down/other'), of('')]).toEqual([[1], [1]]);
  });

  it('take few rows to write, and to read', async () => {
    const some = (name: string) => Array.from({ length: 250 }, (_, n) => row(`${name}${n}`, { servedModel: `up/${n % 3}`, run: 'r' }));
    await insertRecords(db, some('a'));
    const before = await db.prepare('SELECT COUNT(*) AS n FROM totals').first('n');
    expect(before).toBe(3);
    expect((await readTotals(db)).totals.map(({ requests }) => requests)).toEqual([84, 83, 83]);
  });

  it('count what was dropped, once', async () => {
    await insertRecords(db, [row('a'), row('b')], 7);
    await insertRecords(db, [row('a'), row('b')], 7);
    await insertRecords(db, [row('c')], 2);
    expect((await readTotals(db)).rowsDropped).toBe(9);
  });
});

const byLabels = (left: Totals, right: Totals) => (labelsOf(left).join('\n') < labelsOf(right).join('\n') ? -1 : 1);
