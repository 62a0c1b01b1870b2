import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { isObject, type Json } from '../core/json.ts';
import { nanoUsd } from '../core/money.ts';
import type { RequestRecord } from '../core/ports.ts';
import { type McpUsageItem, reportMcp } from './mcp-report.ts';
import { type McpTotals, MOST_MCP_TOTALS, readMcpTotals } from './mcp-totals.ts';
import { insertRecords, type RecordFilters } from './records.ts';
import { BOUNDS_MS } from './totals.ts';
import { type Dimension, nameOf } from './usage-report.ts';

const { DB: db } = env;

beforeAll(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});
const empty = () => db.batch(['requests', 'totals', 'mcp_totals'].map((table) => db.prepare(`DELETE FROM ${table}`)));
beforeEach(empty);

const row = (id: string, parts: Partial<RequestRecord> = {}): RequestRecord => ({
  id,
  startedAt: Date.UTC(2026, 10, 21, 16),
  durationMs: 40,
  route: 'team',
  dialect: 'mcp',
  status: 'complete',
  httpStatus: 200,
  stream: false,
  attempts: 1,
  ...parts,
});

const mcp = (method: string, parts: { readonly [name: string]: string } = {}) => ({
  mcp: { method, outcome: 'complete', era: 'modern', ...parts },
});
const called = (tool: string, outcome = 'complete', source = 's') => mcp('tools/call', { name: tool, tool, outcome, source });

const said = (call: RequestRecord): { readonly [name: string]: Json | undefined } => (isObject(call.facts?.mcp) ? call.facts.mcp : {});

const arbitraryCall = fc.record(
  {
    durationMs: fc.nat({ max: 700 }),
    org: fc.constantFrom('org_1', 'org_2'),
    route: fc.constantFrom('team', 'other'),
    startedAt: fc.integer({ min: Date.UTC(2026, 9, 31, 22), max: Date.UTC(2026, 10, 2) }),
    cost: fc.nat({ max: 1_000 }).map(nanoUsd),
    facts: fc.constantFrom(
      {},
      mcp('tools/list'),
      mcp('invented/by-a-caller'),
      called('a'),
      called('b', 'tool-error'),
      called('a', 'error'),
      called("it's", 'cancelled', ''),
      called('unknown', 'error'),
      called('never', 'tool-error'),
      called('c', 'input-required', 't'),
    ),
  },
  { requiredKeys: ['durationMs', 'route', 'startedAt', 'facts'] },
);

/** Nearest rank. */
const percentile = (sorted: readonly number[], percent: number) => sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;

const wordOf = (call: RequestRecord, dimension: Dimension): Json => {
  const values: { readonly [name: string]: Json | undefined } = {
    route: call.route,
    org: call.org,
    tool: said(call).tool,
    source: said(call).source,
    mcp_method: said(call).method,
    mcp_outcome: said(call).outcome,
    day: new Date(call.startedAt).toISOString().slice(0, 10),
  };
  return values[nameOf(dimension)] ?? null;
};

function mixOf(calls: readonly RequestRecord[], name: 'method' | 'tool', most: number): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const call of calls) {
    const value = said(call)[name];
    if (typeof value === 'string') counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort(([left, more], [right, than]) => than - more || (left < right ? -1 : 1)).slice(0, most);
}

function expected(calls: readonly RequestRecord[], by: readonly Dimension[]): readonly McpUsageItem[] {
  const groups = new Map<string, RequestRecord[]>();
  for (const call of calls.filter((each) => said(each).method !== undefined)) {
    const key = JSON.stringify(by.map((dimension) => wordOf(call, dimension)));
    groups.set(key, [...(groups.get(key) ?? []), call]);
  }
  return [...groups].map(([key, of]) => {
    const values: Json[] = JSON.parse(key);
    const durations = of.map(({ durationMs }) => durationMs).sort((left, right) => left - right);
    const ended = (...outcomes: string[]) => of.filter((call) => outcomes.includes(String(said(call).outcome))).length;
    return {
      group: Object.fromEntries(by.map((dimension, at) => [nameOf(dimension), values[at] ?? null])),
      calls: of.length,
      errors: ended('error', 'interrupted'),
      toolErrors: ended('tool-error'),
      cancelled: ended('cancelled'),
      cost: of.reduce((total, { cost }) => total + (cost ?? 0), 0),
      latency: { p50: percentile(durations, 50), p90: percentile(durations, 90), p99: percentile(durations, 99) },
      methods: mixOf(of, 'method', 20).map(([method, calls]) => ({ method, calls })),
      tools: mixOf(of, 'tool', 10).map(([tool, calls]) => ({ tool, calls })),
    };
  });
}

async function pages(by: readonly Dimension[], filters: RecordFilters, limit: number): Promise<readonly McpUsageItem[]> {
  const all: McpUsageItem[] = [];
  let cursor: string | undefined;
  do {
    const page = await reportMcp(db, { by, filters, limit, cursor });
    all.push(...page.items);
    if (all.length > 500) throw new Error('the pages have no end');
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return all;
}

const byGroup = (left: McpUsageItem, right: McpUsageItem) => (JSON.stringify(left.group) < JSON.stringify(right.group) ? -1 : 1);

describe('reportMcp', () => {
  it('sums as an account in memory does, by any dimensions, over pages of any size', async () => {
    const dimension = fc.constantFrom<Dimension>('route', 'org', 'tool', 'source', 'mcp_method', 'mcp_outcome', 'day');
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryCall, { maxLength: 40 }),
        fc.uniqueArray(dimension, { maxLength: 3 }),
        fc.integer({ min: 1, max: 30 }),
        async (calls, by, limit) => {
          await empty();
          const records = calls.map((call, at) => row(`req_${at}`, call));
          await insertRecords(db, records);
          const items = await pages(by, {}, limit);
          expect([...items].sort(byGroup)).toEqual([...expected(records, by)].sort(byGroup));
          const counts = items.map(({ calls: count }) => count);
          if (by[0] !== 'day') expect(counts).toEqual([...counts].sort((left, right) => right - left));
        },
      ),
      { numRuns: 50 },
    );
  }, 30_000);

  it('leaves out what the filters leave out, and other tenants', async () => {
    const calls = [
      row('a', { org: 'org_1', facts: called('a') }),
      row('b', { org: 'org_1', facts: called('b', 'tool-error') }),
      row('c', { org: 'org_2', facts: called('a') }),
      row('d', { org: 'org_1', facts: mcp('tools/list') }),
    ];
    await insertRecords(db, calls);
    expect(await pages(['tool'], { org: 'org_1', tool: 'a' }, 5)).toEqual(expected(calls.slice(0, 1), ['tool']));
    expect(await pages([], { org: 'org_1' }, 5)).toEqual(
      expected(
        [calls[0], calls[1], calls[3]].flatMap((each) => each ?? []),
        [],
      ),
    );
    expect(await pages([], { mcp_method: 'tools/list' }, 5)).toMatchObject([{ calls: 1 }]);
    expect(await pages([], { mcp_outcome: 'tool-error' }, 5)).toMatchObject([{ calls: 1, toolErrors: 1 }]);
    expect(await pages([], { source: 's' }, 5)).toMatchObject([{ calls: 3 }]);
    expect(await pages([], { org: 'org_3' }, 5)).toEqual([]);
  });

  it.each<[RecordFilters, string]>([
    [{ since: 1 }, 'requests_'],
    [{ tool: 'x', since: 1 }, 'requests_by_tool'],
    [{ app: 'x', since: 1 }, 'requests_by_app'],
  ])('reads the requests of %j by an index', async (filters, index) => {
    const prepare = vi.spyOn(db, 'prepare');
    await reportMcp(db, { by: ['tool', 'day'], filters, limit: 5 });
    const [sql = ''] = prepare.mock.calls[0] ?? [];
    vi.restoreAllMocks();
    const { results } = await db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...Object.values(filters), 6)
      .all<{ detail: string }>();
    expect(results.map(({ detail }) => detail).join('; ')).toContain(`USING INDEX ${index}`);
  });
});

describe('the totals of MCP', () => {
  const known = ({ route, source, tool }: McpTotals) => JSON.stringify([route, source, tool]);

  it('are what the log says, once, whatever is sent again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryCall, { maxLength: 40 }), fc.nat({ max: 40 }), async (calls, again) => {
        await empty();
        const records = calls.map((call, at) => row(`req_${at}`, call));
        await insertRecords(db, records.slice(0, again));
        await insertRecords(db, records);
        const totals = await readMcpTotals(db);
        const ofMcp = records.filter((each) => said(each).method !== undefined);
        expect(totals.reduce((sum, { requests }) => sum + requests, 0)).toBe(ofMcp.length);
        expect(totals.reduce((sum, { cost }) => sum + Number(cost), 0)).toBe(ofMcp.reduce((sum, { cost }) => sum + (cost ?? 0), 0));
        expect(totals.reduce((sum, { duration_ms }) => sum + duration_ms, 0)).toBe(ofMcp.reduce((sum, each) => sum + each.durationMs, 0));
        const histogram = BOUNDS_MS.map((_, at) => totals.reduce((sum, { durations }) => sum + (durations[at] ?? 0), 0));
        expect(histogram).toEqual(BOUNDS_MS.map((bound) => ofMcp.filter(({ durationMs }) => durationMs <= bound).length));
        const tools = new Set(totals.map(({ tool }) => tool));
        for (const name of ['b', 'unknown', 'never', "it's"]) expect(tools).not.toContain(name);
        expect(totals.map(({ method }) => method)).not.toContain('invented/by-a-caller');
        expect(new Set(totals.map((each) => `${known(each)}${each.method}${each.outcome}`)).size).toBe(totals.length);
      }),
      { numRuns: 40 },
    );
  }, 30_000);

  it('know a tool once it has answered, and then its errors too', async () => {
    await insertRecords(db, [row('1', { facts: called('a', 'error') })]);
    await insertRecords(db, [row('2', { facts: called('a') })]);
    await insertRecords(db, [row('3', { facts: called('a', 'error') })]);
    expect((await readMcpTotals(db)).map(({ tool, outcome, requests }) => [tool, outcome, requests])).toEqual([
      ['a', 'complete', 1],
      ['a', 'error', 1],
      ['other', 'error', 1],
    ]);
  });

  it('are not filled by names that somebody invents', async () => {
    for (let from = 0; from < MOST_MCP_TOTALS + 600; from += 200) {
      await insertRecords(
        db,
        Array.from({ length: 200 }, (_, at) => row(`req_${from + at}`, { facts: called(`tool-${from + at}`) })),
      );
    }
    const totals = await readMcpTotals(db);
    expect(totals.length).toBeLessThanOrEqual(MOST_MCP_TOTALS + 201);
    expect(totals.reduce((sum, { requests }) => sum + requests, 0)).toBe(MOST_MCP_TOTALS + 600);
  });
});
