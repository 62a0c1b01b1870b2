import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { makeFamily, makeKey } from '../tenants.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { type Scripted, startTools } from './scripted.ts';

// Several servers behind one route: what is whose, who is missing, and what all of it costs.

let gateway: McpGateway;
let fixture: Fixture;
let old: Fixture;
let one: Scripted;
let two: Scripted;
let url: string;
afterAll(() => Promise.all([gateway?.stop(), fixture?.close(), old?.close(), one?.close(), two?.close()]));

const LONG = 'a_name_that_is_so_long_that_no_model_takes_it_with_a_prefix_before_it';
const text = (value: string) => ({ content: [{ type: 'text', text: value }] });
const linked = () => ({
  content: [
    { type: 'resource_link', uri: 'file:///linked', name: 'l' },
    { type: 'resource', resource: { uri: 'file:///in', text: 't' } },
  ],
});

beforeAll(async () => {
  [gateway, fixture, old, one, two] = await Promise.all([
    startMcpGateway(),
    startFixture(),
    startFixture({ eras: 'legacy' }),
    startTools({
      status: () => text('one'),
      _status: () => text('underscored'),
      [LONG]: () => text('long one'),
      [`${LONG}_too`]: () => text('long two'),
      both: () => text('one'),
      only: () => text('only one'),
      linked,
    }),
    startTools({ status: () => text('two'), both: () => text('two') }),
  ]);
  const dead = { url: `http://127.0.0.1:${gateway.closedPort}/mcp` };
  await gateway.publish({
    team: [
      { url: fixture.url, prefix: 'fix' },
      { url: old.url, prefix: 'old' },
      { url: one.url, prefix: 'one' },
      { url: two.url, name: 'second', prefix: 'two' },
    ],
    bare: [
      { url: one.url, prefix: '', name: 'a' },
      { url: two.url, prefix: '', name: 'b' },
    ],
    partly: [
      { ...dead, prefix: 'dead' },
      { url: one.url, prefix: 'one' },
    ],
    dead: [
      { ...dead, prefix: 'dead' },
      { ...dead, prefix: 'dead2' },
    ],
  });
  url = gateway.mcp('team');
});

type Named = { readonly name: string };
const tools = async (route: string) =>
  (await modern(gateway.mcp(route), 1, 'tools/list')).messages.at(-1)?.result.tools.map(({ name }: Named) => name) as string[];
const said = async (name: string, at = url, args = {}) => {
  const answer = (await call(at, 1, name, args)).messages.at(-1);
  return answer?.result?.content[0].text ?? answer?.error?.code;
};

describe('names', () => {
  it('lead back to the server they came from, also in sessions', async () => {
    const names = await tools('team');
    expect(names).toEqual(expect.arrayContaining(['fix__echo', 'old__echo', 'one__status', 'two__status', 'one___status']));
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name.length > 64)).toEqual([]);
    expect(await Promise.all(['one__status', 'two__status', 'one___status', 'old__test_simple_text'].map((name) => said(name)))).toEqual([
      'one',
      'two',
      'underscored',
      'This is a simple text response for testing.',
    ]);
    const { session } = await initialize(url);
    const answer = await post(url, { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'two__status' } }, session);
    expect(answer.messages.at(-1)).toMatchObject({ id: 7, result: { content: [{ text: 'two' }] } });
  });

  it('that had to be cut are still two, and each its own', async () => {
    const cut = (await tools('team')).filter((name) => name.startsWith('one__a_name'));
    expect(cut).toHaveLength(2);
    expect((await Promise.all(cut.map((name) => said(name)))).sort()).toEqual(['long one', 'long two']);
  });

  it('that two servers have alike are shown of neither, where nothing tells them apart', async () => {
    const names = await tools('bare');
    expect(names).toContain('only');
    expect(names).not.toContain('both');
    expect(await said('only', gateway.mcp('bare'))).toBe('only one');
    expect(await said('both', gateway.mcp('bare'))).toBe(-32602);
  });

  it('of nobody are unknown', async () => {
    expect(await said('three__status')).toBe(-32602);
    expect((await modern(url, 1, 'resources/read', { uri: 'file:///none' })).messages.at(-1)?.error?.code).toBe(-32602);
    expect((await modern(url, 1, 'tasks/list')).status).toBe(404);
  });
});

it('has resources, prompts and completions of each under an address or a name of their own', async () => {
  const listed = (await modern(url, 1, 'resources/list')).messages.at(-1)?.result.resources.map(({ uri }: { uri: string }) => uri);
  expect(listed).toEqual(expect.arrayContaining(['weir:fix/test://static-text', 'weir:old/test://static-text', 'weir:one/file:///a']));
  const read = (await modern(url, 1, 'resources/read', { uri: 'weir:old/test://template/7/data' })).messages.at(-1)?.result.contents[0];
  expect([read.uri, JSON.parse(read.text).id]).toEqual(['weir:old/test://template/7/data', '7']);
  const templates = (await modern(url, 1, 'resources/templates/list')).messages
    .at(-1)
    ?.result.resourceTemplates.map(({ uriTemplate }: { uriTemplate: string }) => uriTemplate);
  expect(templates).toContain('weir:fix/test://template/{id}/data');
  const prompt = await modern(url, 1, 'prompts/get', {
    name: 'fix__test_prompt_with_embedded_resource',
    arguments: { resourceUri: 'test://x' },
  });
  expect(prompt.messages.at(-1)?.result.messages[0].content.resource.uri).toBe('weir:fix/test://x');
  const { content } = (await call(url, 1, 'one__linked')).messages.at(-1)?.result ?? {};
  expect([content[0].uri, content[1].resource.uri]).toEqual(['weir:one/file:///linked', 'weir:one/file:///in']);
  const ref = { type: 'ref/prompt', name: 'old__test_prompt_with_arguments' };
  const completed = await modern(url, 1, 'completion/complete', { ref, argument: { name: 'arg1', value: 'pa' } });
  expect(completed.messages.at(-1)?.result.completion.values).toEqual(['paris', 'park']);
});

it('answers with those who answer, and says who is missing', async () => {
  const { result } = (await modern(gateway.mcp('partly'), 1, 'tools/list')).messages.at(-1) ?? {};
  expect(result.tools.map(({ name }: Named) => name)).toContain('one__status');
  expect(result._meta['weir/missing']).toEqual([
    { source: 'dead', code: 'upstream_unreachable', message: expect.stringContaining('No connection') },
  ]);
  expect(await said('one__status', gateway.mcp('partly'))).toBe('one');
  expect((await call(gateway.mcp('partly'), 1, 'dead__x')).messages.at(-1)?.error?.data?.code).toBe('upstream_unreachable');
  const { first } = await initialize(gateway.mcp('partly'));
  expect(first.messages[0]?.result._meta['weir/missing'][0].source).toBe('dead');
  expect((await modern(gateway.mcp('dead'), 1, 'tools/list')).messages.at(-1)?.error?.data?.code).toBe('upstream_error');
});

it('refuses cursors that it has not made for this list and this caller', async () => {
  const { app } = await makeFamily(gateway, 'cursors');
  const { key } = await makeKey(gateway, { app, name: 'k' });
  for (const cursor of ['', 'x', 'AAAA']) {
    expect((await modern(url, 1, 'tools/list', { cursor })).messages.at(-1)?.error?.code).toBe(-32602);
    expect((await modern(url, 1, 'tools/list', { cursor }, { authorization: `Bearer ${key}` })).messages.at(-1)?.error?.code).toBe(-32602);
  }
});

describe('what it comes to', () => {
  it('is one row a call: whose, what, where, how it ended, and in which run', async () => {
    const run = `run-${crypto.randomUUID()}`;
    await call(url, 1, 'two__status', {}, { 'x-weir-run': run });
    await call(url, 1, 'fix__test_error_handling', {}, { 'x-weir-run': run });
    await call(url, 1, 'three__x', {}, { 'x-weir-run': run });
    const rows = (await gateway.rows({ run }, 3)) as unknown as {
      status: string;
      errorCode?: string;
      dialect: string;
      facts: { mcp: Record<string, unknown> };
    }[];
    const [unknown, failed, good] = await Promise.all(
      rows.map(
        async (row) => (await (await gateway.admin(`/requests/${(row as unknown as { id: string }).id}`)).json()) as (typeof rows)[0],
      ),
    );
    expect(good).toMatchObject({
      status: 'complete',
      dialect: 'mcp',
      facts: { mcp: { method: 'tools/call', name: 'two__status', source: 'second', era: 'modern', outcome: 'complete' } },
    });
    expect(failed).toMatchObject({ status: 'complete', facts: { mcp: { source: 'fix', outcome: 'tool-error' } } });
    expect(unknown).toMatchObject({ status: 'failed', facts: { mcp: { outcome: 'error', code: -32602 } } });
  });

  it('is held to the limits of its key: so many calls of tools in a run, so many requests', async () => {
    const { app } = await makeFamily(gateway, 'limited');
    const perRun = await makeKey(gateway, { app, name: 'run', limits: [{ unit: 'tool-calls', limit: 2, per: 'run' }] });
    const ask = (run: string) => call(url, 1, 'one__status', {}, { authorization: `Bearer ${perRun.key}`, 'x-weir-run': run });
    const codes = [];
    for (const run of ['a', 'a', 'a', 'b']) codes.push((await ask(run)).messages.at(-1)?.error?.data?.code ?? 'served');
    expect(codes).toEqual(['served', 'served', 'budget_exceeded', 'served']);
    const few = await makeKey(gateway, { app, name: 'few', limits: [{ unit: 'requests', limit: 2, window: '1h' }] });
    const listed = async () => modern(url, 1, 'tools/list', {}, { authorization: `Bearer ${few.key}` });
    expect([(await listed()).status, (await listed()).status]).toEqual([200, 200]);
    const refused = await listed();
    expect([refused.status, refused.messages[0]?.error?.data?.code, refused.headers.has('retry-after')]).toEqual([
      429,
      'rate_limited',
      true,
    ]);
  });
});

it('gives a stream that was lost to who had it, from where it was lost', async () => {
  const { session } = await initialize(url);
  const leave = new AbortController();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...session,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 'kept', method: 'tools/call', params: { name: 'old__test_reconnection', arguments: {} } }),
    signal: leave.signal,
  });
  const first = new TextDecoder().decode((await response.body?.getReader().read())?.value);
  const place = /^id: (\S+)$/m.exec(first)?.[1] ?? '';
  leave.abort();
  const resume = (id: string, headers = {}) =>
    fetch(url, { headers: { authorization: `Bearer ${KEY}`, accept: 'text/event-stream', ...session, 'last-event-id': id, ...headers } });
  await until(async () => (await (await resume(place)).text()).includes('"id":"kept"'), 15_000, 'the answer to be had');
  expect((await resume('rffffffff-1')).status).toBe(400);
  const { session: another } = await initialize(url);
  expect((await resume(place, another)).status).toBe(400);
});
