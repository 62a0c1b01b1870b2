import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { nanoUsd } from '../core/money.ts';
import type { RequestRecord } from '../core/ports.ts';
import { insertRecords } from './records.ts';
import { findRuns, listRunRecords, listRuns, type RunFilters } from './runs.ts';

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
  org: 'org_1',
  team: 'team_1',
  app: 'app_1',
  route: 'llm',
  status: 'complete',
  httpStatus: 200,
  stream: false,
  attempts: 1,
  ...parts,
});
const inApp = (app: string) => ({ org: `org_${app}`, team: `team_${app}`, app: `app_${app}` });

async function names(filters: RunFilters = {}, limit = 2): Promise<readonly string[]> {
  const all: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listRuns(db, { filters, limit, cursor });
    all.push(...page.items.map(({ run, app }) => `${run} of ${app}`));
    if (all.length > 500) throw new Error('the pages have no end');
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return all;
}

describe('runs', () => {
  it('are what their calls come to', async () => {
    const usage = { input: 5, output: 7, cacheRead: 1, cacheWrite: 2, reasoning: 3 };
    await insertRecords(db, [
      row('a', { run: 'r', startedAt: 100, durationMs: 900, servedModel: 'up/b', usage, toolCalls: 4, cost: nanoUsd(10) }),
      row('b', { run: 'r', startedAt: 300, durationMs: 5, servedModel: 'up/a', usage, toolCalls: 4, attempts: 2 }),
      row('c', { run: 'r', startedAt: 200, status: 'failed', errorCode: 'internal', attempts: 0 }),
      row('d', { startedAt: 400, usage }),
    ]);
    const run = {
      run: 'r',
      org: 'org_1',
      team: 'team_1',
      app: 'app_1',
      firstAt: 100,
      lastAt: 1_000,
      calls: 3,
      errors: 1,
      attempts: 3,
      tokens: { input: 10, output: 14, cacheRead: 2, cacheWrite: 4, reasoning: 6 },
      toolCalls: 8,
      cost: 10,
      unpriced: 1,
      models: ['up/a', 'up/b'],
      status: 'complete',
    };
    expect(await listRuns(db, { filters: {}, limit: 5 })).toEqual({ items: [run], next: null });
    expect(await findRuns(db, 'r', {})).toEqual([run]);
    expect(await findRuns(db, 'r', { org: 'org_2' })).toEqual([]);
    const { items } = await listRunRecords(db, run, { limit: 5 });
    expect(items.map(({ id }) => id)).toEqual(['a', 'c', 'b']);
  });

  it('of two apps are two, whatever they are called', async () => {
    await insertRecords(db, [
      row('a', { run: 'r', ...inApp('1'), startedAt: 1 }),
      row('b', { run: 'r', ...inApp('2'), startedAt: 2 }),
      row('c', { run: 'r', ...inApp('1'), startedAt: 3 }),
      row('d', { run: 's', ...inApp('1'), startedAt: 5 }),
      row('e', { run: 's', ...inApp('1'), app: 'app_3', startedAt: 4 }),
      row('f', { run: 't', ...inApp('1'), startedAt: 7 }),
      row('g', { run: 't', ...inApp('2'), app: 'app_1', startedAt: 6 }),
    ]);
    expect(await names()).toEqual(['t of app_1', 't of app_1', 's of app_1', 's of app_3', 'r of app_1', 'r of app_2']);
    expect((await listRuns(db, { filters: {}, limit: 4 })).items.map(({ calls }) => calls)).toEqual([1, 1, 1, 1]);
    expect((await findRuns(db, 'r', {})).map(({ app, calls }) => [app, calls])).toEqual([
      ['app_1', 2],
      ['app_2', 1],
    ]);
    const [second] = await findRuns(db, 'r', { app: 'app_2' });
    expect(second).toMatchObject({ calls: 1, org: 'org_2' });
    const records = await listRunRecords(db, { run: 'r', org: 'org_1', app: 'app_1' }, { limit: 5 });
    expect(records.items.map(({ id }) => id)).toEqual(['a', 'c']);
  });

  it('come in the order of their last calls, page by page, and are narrowed', async () => {
    const calls = Array.from({ length: 60 }, (_, n) =>
      row(`req_${String(n).padStart(2, '0')}`, { run: `r${(n * 7) % 11}`, startedAt: Math.floor(n / 2), ...inApp(String(n % 2)) }),
    );
    await insertRecords(db, [...calls, row('alone', { startedAt: 500 })]);
    const order = [...new Set([...calls].reverse().map(({ run, app }) => `${run} of ${app}`))];
    expect(order).toHaveLength(22);
    for (const limit of [1, 3, 22, 50]) expect(await names({}, limit)).toEqual(order);
    expect(await names({ org: 'org_1' })).toEqual(order.filter((name) => name.endsWith('app_1')));
    expect(await names({ app: 'app_0', team: 'team_0' })).toEqual(order.filter((name) => name.endsWith('app_0')));
    expect(await names({ app: 'app_0', org: 'org_1' })).toEqual([]);
    expect(await names({ since: 29 })).toEqual(order.slice(0, 2));
    expect(await names({ until: 29, since: 28 })).toEqual(order.slice(2, 4));
  });

  it('give their calls in pages, also those of one moment', async () => {
    await insertRecords(
      db,
      Array.from({ length: 25 }, (_, n) => row(`r${String(n).padStart(2, '0')}`, { run: 'r', startedAt: Math.floor(n / 10) })),
    );
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listRunRecords(db, { run: 'r', org: 'org_1', app: 'app_1' }, { limit: 4, cursor });
      seen.push(...page.items.map(({ id }) => id));
      if (seen.length > 500) throw new Error('the pages have no end');
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `r${String(n).padStart(2, '0')}`));
  });

  it('of before calls were logged with their app are runs too', async () => {
    await db
      .prepare(
        "INSERT INTO requests (id, started_at, duration_ms, run, route, status, http_status, stream, attempts) VALUES ('old', 1, 2, 'r', 'llm', 'complete', 200, 0, 1)",
      )
      .run();
    await insertRecords(db, [row('new', { run: 'r', startedAt: 3 })]);
    expect(await names()).toEqual(['r of app_1', 'r of null']);
    const old = await listRunRecords(db, { run: 'r', org: null, app: null }, { limit: 5 });
    expect(old.items.map(({ id }) => id)).toEqual(['old']);
  });

  it('are found without a walk over the calls that belong to none', async () => {
    const prepare = vi.spyOn(db, 'prepare');
    await listRuns(db, { filters: {}, limit: 5 });
    const [sql = ''] = prepare.mock.calls[0] ?? [];
    vi.restoreAllMocks();
    const { results } = await db.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(6).all<{ detail: string }>();
    const plan = results.map(({ detail }) => detail);
    expect(plan.filter((line) => /^SCAN (last|each)\b/.test(line))).toEqual(['SCAN last USING INDEX requests_in_runs', 'SCAN last']);
    expect(plan.filter((line) => /^SEARCH each/.test(line))).toHaveLength(2);
  });
});
