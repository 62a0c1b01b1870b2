import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY } from '../gateway.ts';
import { makeKey } from '../tenants.ts';
import { desk } from './desk.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { type McpGateway, startMcpGateway } from './gateway.ts';

// The examples of docs/mcp-transforms.md in front of a server of the official SDK, asked by clients of both ways of the
// protocol: those of the old way are served in a session, those of the new one where their requests come in.

/** By the headings of the page. */
const examples = new Map<string, readonly object[]>();
const [, ...sections] = readFileSync(path.join(import.meta.dirname, '../../docs/mcp-transforms.md'), 'utf8').split(/^## /m);
for (const section of sections) {
  const [, json] = /```json example\n([\s\S]*?)```/.exec(section) ?? [];
  if (json !== undefined) examples.set(section.split('\n', 1)[0] ?? '', JSON.parse(json));
}

let server: Fixture;
let legacyOnly: Fixture;
let gateway: McpGateway;
let adminKey: string;
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all([gateway?.stop(), server?.close(), legacyOnly?.close()]));
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close().catch(() => undefined)));
});

beforeAll(async () => {
  [server, legacyOnly, gateway] = await Promise.all([
    startFixture({ made: desk }),
    startFixture({ made: desk, eras: 'legacy' }),
    startMcpGateway(),
  ]);
  ({ key: adminKey } = await makeKey(gateway, { app: 'dev', name: 'admin', metadata: { role: 'admin', region: 'eu' } }));
  const source = { url: server.url, prefix: '' };
  const routes = Object.fromEntries([...examples].map(([name, transforms]) => [name, [{ ...source, transforms }]]));
  const all = [...examples.values()].flat();
  await gateway.publish({
    ...routes,
    bare: [source],
    // Filtered by the names that the server has, and the rest by what it is called then.
    'old-server': [{ url: legacyOnly.url, prefix: 'desk', transforms: all.filter((each) => !('use' in each) || each.use !== 'rename') }],
  } as never);
});

type Called = {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  readonly structuredContent?: any;
  readonly isError?: boolean;
};
type Tool = {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly inputSchema: any;
  readonly annotations?: object;
};

/** What both SDKs' clients can do, as these tests use them. */
interface AnyClient {
  call(name: string, args?: object): Promise<Called>;
  tools(): Promise<readonly Tool[]>;
  names(): Promise<readonly string[]>;
  prompts(): Promise<readonly string[]>;
  prompt(name: string): Promise<unknown>;
  resources(): Promise<readonly string[]>;
  read(uri: string): Promise<unknown>;
  complete(prompt: string): Promise<unknown>;
  instructions(): string;
}

type Connect = (route: string, key?: string, headers?: { readonly [name: string]: string }) => Promise<AnyClient>;

const requestInit = (key: string, headers: object) => ({ headers: { authorization: `Bearer ${key}`, ...headers } });
const at = (name: string) => ({ ref: { type: 'ref/prompt' as const, name }, argument: { name: 'a', value: 'o' } });

function asAny(client: OldClient | NewClient): AnyClient {
  open.push(client);
  const both = client as NewClient;
  const tools = async () => (await both.listTools()).tools as readonly Tool[];
  return {
    call: (name, args = {}) => both.callTool({ name, arguments: { ...args } }) as Promise<Called>,
    tools,
    names: async () => (await tools()).map(({ name }) => name),
    prompts: async () => (await both.listPrompts()).prompts.map(({ name }) => name),
    prompt: (name) => both.getPrompt({ name }),
    resources: async () => (await both.listResources()).resources.map(({ uri }) => uri),
    read: (uri) => both.readResource({ uri }),
    complete: (prompt) => both.complete(at(prompt)),
    instructions: () => both.getInstructions() ?? '',
  };
}

const old: Connect = async (route, key = KEY, headers = {}) => {
  const client = new OldClient({ name: 'old', version: '1' });
  await client.connect(new OldTransport(new URL(gateway.mcp(route)), { requestInit: requestInit(key, headers) }) as never);
  return asAny(client);
};

const fresh: Connect = async (route, key = KEY, headers = {}) => {
  const client = new NewClient({ name: 'new', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new NewTransport(new URL(gateway.mcp(route)), { requestInit: requestInit(key, headers) }));
  return asAny(client);
};

/** What a refusal says, with its number. */
const refusal = async (work: Promise<unknown>) => {
  try {
    await work;
    return 'it was done';
  } catch (error) {
    const { code, message } = error as { code?: number; message?: string };
    return `${code} ${message}`;
  }
};

it('every transform has an example on its page', () => {
  expect([...examples.keys()]).toEqual(['filter', 'rename', 'describe', 'defaults', 'arguments', 'redact', 'order']);
});

describe.each([
  ['a client of 2026-07-28', fresh],
  ['a client of 2025-11-25', old],
] as const)('%s', (called, connect) => {
  it('filter: sees and reaches what its key may', async () => {
    const [plain, admin, bare] = await Promise.all([connect('filter'), connect('filter', adminKey), connect('bare')]);
    expect(await bare.names()).toHaveLength(8);
    const seen = ['search_tickets', 'get_ticket', 'update_ticket'];
    expect(await plain.names()).toEqual(seen);
    expect(await admin.names()).toEqual([...seen, 'delete_ticket']);
    expect((await admin.call('delete_ticket', { id: '1' })).structuredContent).toMatchObject({ tool: 'delete_ticket' });
    for (const name of ['delete_ticket', 'deploy', 'refund', 'nothing'])
      expect(await refusal(plain.call(name, { id: '1' }))).toMatch(new RegExp(`-32602.*Unknown tool: ${name}`));
    expect((await plain.call('get_ticket', { id: '1' })).structuredContent).toMatchObject({ tool: 'get_ticket' });
    expect(await plain.prompts()).toEqual(['summarise']);
    expect(await refusal(plain.prompt('escalate'))).toMatch(/-32602.*Unknown prompt: escalate/);
    expect(await refusal(plain.complete('escalate'))).toMatch(/-32602/);
    expect(await refusal(plain.complete('summarise'))).toBe('it was done');
    expect(await plain.resources()).toEqual(['desk://handbook']);
    expect(await refusal(plain.read('desk://payroll'))).toMatch(/-32602.*not found/i);
    expect(await refusal(plain.read('desk://handbook'))).toBe('it was done');
  });

  it('rename: calls by the new names alone', async () => {
    const client = await connect('rename');
    const names = await client.names();
    expect(names).toEqual(expect.arrayContaining(['find_tickets', 'remove_ticket', 'refund']));
    expect(names).not.toContain('delete_ticket');
    expect((await client.tools()).find(({ name }) => name === 'remove_ticket')?.title).toBe('Remove a ticket');
    expect((await client.call('remove_ticket', { id: '1' })).structuredContent).toMatchObject({ tool: 'delete_ticket', args: { id: '1' } });
    expect((await client.call('find_tickets', { query: 'a', region: 'eu' })).structuredContent).toMatchObject({ tool: 'search_tickets' });
    expect(await refusal(client.call('delete_ticket', { id: '1' }))).toMatch(/-32602.*Unknown tool: delete_ticket/);
    expect(await client.prompts()).toEqual(['summarise', 'ask_for_help']);
    expect(JSON.stringify(await client.prompt('ask_for_help'))).toContain('escalate it');
    expect(await refusal(client.prompt('escalate'))).toMatch(/-32602/);
    expect(await refusal(client.complete('ask_for_help'))).toBe('it was done');
  });

  it('describe: lists in other words, and calls as before', async () => {
    const client = await connect('describe');
    const found = (await client.tools()).find(({ name }) => name === 'search_tickets');
    expect(found).toMatchObject({
      title: 'Find tickets',
      description: 'Finds tickets by words. Say which region.',
      annotations: { readOnlyHint: true },
    });
    expect(found?.inputSchema.properties.region).toMatchObject({ type: 'string', enum: ['eu', 'us'] });
    expect(found?.inputSchema.properties).not.toHaveProperty('filters');
    expect((await client.call('search_tickets', { query: 'a', region: 'eu' })).structuredContent.args).toEqual({
      query: 'a',
      region: 'eu',
    });
    expect(client.instructions()).toContain('Look for a ticket before you make one.');
  });

  it('defaults: fills in what the caller need not say, and the header that repeats it', async () => {
    const [plain, admin] = await Promise.all([connect('defaults'), connect('defaults', adminKey)]);
    const found = (await plain.tools()).find(({ name }) => name === 'search_tickets');
    expect(Object.keys(found?.inputSchema.properties)).toEqual(['query', 'requester', 'limit']);
    expect(found?.inputSchema.required).toEqual(['query']);
    expect(found?.inputSchema.properties.limit).toMatchObject({ default: 20 });
    const before = server.requests.length;
    const filters = { app: expect.any(String), note: expect.stringMatching(/^for ./) };
    expect((await plain.call('search_tickets', { query: 'a' })).structuredContent.args).toEqual({
      ...{ query: 'a', limit: 20, filters, region: expect.any(String) },
    });
    const asked = await admin.call('search_tickets', { query: 'a', limit: 3, filters: { app: 'mine' } });
    expect(asked.structuredContent.args).toEqual({ query: 'a', limit: 3, filters, region: 'eu' });
    // A client of the old way is served in it by a server that knows it: there arguments stand in no headers.
    const headers = server.requests.slice(before).map((each) => each.headers['mcp-param-region']);
    expect(headers.includes('eu')).toBe(connect === fresh);
  });

  it('arguments: has a model told what does not fit, and refuses what is not allowed', async () => {
    const [plain, admin] = await Promise.all([connect('arguments'), connect('arguments', adminKey)]);
    const good = { id: 'AB-1', amount: 100, currency: 'EUR' };
    expect((await plain.call('refund', good)).structuredContent).toMatchObject({ tool: 'refund' });
    const wrong = await plain.call('refund', { ...good, id: 'x', currency: 'USD' });
    expect(wrong.isError).toBe(true);
    expect(wrong.content[0]?.text).toMatch(/id: String does not match pattern[\s\S]*currency: /);
    expect(await refusal(plain.call('refund', { ...good, amount: 101 }))).toMatch(/-32602.*hand the ticket over/);
    expect((await admin.call('refund', { ...good, amount: 101 })).structuredContent).toMatchObject({ tool: 'refund' });
  });

  it('redact: tells neither side what it is not to know', async () => {
    const client = await connect('redact');
    const { structuredContent, content } = await client.call('get_ticket', { id: '1', why: 'a secret' });
    expect(structuredContent).toEqual({
      tool: 'get_ticket',
      args: { id: '1' },
      subject: 'The [hidden] burns',
      customer: { name: 'Ann', email: '[hidden]', card: '[hidden]' },
      notes: [
        { by: 'bob', text: 'Called [hidden] about [hidden]' },
        { by: 'eve', text: 'Waits' },
      ],
    });
    expect(JSON.parse(content[0]?.text ?? '')).toEqual(structuredContent);
    expect((await client.call('update_ticket', { id: 'INV-20261122' })).structuredContent.args).toEqual({ id: 'INV-20261122' });
  });

  it('order: lets one tool come after others, in one run', async () => {
    const run = { 'x-weir-run': `run-${Math.floor(performance.now())}-${called.length}` };
    const [first, second, other] = await Promise.all([
      connect('order', KEY, run),
      connect('order', KEY, run),
      connect('order', KEY, { 'x-weir-run': `${run['x-weir-run']}-other` }),
    ]);
    expect(await refusal(first.call('deploy'))).toMatch(/-32602.*Call "run_tests" and "review" first/);
    expect((await first.call('run_tests', { fail: true })).isError).toBe(true);
    await second.call('review');
    expect(await refusal(first.call('deploy'))).toMatch(/Call "run_tests" first/);
    await second.call('run_tests');
    expect((await first.call('deploy')).structuredContent).toMatchObject({ tool: 'deploy' });
    expect(await refusal(other.call('deploy'))).toMatch(/-32602/);
  });
});

it('holds for a client of the new way on a server of the old one, which are served in a session that others share', async () => {
  const [plain, admin] = await Promise.all([fresh('old-server'), fresh('old-server', adminKey)]);
  const seen = ['desk__search_tickets', 'desk__get_ticket', 'desk__update_ticket'];
  expect(await plain.names()).toEqual(seen);
  expect(await admin.names()).toEqual([...seen, 'desk__delete_ticket']);
  expect(await refusal(plain.call('desk__delete_ticket', { id: '1' }))).toMatch(/-32602.*Unknown tool: desk__delete_ticket/);
  expect((await admin.call('desk__delete_ticket', { id: '1' })).structuredContent).toMatchObject({ args: { id: '1' } });
  expect((await admin.call('desk__search_tickets', { query: 'a' })).structuredContent.args).toMatchObject({ region: 'eu', limit: 20 });
  expect(JSON.stringify(await plain.call('desk__get_ticket', { id: '1', why: 'secret' }))).not.toMatch(/secret|customer\.example|4111/);
});

it('order: counts in the session of a client that has one, and tells others to name a run', async () => {
  const [session, another, none] = await Promise.all([old('order'), old('order'), fresh('order')]);
  for (const name of ['run_tests', 'review']) await session.call(name);
  expect((await session.call('deploy')).structuredContent).toMatchObject({ tool: 'deploy' });
  expect(await refusal(another.call('deploy'))).toMatch(/-32602.*first/);
  expect(await refusal(none.call('deploy'))).toMatch(/-32602.*send the header x-weir-run/);
});

it('several stand one behind the other, at sources and at the route', async () => {
  const transforms = [
    { use: 'rename', tools: { search_tickets: 'find' } },
    { use: 'filter', tools: { allow: ['find', 'get_ticket'] } },
  ];
  const source = { kind: 'remote', url: server.url, transforms };
  const document = {
    routes: [
      {
        name: 'both',
        kind: 'mcp',
        sources: [
          { ...source, prefix: 'a' },
          { ...source, prefix: 'b' },
        ],
        transforms: [
          { use: 'filter', tools: { deny: ['b__get_*'] } },
          { use: 'rename', tools: { a__find: 'look' } },
          { use: 'defaults', tools: { a__look: { region: { fixed: 'eu' } } } },
        ],
      },
    ],
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  expect(await response.text()).not.toContain('problems');
  for (const connect of [fresh, old]) {
    const client = await connect('both');
    expect([...(await client.names())].sort()).toEqual(['a__get_ticket', 'a__look', 'b__find']);
    expect((await client.call('a__look', { query: 'q' })).structuredContent).toMatchObject({
      tool: 'search_tickets',
      args: { region: 'eu' },
    });
    for (const name of ['a__find', 'b__get_ticket', 'b__look', 'a__search_tickets'])
      expect(await refusal(client.call(name, { id: '1', query: 'q', region: 'eu' }))).toMatch(/-32602.*Unknown tool/);
  }
});

it('refuses a document whose transforms could not work, and says where', async () => {
  const wrong = [
    { use: 'filter', tools: { deny: [{ name: 'a', when: 'caller.tema == "x"' }] } },
    { use: 'rename', tools: { a: 'x', b: 'x' } },
    { use: 'redact', results: { patterns: ['(a+)+'] } },
    { use: 'arguments', tools: { a: { schema: { $ref: 'https://example.com/s' } } } },
    { use: 'nothing' },
  ];
  for (const each of wrong) {
    const document = { routes: [{ name: 'wrong', kind: 'mcp', sources: [{ kind: 'remote', url: server.url }], transforms: [each] }] };
    const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
    expect(response.status).toBe(422);
    expect(await response.text()).toContain('routes[0].transforms[0]');
  }
});
