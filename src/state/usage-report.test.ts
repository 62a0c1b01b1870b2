import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Json } from '../core/json.ts';
import { nanoUsd } from '../core/money.ts';
import type { RequestRecord } from '../core/ports.ts';
import { insertRecords, type RecordFilters } from './records.ts';
import { type Dimension, nameOf, reportUsage, type UsageItem } from './usage-report.ts';

const { DB: db } = env;

beforeAll(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});
beforeEach(() => db.prepare('DELETE FROM requests').run());

const row = (id: string, parts: Partial<RequestRecord> = {}): RequestRecord => ({
  id,
  startedAt: Date.UTC(2026, 10, 21, 16),
  durationMs: 40,
  route: 'llm',
  status: 'complete',
  httpStatus: 200,
  stream: false,
  attempts: 1,
  ...parts,
});

/** What a call has of a dimension, worked out here. */
function asked(call: RequestRecord, dimension: Dimension): Json {
  if (typeof dimension === 'object') {
    const { metadata = {} } = call as { metadata?: { [name: string]: Json } };
    return metadata[dimension.metadata] ?? null;
  }
  const at = new Date(call.startedAt).toISOString();
  const mcp = (call.facts?.mcp ?? {}) as { readonly [name: string]: Json | undefined };
  const values: { readonly [name in typeof dimension]: Json | undefined } = {
    org: call.org,
    team: call.team,
    app: call.app,
    key: call.keyId,
    user: call.user,
    run: call.run,
    route: call.route,
    model: call.servedModel,
    provider: call.servedModel?.split('/')[0],
    status: call.status,
    error: call.errorCode,
    tool: mcp.tool,
    source: mcp.source,
    mcp_method: mcp.method,
    mcp_outcome: mcp.outcome,
    mcp_era: mcp.era,
    hour: `${at.slice(0, 13)}:00:00Z`,
    day: at.slice(0, 10),
    month: at.slice(0, 7),
  };
  return values[dimension] ?? null;
}

/** Nearest rank. */
const percentile = (sorted: readonly number[], percent: number) => sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;

function expected(calls: readonly RequestRecord[], by: readonly Dimension[]): readonly UsageItem[] {
  const groups = new Map<string, RequestRecord[]>();
  for (const call of calls) {
    const key = JSON.stringify(by.map((dimension) => asked(call, dimension)));
    groups.set(key, [...(groups.get(key) ?? []), call]);
  }
  const sum = (of: readonly RequestRecord[], value: (call: RequestRecord) => number | undefined) =>
    of.reduce((total, call) => total + (value(call) ?? 0), 0);
  return [...groups].map(([key, of]) => {
    const values: Json[] = JSON.parse(key);
    const durations = of.map(({ durationMs }) => durationMs).sort((left, right) => left - right);
    return {
      group: Object.fromEntries(by.map((dimension, at) => [nameOf(dimension), values[at] ?? null])),
      calls: of.length,
      errors: of.filter(({ errorCode }) => errorCode !== undefined).length,
      attempts: sum(of, ({ attempts }) => attempts),
      tokens: {
        input: sum(of, ({ usage }) => usage?.input),
        output: sum(of, ({ usage }) => usage?.output),
        cacheRead: sum(of, ({ usage }) => usage?.cacheRead),
        cacheWrite: sum(of, ({ usage }) => usage?.cacheWrite),
        reasoning: sum(of, ({ usage }) => usage?.reasoning),
      },
      toolCalls: of.every(({ toolCalls }) => toolCalls === undefined) ? null : sum(of, ({ toolCalls }) => toolCalls),
      cost: sum(of, ({ cost }) => cost),
      unpriced: of.filter(({ servedModel, cost }) => servedModel !== undefined && cost === undefined).length,
      latency: { p50: percentile(durations, 50), p95: percentile(durations, 95) },
    };
  });
}

const plain = [
  'org',
  'team',
  'app',
  'key',
  'user',
  'run',
  'route',
  'model',
  'provider',
  'status',
  'error',
  'tool',
  'source',
  'mcp_method',
  'mcp_outcome',
  'mcp_era',
  'hour',
  'day',
  'month',
] as const;
const arbitraryDimension: fc.Arbitrary<Dimension> = fc.oneof(
  fc.constantFrom(...plain),
  fc.constantFrom({ metadata: 'team' }, { metadata: 'a b.c' }, { metadata: 'none' }),
);

const some = (...texts: string[]) => fc.constantFrom(...texts);
const count = fc.nat({ max: 10_000 });
const arbitraryCall = fc.record(
  {
    startedAt: fc.integer({ min: Date.UTC(2026, 9, 31, 22), max: Date.UTC(2026, 10, 2) }),
    durationMs: fc.nat({ max: 100 }),
    org: some('org_1', 'org_2'),
    team: some('team_1', 'team_2'),
    app: some('app_1', 'app_2'),
    keyId: some('key_1', 'key_2'),
    user: some('ann', "b'en", 'ü"'),
    run: some('run 1', 'run 2'),
    servedModel: some('up/a', 'up/b', 'down/a/b'),
    status: fc.constantFrom('complete' as const, 'failed' as const),
    errorCode: some('internal', 'rate_limited'),
    attempts: fc.nat({ max: 3 }),
    toolCalls: fc.nat({ max: 3 }),
    usage: fc.record({ input: count, output: count, cacheRead: count, cacheWrite: count, reasoning: count }),
    cost: count.map(nanoUsd),
    facts: fc.constantFrom(
      {},
      { mcp: { method: 'tools/list', outcome: 'complete' } },
      { mcp: { method: 'tools/call', tool: 't', source: 's', era: 'modern', outcome: 'error' } },
    ),
    metadata: fc.record({ team: fc.constantFrom('blue', 'red', 7, true, null), 'a b.c': some('x', 'y') }, { requiredKeys: [] }),
  },
  { requiredKeys: ['startedAt', 'durationMs', 'attempts', 'status'] },
);

const byGroup = (left: UsageItem, right: UsageItem) => (JSON.stringify(left.group) < JSON.stringify(right.group) ? -1 : 1);

async function pages(by: readonly Dimension[], filters: RecordFilters, limit: number): Promise<readonly UsageItem[]> {
  const all: UsageItem[] = [];
  let cursor: string | undefined;
  do {
    const page = await reportUsage(db, { by, filters, limit, cursor });
    all.push(...page.items);
    if (all.length > 500) throw new Error('the pages have no end');
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return all;
}

describe('reportUsage', () => {
  it('sums as an account in memory does, by any dimensions, over pages of any size', async () => {
    const dimensions = fc.uniqueArray(arbitraryDimension, { maxLength: 4, selector: nameOf });
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryCall, { maxLength: 40 }),
        dimensions,
        fc.integer({ min: 1, max: 50 }),
        async (calls, by, limit) => {
          await db.prepare('DELETE FROM requests').run();
          const records = calls.map((call, at) => row(`req_${at}`, call));
          await insertRecords(db, records);
          const items = await pages(by, {}, limit);
          expect([...items].sort(byGroup)).toEqual([...expected(records, by)].sort(byGroup));
          const [first] = by;
          if (first === 'hour' || first === 'day' || first === 'month') {
            const periods = items.map(({ group }) => String(group[first]));
            expect(periods).toEqual([...periods].sort().reverse());
          } else expect(items.map(({ cost }) => cost)).toEqual(items.map(({ cost }) => cost).sort((left, right) => right - left));
        },
      ),
      { numRuns: 60 },
    );
  }, 30_000);

  it('leaves out what the filters leave out', async () => {
    const calls = [
      row('a', { org: 'org_1', servedModel: 'up/a', metadata: { team: 'blue' }, cost: nanoUsd(1) }),
      row('b', { org: 'org_1', servedModel: 'up/b', metadata: { team: 'red' }, cost: nanoUsd(2) }),
      row('c', { org: 'org_2', servedModel: 'up/a', metadata: { team: 'blue' }, cost: nanoUsd(4) }),
      row('d', { org: 'org_1', servedModel: 'up/a', metadata: { team: 'blue' }, cost: nanoUsd(8), startedAt: 5 }),
    ];
    await insertRecords(db, calls);
    const filters = { org: 'org_1', metadata: [['team', 'blue']], since: 6 } as const;
    expect(await pages(['model'], filters, 5)).toEqual(expected(calls.slice(0, 1), ['model']));
    expect(await pages([{ metadata: 'team' }], { org: 'org_3' }, 5)).toEqual([]);
    expect(await pages([], { org: 'org_3' }, 5)).toEqual([]);
  });

  it.each<[RecordFilters, string]>([
    [{ since: 1 }, 'requests_by_start'],
    [{ org: 'x', since: 1, until: 2 }, 'requests_by_org'],
    [{ app: 'x', since: 1 }, 'requests_by_app'],
  ])('reads the calls of %j by an index', async (filters, index) => {
    const prepare = vi.spyOn(db, 'prepare');
    await reportUsage(db, { by: ['model', 'day'], filters, limit: 5 });
    const [sql = ''] = prepare.mock.calls[0] ?? [];
    vi.restoreAllMocks();
    const bound = Object.values(filters);
    const { results } = await db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...bound, 6)
      .all<{ detail: string }>();
    expect(results.map(({ detail }) => detail).join('; ')).toContain(`USING INDEX ${index}`);
  });

  it('refuses a cursor that no page gave', async () => {
    await expect(reportUsage(db, { by: [], filters: {}, limit: 5, cursor: 'x' })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
