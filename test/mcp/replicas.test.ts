import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFamily, makeKey } from '../tenants.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { json, type Scripted, startScripted } from './scripted.ts';

// Several servers for the same tools: who is served by one stays there, and goes on to another where that can do no harm.

interface Replica extends Scripted {
  /** What it does with calls of tools. */
  mode: 'well' | 'refuses' | 'breaks' | 'fails' | 'hangs';
  readonly calls: () => readonly string[];
  /** Nobody listens at its port from now on. */
  die(): Promise<void>;
}

const tool = (name: string, extra: object = {}) => ({ name, inputSchema: { type: 'object' }, ...extra });
const SAME = [
  tool('read', { annotations: { readOnlyHint: true } }),
  tool('put', { annotations: { idempotentHint: true } }),
  tool('pay'),
  tool('ask'),
];

async function startReplica(label: string, own: readonly object[] = []): Promise<Replica> {
  const listed = [...SAME, ...own];
  const server = await startScripted(({ body }, response) => {
    const { id, method, params } = body ?? {};
    const answer = (result: object) => json(response, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } });
    if (method === 'server/discover')
      return answer({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ttlMs: 0, cacheScope: 'public' });
    if (method === 'tools/list') return answer({ tools: listed, ttlMs: 0, cacheScope: 'public' });
    if (replica.mode === 'refuses') return json(response, { error: 'busy' }, 429);
    if (replica.mode === 'fails') return json(response, { error: 'broken' }, 502);
    if (replica.mode === 'breaks') return void response.destroy();
    if (replica.mode === 'hangs') return undefined;
    if (params.name === 'ask' && params.inputResponses === undefined) {
      const inputRequests = {
        q: { method: 'elicitation/create', params: { message: '?', requestedSchema: { type: 'object', properties: {} } } },
      };
      return answer({ resultType: 'input_required', inputRequests, requestState: `of ${label}` });
    }
    return answer({ content: [{ type: 'text', text: params.requestState === undefined ? label : `${label}: ${params.requestState}` }] });
  });
  const replica: Replica = {
    ...server,
    mode: 'well',
    calls: () => server.arrived.flatMap(({ body }) => (body?.method === 'tools/call' ? [String(body.params.name)] : [])),
    die: server.close,
  };
  return replica;
}

let gateway: McpGateway;
const started: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all([gateway?.stop(), ...started.map((each) => each.close())]));

const routes: { [name: string]: object } = {};
/** A route of its own for each test, of two servers of its own: what has failed in one is forgotten in the next. */
async function pair(name: string, extra: object = {}, own: readonly (readonly object[])[] = [[], []]) {
  const both = await Promise.all([startReplica('one', own[0]), startReplica('two', own[1])]);
  started.push(...both);
  await publish(
    name,
    both.map(({ url }) => url),
    extra,
  );
  const url = gateway.mcp(name);
  const said = async (tool: string, args = {}, headers = {}) => {
    const answer = (await call(url, 1, tool, args, headers)).messages.at(-1);
    return answer?.result?.content?.[0].text ?? answer?.error?.data?.code ?? answer?.error?.code;
  };
  return {
    both,
    url,
    said,
    at: (label: string) => both[label === 'one' ? 0 : 1] as Replica,
    other: (label: string) => (label === 'one' ? 'two' : 'one'),
  };
}

async function publish(name: string, urls: readonly string[], extra: object = {}) {
  const of = urls.map((url) => ({ kind: 'remote', url }));
  routes[name] = {
    name,
    kind: 'mcp',
    sources: [{ kind: 'replicas', prefix: '', name: 'group', of, ...extra }],
    limits: { timeout: 4_000 },
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ routes: Object.values(routes) }) });
  if (!response.ok) throw new Error(await response.text());
}

beforeAll(async () => {
  gateway = await startMcpGateway();
});

describe('who is served by one', () => {
  it('stays there, and others are spread', async () => {
    const { said, url } = await pair('stays');
    const first = await said('pay');
    expect(['one', 'two']).toContain(first);
    expect(await Promise.all(Array.from({ length: 8 }, () => said('pay')))).toEqual(Array(8).fill(first));
    const names = await Promise.all(
      Array.from({ length: 8 }, async (_, at) => {
        const { app } = await makeFamily(gateway, `spread${at}`);
        const { key } = await makeKey(gateway, { app, name: 'k' });
        return said('pay', {}, { authorization: `Bearer ${key}` });
      }),
    );
    expect(new Set(names)).toEqual(new Set(['one', 'two']));
    expect((await modern(url, 1, 'tools/list')).messages.at(-1)?.result.tools.map(({ name }: { name: string }) => name)).toEqual(
      SAME.map(({ name }) => name),
    );
  });

  it('is answered where it was asked back', async () => {
    const { said, url, at, other } = await pair('asked');
    const first = String(await said('pay'));
    const capable = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
    const asked = (await call(url, 1, 'ask', {}, {}, capable)).messages.at(-1)?.result;
    expect(asked.resultType).toBe('input_required');
    // Moved on in between, by a failure of the first.
    at(first).mode = 'fails';
    expect(await said('read')).toBe(other(first));
    at(first).mode = 'well';
    const { requestState } = asked;
    const params = { name: 'ask', arguments: {}, requestState, inputResponses: { q: { action: 'accept', content: {} } } };
    const answered = (await modern(url, 2, 'tools/call', params, {}, capable)).messages.at(-1);
    expect(answered?.result.content[0].text).toBe(`${first}: of ${first}`);
  });
});

describe('one that fails', () => {
  it.each(['fails', 'breaks'] as const)('hands on what may be done twice, and nothing else, where it %s', async (mode) => {
    const { said, at, other } = await pair(mode);
    const first = String(await said('pay'));
    at(first).mode = mode;
    const before = at(other(first)).calls().length;
    expect(await said('pay')).toBe(mode === 'fails' ? 'upstream_error' : 'upstream_unreachable');
    expect(at(other(first)).calls()).toHaveLength(before);
    // From then on it is avoided.
    expect(await said('pay')).toBe(other(first));
    const calls = at(first).calls().length;
    expect([await said('read'), await said('put')]).toEqual([other(first), other(first)]);
    expect(at(first).calls()).toHaveLength(calls);
  });

  it.each(['read', 'put'])('hands on %s at once', async (name) => {
    const { said, at, other } = await pair(`at-once-${name}`);
    const first = String(await said('read'));
    at(first).mode = 'breaks';
    expect(await said(name)).toBe(other(first));
  });

  it('hands on everything where it turns requests away', async () => {
    const { said, at, other } = await pair('turns-away');
    const first = String(await said('pay'));
    at(first).mode = 'refuses';
    expect(await said('pay')).toBe(other(first));
  });

  it('hands on everything where it is not there any more', async () => {
    const { said, at, other } = await pair('gone');
    const first = String(await said('pay'));
    await at(first).die();
    // Longer than it is taken to be there still, so that it is looked at first.
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await said('pay')).toBe(other(first));
  });

  it('is not waited for twice: who hangs uses up the time of the request, and is avoided then', async () => {
    const { said, at, other } = await pair('hangs');
    const first = String(await said('read'));
    at(first).mode = 'hangs';
    expect(await said('read')).toBe('upstream_timeout');
    const calls = at(first).calls().length;
    expect(await said('read')).toBe(other(first));
    expect(at(first).calls()).toHaveLength(calls);
  });

  it('is asked again when it was avoided for long enough, and before nobody is', async () => {
    const { said, at, other, both } = await pair('again', { avoid: 300 });
    const first = String(await said('read'));
    at(first).mode = 'fails';
    expect(await said('read')).toBe(other(first));
    at(first).mode = 'well';
    at(other(first)).mode = 'fails';
    expect(await said('read')).toBe(first);
    for (const each of both) each.mode = 'fails';
    expect(await said('read')).toBe('upstream_error');
  });
});

it('stays up while one is down from the beginning', async () => {
  const alive = await startReplica('alive');
  started.push(alive);
  await publish('half', [`http://127.0.0.1:${gateway.closedPort}/mcp`, alive.url]);
  expect((await modern(gateway.mcp('half'), 1, 'tools/list')).messages.at(-1)?.result.tools).toHaveLength(SAME.length);
  expect((await call(gateway.mcp('half'), 1, 'pay')).messages.at(-1)?.result.content[0].text).toBe('alive');
});

describe('tools that differ', () => {
  const own = [[tool('search', { description: 'of one' }), tool('mine')], [tool('search', { description: 'of two' })]];

  it('are of the first that has them, and nobody else is asked', async () => {
    const { said, url, at } = await pair('differ', {}, own);
    const { tools } = (await modern(url, 1, 'tools/list')).messages.at(-1)?.result ?? {};
    expect(tools.find(({ name }: { name: string }) => name === 'search').description).toBe('of one');
    expect([await said('search'), await said('mine')]).toEqual(['one', 'one']);
    at('one').mode = 'refuses';
    expect(await said('search')).toBe('upstream_rate_limited');
  });

  it('are alternatives where the operator says that it is enough that they take the same', async () => {
    const { said, at } = await pair('alternatives', { equal: 'input' }, own);
    expect(await said('search')).toMatch(/one|two/);
    at('one').mode = 'refuses';
    expect(await said('search')).toBe('two');
  });
});

describe('sessions', () => {
  let old: Fixture;
  beforeAll(async () => {
    old = await startFixture({ eras: 'legacy' });
    started.push(old);
  });

  it('stay where they are', async () => {
    // The same server twice, by two names, so that its sessions tell who was asked.
    const twin = await startFixture({ eras: 'legacy' });
    started.push(twin);
    await publish('sessions', [old.url, twin.url]);
    const url = gateway.mcp('sessions');
    const { session } = await initialize(url);
    const begun = [old.requests.length, twin.requests.length];
    for (let id = 1; id <= 5; id++) {
      const params = { name: 'echo', arguments: { text: `${id}` } };
      const answer = await post(url, { jsonrpc: '2.0', id, method: 'tools/call', params }, session);
      expect(answer.messages.at(-1)?.result.content[0].text).toBe(`${id}`);
    }
    const called = [old, twin].map(({ requests }, at) => requests.slice(begun[at]).filter(({ method }) => method === 'POST').length);
    // One of them is only asked what it has.
    expect(Math.max(...called)).toBeGreaterThanOrEqual(5);
    expect(Math.min(...called)).toBeLessThan(5);
  });
});
