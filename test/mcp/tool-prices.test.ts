import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make, makeKey } from '../tenants.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { type Scripted, startTools } from './scripted.ts';

// Tools have prices and limits, in the same ledger as models.

let gateway: McpGateway;
let server: Scripted;
let url: string;
afterAll(() => Promise.all([gateway?.stop(), server?.close()]));

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (value: string) => ({ content: [{ type: 'text', text: value }] });
const NANO = 1_000_000_000;

beforeAll(async () => {
  [gateway, server] = await Promise.all([
    startMcpGateway(),
    startTools({
      search: () => text('found'),
      'search-web': () => text('found'),
      free: () => text('for nothing'),
      fails: () => ({ ...text('no'), isError: true }),
      hangs: async () => {
        await wait(60_000);
        return text('late');
      },
      asks: () => ({
        resultType: 'input_required',
        inputRequests: {
          name: { method: 'elicitation/create', params: { message: 'Name?', requestedSchema: { type: 'object', properties: {} } } },
        },
      }),
    }),
  ]);
  const { origin } = gateway.upstream;
  const publish = async (document: object) => {
    const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
    if (!response.ok) throw new Error(await response.text());
  };
  await publish({
    providers: { up: { like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' }, prices: { '*': { input: 1000, output: 1000 } } } },
    routes: [
      {
        name: 'shop',
        kind: 'mcp',
        sources: [{ kind: 'remote', url: server.url, prefix: 't' }],
        prices: { 't__search*': 0.001, 't__search-web': 0.004, t__fails: 0.001, t__asks: 0.001, t__gone: 0.001 },
      },
      {
        name: 'hasty',
        kind: 'mcp',
        sources: [{ kind: 'remote', url: server.url, prefix: 't' }],
        prices: { t__hangs: 0.001 },
        limits: { timeout: 3_000 },
      },
      {
        name: 'searched',
        kind: 'mcp',
        sources: [{ kind: 'remote', url: server.url, prefix: 't' }],
        tools: 'search',
        prices: { '*': 0.5, t__search: 0.001 },
      },
    ],
  });
  url = gateway.mcp('shop');
});

const auth = (key: string, run?: string) => ({ authorization: `Bearer ${key}`, ...(run === undefined ? {} : { 'x-weir-run': run }) });

/** A key of an app of its own. */
async function keyWith(limits: readonly object[]): Promise<{ readonly id: string; readonly key: string }> {
  const name = `app-${crypto.randomUUID()}`;
  await make(gateway, 'apps', { team: 'dev', name });
  return makeKey(gateway, { app: name, name: 'limited', limits });
}

/** What stands at the first limit of a key once nothing is held any more. */
async function standing(id: string, at = 0, query = ''): Promise<{ readonly used: number; readonly remaining: number }> {
  for (let tries = 0; tries < 300; tries++) {
    const response = await gateway.admin(`/keys/${id}/limits${query}`);
    const { items } = (await response.json()) as { items: { used: number; held: number; remaining: number }[] };
    const found = items[at];
    if (found !== undefined && found.held === 0) return found;
    await wait(50);
  }
  throw new Error('something is held for good');
}

/** Calls the server was sent. */
const sent = (tool: string) => server.arrived.filter(({ body }) => body?.method === 'tools/call' && body.params.name === tool).length;

describe('prices of tools', () => {
  it('are charged for what reached its tool, by the longest pattern, and stand in the log', async () => {
    const { id, key } = await keyWith([{ unit: 'usd', limit: 1 }]);
    const run = crypto.randomUUID();
    const outcomes: [tool: string, nano: number | undefined, outcome: string][] = [
      ['t__search', 1_000_000, 'complete'],
      ['t__search-web', 4_000_000, 'complete'],
      ['t__free', undefined, 'complete'],
      ['t__fails', 1_000_000, 'tool-error'],
      ['t__gone', 0, 'error'],
      ['t__hangs', 1_000_000, 'error'],
      ['t__asks', 0, 'input-required'],
    ];
    for (const [at, [tool]] of outcomes.entries())
      await call(tool === 't__hangs' ? gateway.mcp('hasty') : url, at, tool, {}, auth(key, run));
    const rows = (await gateway.rows({ run }, outcomes.length)) as unknown as {
      readonly cost?: number;
      readonly priceVersion?: string;
      readonly facts: { readonly mcp: { readonly tool: string; readonly outcome: string } };
    }[];
    const found = rows.map(({ cost, facts }) => [facts.mcp.tool, cost, facts.mcp.outcome]);
    expect(found.toSorted()).toEqual(outcomes.toSorted());
    expect(rows.find(({ cost }) => cost !== undefined)?.priceVersion).toMatch(/^config:\d+$/);
    expect(await standing(id)).toMatchObject({ used: 0.007 });
  });

  it('are of the tool that is meant, whatever it is called through', async () => {
    const { id, key } = await keyWith([
      { unit: 'usd', limit: 1 },
      { unit: 'tool-calls', limit: 1, tools: ['mcp/searched/t__search'] },
    ]);
    const at = gateway.mcp('searched');
    const run = crypto.randomUUID();
    const first = await call(at, 1, 'call_tool', { name: 't__search', arguments: {} }, auth(key, run));
    expect(first.messages.at(-1)?.result.content[0].text).toBe('found');
    expect((await call(at, 2, 'search_tools', { query: 'search' }, auth(key))).messages.at(-1)?.result).toBeDefined();
    const again = await call(at, 3, 'call_tool', { name: 't__search', arguments: {} }, auth(key));
    expect(again.messages.at(-1)?.error?.data?.code).toBe('budget_exceeded');
    expect(await standing(id)).toMatchObject({ used: 0.001 });
    expect(await gateway.rows({ run })).toMatchObject([
      { cost: 1_000_000, facts: { mcp: { name: 't__search', tool: 't__search', source: 't' } } },
    ]);
  });

  it('hold under 200 calls at once: as many go out as fit into the last cent', async () => {
    const { id, key } = await keyWith([{ unit: 'usd', limit: 0.01 }]);
    const before = sent('search');
    const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => call(url, at, 't__search', {}, auth(key))));
    const refused = answers.filter(({ messages }) => messages.at(-1)?.error?.data?.code === 'budget_exceeded');
    const served = answers.filter(({ messages }) => messages.at(-1)?.result !== undefined);
    expect([served.length, refused.length]).toEqual([10, 190]);
    expect(sent('search') - before).toBe(10);
    expect(await standing(id)).toMatchObject({ used: 0.01, remaining: 0 });
    expect(refused[0]?.messages[0]?.error?.message).toMatch(/0\.01 US dollars.* ask the operator for more/i);
    expect(refused[0]?.messages[0]?.error?.message).not.toMatch(/output limit/);
    // What costs nothing still goes.
    expect((await call(url, 1, 't__free', {}, auth(key))).messages[0]?.result).toBeDefined();
  });

  it('are of the same budget as tokens', async () => {
    const { id, key } = await keyWith([{ unit: 'usd', limit: 0.1, per: 'run' }]);
    const run = crypto.randomUUID();
    const chat = () =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...auth(key, run) },
        body: JSON.stringify({ model: 'up/ok/text', max_tokens: 20, messages: [{ role: 'user', content: 'hi' }] }),
      });
    const answered = await chat();
    expect(answered.status).toBe(200);
    await answered.arrayBuffer();
    const { used: tokens } = await standing(id, 0, `?run=${run}`);
    expect(tokens).toBeGreaterThan(0);
    const calls = Math.floor(Math.round((0.1 - tokens) * NANO) / 4_000_000);
    const answers = [];
    for (let at = 0; at <= calls; at++) answers.push(await call(url, at, 't__search-web', {}, auth(key, run)));
    const ended = answers.map(({ messages }) => messages.at(-1)?.error?.data?.code ?? 'served');
    expect(ended).toEqual([...Array.from({ length: calls }, () => 'served'), 'budget_exceeded']);
  });
});

describe('limits of tools', () => {
  it('count calls of the tools they name, for each run on its own', async () => {
    const { key } = await keyWith([{ unit: 'tool-calls', limit: 2, per: 'run', tools: ['mcp/shop/t__search*'] }]);
    const code = async (tool: string, run: string) =>
      (await call(url, 1, tool, {}, auth(key, run))).messages.at(-1)?.error?.data?.code ?? 'served';
    const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
    expect([await code('t__search', first), await code('t__search-web', first)]).toEqual(['served', 'served']);
    expect([await code('t__search', first), await code('t__free', first), await code('t__search', second)]).toEqual([
      'budget_exceeded',
      'served',
      'served',
    ]);
    expect((await call(url, 1, 't__search', {}, auth(key, first))).messages[0]?.error?.message).toContain('mcp/shop/t__search*');
  });

  it('count for each tool on its own, per model', async () => {
    const { key } = await keyWith([{ unit: 'tool-calls', limit: 1, window: 'month', per: 'model' }]);
    const code = async (tool: string) => (await call(url, 1, tool, {}, auth(key))).messages.at(-1)?.error?.data?.code ?? 'served';
    expect([await code('t__search'), await code('t__free'), await code('t__search')]).toEqual(['served', 'served', 'budget_exceeded']);
  });

  it('count for each session on its own, and for who has none together', async () => {
    const { key } = await keyWith([{ unit: 'tool-calls', limit: 1, per: 'session' }]);
    const tool = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 't__free', arguments: {} } };
    const codeOf = ({ messages }: { messages: readonly { readonly error?: { readonly data?: { readonly code?: string } } }[] }) =>
      messages.at(-1)?.error?.data?.code ?? 'served';
    const [one, two] = [await initialize(url, {}, auth(key)), await initialize(url, {}, auth(key))];
    expect(codeOf(await post(url, tool, one.session))).toBe('served');
    expect(codeOf(await post(url, tool, one.session))).toBe('budget_exceeded');
    expect(codeOf(await post(url, tool, two.session))).toBe('served');
    expect([codeOf(await call(url, 1, 't__free', {}, auth(key))), codeOf(await call(url, 2, 't__free', {}, auth(key)))]).toEqual([
      'served',
      'budget_exceeded',
    ]);
  });

  it('count each call of a batch, and refuse it whole', async () => {
    const { id, key } = await keyWith([
      { unit: 'tool-calls', limit: 4, window: 'month' },
      { unit: 'usd', limit: 1 },
    ]);
    const opened = await initialize(url, {}, auth(key));
    const { 'mcp-protocol-version': _, ...session } = opened.session;
    const batch = (...tools: string[]) =>
      tools.map((name, at) => ({ jsonrpc: '2.0', id: at, method: 'tools/call', params: { name, arguments: {} } }));
    const run = crypto.randomUUID();
    const three = await post(url, batch('t__search', 't__search-web', 't__gone'), { ...session, 'x-weir-run': run });
    expect(three.messages.map((message) => message.id)).toEqual([0, 1, 2]);
    expect(await standing(id)).toMatchObject({ used: 3, remaining: 1 });
    expect(await standing(id, 1)).toMatchObject({ used: 0.005 });
    const rows = await gateway.rows({ run }, 3);
    expect(new Set(rows.map((row) => row.id.split('.')[0])).size).toBe(1);
    expect(rows.map((row) => (row as { cost?: number }).cost).toSorted()).toEqual([0, 1_000_000, 4_000_000]);

    const refused = await post(url, batch('t__free', 't__free'), session);
    expect(refused.messages[0]?.error?.data?.code).toBe('budget_exceeded');
    expect(await standing(id)).toMatchObject({ used: 3 });
    const last = await post(url, batch('t__free'), session);
    expect(last.messages[0]?.result).toBeDefined();
  });
});

describe('what the operator writes', () => {
  it.each([
    [{ prices: { '*': -1 } }, 'routes[0].prices'],
    [{ prices: { '*': 1e-10 } }, 'routes[0].prices'],
    [{ prices: { '*': '1' } }, 'routes[0].prices'],
  ])('is refused where it is no price: %j', async (extra, path) => {
    const route = { name: 'shop', kind: 'mcp', sources: [{ kind: 'remote', url: server.url, prefix: 't' }], ...extra };
    const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ routes: [route] }) });
    expect(response.status).toBe(422);
    expect(await response.text()).toContain(path);
  });

  it('lists tools of a price nowhere else: a list costs nothing', async () => {
    const { id, key } = await keyWith([{ unit: 'usd', limit: 1 }]);
    await modern(url, 1, 'tools/list', {}, auth(key));
    expect(await standing(id)).toMatchObject({ used: 0 });
  });
});
