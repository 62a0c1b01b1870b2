import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { nanoUsd } from '../core/money.ts';
import type { RequestRecord } from '../core/ports.ts';
import { conditionsOf } from './record-filters.ts';
import { getRecord, insertRecords, listRecords, type RecordFilters } from './records.ts';

const { DB: db } = env;

beforeAll(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});
beforeEach(() => db.batch(['requests', 'totals', 'counters'].map((table) => db.prepare(`DELETE FROM ${table}`))));

const bare: RequestRecord = {
  id: 'bare',
  startedAt: 1_000,
  durationMs: 12,
  route: 'llm',
  status: 'failed',
  httpStatus: 404,
  stream: false,
  attempts: 0,
};

const full: RequestRecord = {
  ...bare,
  id: 'full',
  firstTokenMs: 0,
  org: 'org_1',
  team: 'team_1',
  app: 'app_1',
  keyId: 'key_1',
  user: 'ann',
  run: 'run "1"',
  dialect: 'anthropic',
  askedModel: 'smart',
  servedModel: 'mock/a',
  status: 'complete',
  httpStatus: 200,
  errorCode: 'none',
  stream: true,
  lane: 'pipe',
  attempts: 2,
  usage: { input: 7, output: 0, cacheRead: 3, cacheWrite: 0, reasoning: 1, images: 1, seconds: 1.5, estimated: true },
  toolCalls: 2,
  cost: nanoUsd(0),
  priceVersion: 'config:7',
  metadata: { team: 'ü', n: [1, null] },
  facts: { 'policy.mask': { masked: 2 }, loss: 'a,b' },
};

const ids = async (filters: RecordFilters = {}) => (await listRecords(db, { limit: 500, filters })).items.map(({ id }) => id);

describe('insertRecords', () => {
  it('keeps every field, and absent ones absent', async () => {
    await insertRecords(db, [bare, full]);
    expect(await getRecord(db, 'bare')).toEqual(bare);
    expect(await getRecord(db, 'full')).toEqual(full);
    expect(await getRecord(db, 'none')).toBeUndefined();
  });

  it.each(['text', 3, false, [1], {}])('keeps the metadata %j', async (metadata) => {
    await insertRecords(db, [{ ...bare, metadata }]);
    expect((await getRecord(db, 'bare'))?.metadata).toEqual(metadata);
  });

  it('writes far more rows than a statement has parameters in one transaction of two statements', async () => {
    const [prepare, batch] = [vi.spyOn(db, 'prepare'), vi.spyOn(db, 'batch')];
    await insertRecords(
      db,
      Array.from({ length: 300 }, (_, n) => ({ ...full, id: `r${n}` })),
    );
    expect([prepare.mock.calls.length, batch.mock.calls.length]).toEqual([2, 1]);
    vi.restoreAllMocks();
    expect(await ids()).toHaveLength(300);
  });

  it('splits what is larger than a parameter may be', async () => {
    const metadata = { text: '€'.repeat(400_000) };
    await insertRecords(
      db,
      ['a', 'b', 'c'].map((id) => ({ ...bare, id, metadata })),
    );
    expect((await getRecord(db, 'c'))?.metadata).toEqual(metadata);
    expect(await ids()).toEqual(['c', 'b', 'a']);
  });

  it('writes a row once, whatever comes again, and loses no good row over a bad one', async () => {
    await insertRecords(db, [full]);
    await insertRecords(db, [{ ...full, attempts: 9 }, { ...bare, id: 'bad', startedAt: Number.NaN }, bare]);
    expect((await getRecord(db, 'full'))?.attempts).toBe(2);
    expect(await ids()).toEqual(['full', 'bare']);
  });

  it('asks the database nothing for no rows', async () => {
    const prepare = vi.spyOn(db, 'prepare');
    await insertRecords(db, []);
    expect(prepare).not.toHaveBeenCalled();
    prepare.mockRestore();
  });
});

describe('listRecords', () => {
  it('pages newest first without gap or repetition, also within one millisecond', async () => {
    await insertRecords(
      db,
      Array.from({ length: 25 }, (_, n) => ({ ...bare, id: `r${String(n).padStart(2, '0')}`, startedAt: Math.floor(n / 10) })),
    );
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listRecords(db, { limit: 4, cursor, filters: {} });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `r${String(24 - n).padStart(2, '0')}`));
  });

  it.each<[RecordFilters, string[]]>([
    [{ status: 'complete' }, ['full']],
    [{ org: 'org_1' }, ['full']],
    [{ team: 'team_1' }, ['full']],
    [{ app: 'app_1', org: 'org_1' }, ['full']],
    [{ app: 'app_1', org: 'org_2' }, []],
    [{ key: 'key_1' }, ['full']],
    [{ user: 'ann' }, ['full']],
    [{ provider: 'mock' }, ['full']],
    [{ provider: 'moc' }, []],
    [{ metadata: [['team', 'ü']] }, ['full']],
    [{ metadata: [['team', 'u']] }, []],
    [
      {
        metadata: [
          ['team', 'ü'],
          ['none', 'ü'],
        ],
      },
      [],
    ],
    [{ metadata: [['n[1]', 'x']] }, []],
    [{ metadata: [['a.b', '7']] }, ['later']],
    [{ metadata: [['flag', 'true']] }, ['later']],
    [{ metadata: [['nothing', 'null']] }, ['later']],
    [{ metadata: [["' OR 1=1 --", '1']] }, []],
    [{ run: 'run "1"' }, ['full']],
    [{ route: 'llm' }, ['later', 'full', 'bare']],
    [{ model: 'smart' }, ['full']],
    [{ model: 'mock/a' }, ['full']],
    [{ error: 'none' }, ['full']],
    [{ since: 1_001 }, ['later']],
    [{ until: 1_001 }, ['full', 'bare']],
    [{ since: 1_000, status: 'failed' }, ['later', 'bare']],
    [{ run: "' OR 1=1 --" }, []],
  ])('narrows by %j', async (filters, expected) => {
    await insertRecords(db, [bare, full, { ...bare, id: 'later', startedAt: 2_000, metadata: { 'a.b': 7, flag: true, nothing: null } }]);
    expect(await ids(filters)).toEqual(expected);
  });

  it.each<[RecordFilters, string]>([
    [{}, 'requests_by_start'],
    [{ route: 'llm', since: 1, until: 2 }, 'requests_by_start'],
    [{ org: 'x' }, 'requests_by_org'],
    [{ team: 'x', since: 1 }, 'requests_by_team'],
    [{ app: 'x', status: 'failed', metadata: [['team', 'x']] }, 'requests_by_app'],
    [{ key: 'x' }, 'requests_by_key'],
    [{ user: 'x' }, 'requests_by_user'],
    [{ run: 'x' }, 'requests_by_run'],
    [{ error: 'internal' }, 'requests_by_error'],
  ])('walks an index for %j, in its order', async (filters, index) => {
    const prepare = vi.spyOn(db, 'prepare');
    await listRecords(db, { limit: 5, filters });
    const [sql = ''] = prepare.mock.calls[0] ?? [];
    vi.restoreAllMocks();
    const bound = conditionsOf(filters).flatMap((clause) => clause.bound);
    const plan = await db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...bound, 6)
      .all<{ detail: string }>();
    const said = plan.results.map(({ detail }) => detail).join('; ');
    expect(said).toContain(index);
    expect(said).not.toContain('TEMP B-TREE');
  });
});
