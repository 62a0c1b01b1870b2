import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseScrape } from '../prometheus.ts';
import { makeFamily, makeKey } from '../tenants.ts';
import { weirAt } from '../weir-command.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { type Scripted, startTools } from './scripted.ts';

// What operators see of what MCP servers were asked: the log, sums of it, metrics, runs.

let gateway: McpGateway;
let server: Scripted;
let url: string;
let key: string;
let org: string;
afterAll(() => Promise.all([gateway?.stop(), server?.close()]));

const RUN = 'a-run-of-tools';
const text = (value: string) => ({ content: [{ type: 'text', text: value }] });

interface Item {
  readonly group: { readonly [name: string]: string | null };
  readonly calls: number;
  readonly errors: number;
  readonly toolErrors: number;
  readonly cost: number;
  readonly latency: { readonly p50: number; readonly p90: number; readonly p99: number };
  readonly methods: readonly { readonly method: string; readonly calls: number }[];
  readonly tools: readonly { readonly tool: string; readonly calls: number }[];
}

async function usage(query: string): Promise<readonly Item[]> {
  const response = await gateway.admin(`/mcp/usage?${query}`);
  if (!response.ok) throw new Error(await response.text());
  return ((await response.json()) as { items: Item[] }).items;
}

beforeAll(async () => {
  [gateway, server] = await Promise.all([
    startMcpGateway(),
    startTools({ search: () => text('found'), fails: () => ({ ...text('no'), isError: true }), other: () => text('other') }),
  ]);
  const sources = [
    { kind: 'remote', url: server.url, prefix: 'one' },
    { kind: 'remote', url: server.url, prefix: 'two', name: 'second' },
  ];
  const document = { routes: [{ name: 'team', kind: 'mcp', sources, prices: { '*__search': 0.002 } }] };
  const published = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  expect(published.status).toBe(200);
  url = gateway.mcp('team');
  const family = await makeFamily(gateway, 'acme');
  org = family.org;
  ({ key } = await makeKey(gateway, { app: family.app, name: 'k' }));
  const head = { authorization: `Bearer ${key}`, 'x-weir-run': RUN };
  for (let at = 0; at < 3; at++) await call(url, at, 'one__search', {}, head);
  await call(url, 3, 'two__search', {}, head);
  await call(url, 4, 'one__fails', {}, head);
  await call(url, 5, 'one__invented', {}, head);
  await modern(url, 6, 'tools/list', {}, head);
  await modern(url, 7, 'made/up', {}, head);
  const { session } = await initialize(url, {}, head);
  await post(url, { jsonrpc: '2.0', id: 8, method: 'tools/call', params: { name: 'two__search', arguments: {} } }, session);
  // Of another organisation.
  await call(url, 9, 'one__other');
  await gateway.rows({ run: RUN }, 10);
  await gateway.rows({ tool: 'one__other' }, 1);
});

describe('GET /admin/v1/mcp/usage', () => {
  it('says by route, server and tool how often, how well, how long and for how much', async () => {
    const items = await usage(`org=${org}`);
    const found = items.map(({ group, calls, errors, toolErrors, cost }) => [group.source, group.tool, calls, errors, toolErrors, cost]);
    expect(found.toSorted()).toEqual(
      [
        ['one', 'one__search', 3, 0, 0, 6_000_000],
        ['second', 'two__search', 2, 0, 0, 4_000_000],
        ['one', 'one__fails', 1, 0, 1, 0],
        ['one', 'one__invented', 1, 1, 0, 0],
        [null, null, 3, 1, 0, 0],
      ].toSorted(),
    );
    expect(items[0]?.group).toMatchObject({ route: 'team' });
    for (const { latency } of items) {
      expect(latency.p50).toBeLessThanOrEqual(latency.p90);
      expect(latency.p90).toBeLessThanOrEqual(latency.p99);
    }
  });

  it('has the mix of methods and the top tools of a route', async () => {
    const [team, ...rest] = await usage(`org=${org}&group_by=route`);
    expect(rest).toEqual([]);
    expect(team?.methods[0]).toEqual({ method: 'tools/call', calls: 7 });
    expect(team?.methods.map(({ method }) => method).toSorted()).toEqual(['initialize', 'made/up', 'tools/call', 'tools/list']);
    expect(team?.tools.slice(0, 2)).toEqual([
      { tool: 'one__search', calls: 3 },
      { tool: 'two__search', calls: 2 },
    ]);
  });

  it('is narrowed by what the log knows, and never holds what is another organisation’s', async () => {
    expect(await usage(`run=${RUN}&tool=two__search&group_by=mcp_era`)).toMatchObject([{ calls: 1 }, { calls: 1 }]);
    expect(await usage('source=second&mcp_outcome=complete&group_by=')).toMatchObject([{ calls: 2, group: {} }]);
    expect(JSON.stringify(await usage(`org=${org}`))).not.toContain('one__other');
    expect(JSON.stringify(await usage('org=dev'))).not.toContain('search');
    expect(await usage(`org=${org}&until=2020-01-01&since=2019-01-01`)).toEqual([]);
    expect((await gateway.admin('/mcp/usage?group_by=colour')).status).toBe(400);
  });

  it('is what the command line shows', async () => {
    const { out } = await weirAt(gateway.url, ['mcp', 'usage', '--by', 'tool', '--org', org, '--mcp-method', 'tools/call', '--limit', '1']);
    const [heads, row] = out.split('\n');
    expect(heads).toMatch(/^tool +calls +errors +tool errors +USD +p50 ms +p90 ms +p99 ms +most$/);
    expect(row).toMatch(/^one__search +3 +0 +0 +0\.006000 +\d+ +\d+ +\d+ +one__search$/);
    expect((await weirAt(gateway.url, ['requests', 'list', '--tool', 'one__fails'])).out).toMatch(/one__fails +complete +200/);
    expect((await weirAt(gateway.url, ['mcp', 'list'])).code).toBe(2);
  });
});

it('are found in the log by tool and method, and belong to their run', async () => {
  const list = async (query: string) => ((await (await gateway.admin(`/requests?${query}`)).json()) as { items: { run?: string }[] }).items;
  expect(await list('tool=one__search')).toHaveLength(3);
  expect(await list(`run=${RUN}&mcp_method=tools/call&mcp_outcome=error`)).toMatchObject([{ facts: { mcp: { name: 'one__invented' } } }]);
  const run = (await (await gateway.admin(`/runs/${RUN}`)).json()) as { calls: number; toolCalls: number; cost: number };
  expect(run).toMatchObject({ calls: 10, toolCalls: 7, cost: 10_000_000 });
  const sums = (await (await gateway.admin(`/usage?group_by=tool&run=${RUN}&limit=1`)).json()) as { items: object[] };
  expect(sums.items).toMatchObject([{ group: { tool: 'one__search' }, calls: 3, cost: 6_000_000 }]);
});

it('are counted by what answers, and not by what callers invent', async () => {
  const families = parseScrape(await (await gateway.admin('/../../metrics')).text());
  const samples = families.get('weir_mcp_calls_total')?.samples ?? [];
  const of = (tool: string, outcome: string) =>
    samples.filter(({ labels }) => labels.tool === tool && labels.outcome === outcome).reduce((sum, { value }) => sum + value, 0);
  expect([of('one__search', 'complete'), of('two__search', 'complete'), of('other', 'error')]).toEqual([3, 2, 1]);
  const text = JSON.stringify(samples);
  for (const name of ['invented', 'made/up', RUN]) expect(text).not.toContain(name);
  const buckets = families.get('weir_mcp_call_duration_seconds')?.samples ?? [];
  const counted = buckets.filter(({ name, labels }) => name.endsWith('_count') && labels.tool === 'one__search');
  expect(counted.map(({ value }) => value)).toEqual([3]);
  const cost = families.get('weir_mcp_cost_usd_total')?.samples.filter(({ labels }) => labels.source === 'second');
  expect(cost?.map(({ value }) => value)).toEqual([0.004]);
});
