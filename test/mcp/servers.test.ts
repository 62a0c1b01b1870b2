import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEY } from '../gateway.ts';
import { type Api, startStock, startTickets } from './apis.ts';
import { type Everything, servers, startEverything } from './everything.ts';
import { call, type McpGateway, modern, type SourceOptions, startMcpGateway } from './gateway.ts';
import { json, type Scripted, startScripted } from './scripted.ts';

// Servers that people run, as npm has them, behind one route. Those that speak over pipes stand behind a bridge of this
// file's own, which hands messages on and keeps no sessions.

let gateway: McpGateway;
let everything: Everything;
let everythingBySse: Everything;
let tickets: Api;
let stock: Api;
let folder: string;
const bridges: { readonly http: Scripted; readonly client: Client }[] = [];
afterAll(async () => {
  everything?.close();
  everythingBySse?.close();
  await gateway?.stop();
  await Promise.all([tickets?.close(), stock?.close()]);
  await Promise.all(bridges.flatMap(({ http, client }) => [http.close(), client.close()]));
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** A server over pipes as one over HTTP. */
async function bridged(name: string, args: readonly string[], env: { readonly [name: string]: string } = {}): Promise<string> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [path.join(servers, name, 'dist', 'index.js'), ...args],
    env: { ...env, PATH: process.env.PATH ?? '' },
    stderr: 'ignore',
  });
  const client = new Client({ name: 'bridge', version: '1' });
  await client.connect(transport);
  const initialized = {
    protocolVersion: '2025-11-25',
    capabilities: client.getServerCapabilities(),
    serverInfo: client.getServerVersion(),
  };
  const http = await startScripted(async ({ method, body }, response) => {
    if (method !== 'POST') return void response.writeHead(405).end();
    if (body.id === undefined) return void response.writeHead(202).end();
    if (body.method === 'initialize') return json(response, { jsonrpc: '2.0', id: body.id, result: initialized });
    try {
      const result = await client.request({ method: body.method, params: body.params }, {
        parse: (value: unknown) => value,
        safeParse: (data: unknown) => ({ success: true, data }),
      } as never);
      json(response, { jsonrpc: '2.0', id: body.id, result });
    } catch (error) {
      const { code = -32603, message } = error as { code?: number; message: string };
      json(response, { jsonrpc: '2.0', id: body.id, error: { code, message } });
    }
  });
  bridges.push({ http, client });
  return http.url;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-mcp-'));
  await writeFile(path.join(folder, 'note.txt'), 'kept in a file');
  const [files, memory, ...started] = await Promise.all([
    bridged('server-filesystem', [folder]),
    bridged('server-memory', [], { MEMORY_FILE_PATH: path.join(folder, 'memory.jsonl') }),
    startEverything(),
    startEverything('sse'),
    startTickets('tickets-canary'),
    startStock('stock-canary'),
    startMcpGateway(),
  ]);
  [everything, everythingBySse, tickets, stock, gateway] = started;
  const team = [
    { url: everything.url, prefix: 'all' },
    { url: files, prefix: 'files' },
    { url: memory, prefix: 'memory' },
  ];
  const apis = [
    {
      kind: 'openapi',
      prefix: 'tickets',
      documentUrl: `${tickets.origin}/openapi.json`,
      baseUrl: `${tickets.origin}/api`,
      key: { value: 'tickets-canary' },
    },
    { kind: 'graphql', prefix: 'stock', url: `${stock.origin}/graphql`, key: { value: 'stock-canary' } },
  ];
  const office = [...team, ...apis, { url: everythingBySse.url, prefix: 'first' }] as readonly SourceOptions[];
  await gateway.publish({ team, office });
});

it('serves the tools of all three to clients of both ways', async () => {
  const listed = (await modern(gateway.mcp('team'), 1, 'tools/list')).messages
    .at(-1)
    ?.result.tools.map(({ name }: { name: string }) => name);
  expect(listed).toEqual(expect.arrayContaining(['all__echo', 'files__read_text_file', 'memory__read_graph']));
  const said = async (name: string, args: object) =>
    (await call(gateway.mcp('team'), 1, name, args)).messages.at(-1)?.result.content[0].text;
  expect(await said('all__echo', { message: 'hello' })).toContain('hello');
  expect(await said('files__read_text_file', { path: path.join(folder, 'note.txt') })).toBe('kept in a file');
  await said('memory__create_entities', { entities: [{ name: 'Weir', entityType: 'dam', observations: ['lets water through'] }] });
  expect(await said('memory__search_nodes', { query: 'water' })).toContain('Weir');

  const client = new Client({ name: 'old', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(gateway.mcp('team')), {
    requestInit: { headers: { authorization: `Bearer ${KEY}` } },
  });
  await client.connect(transport as never);
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(listed);
  const answer = await client.callTool({ name: 'all__get-sum', arguments: { a: 2, b: 3 } });
  expect(JSON.stringify(answer.content)).toContain('5');
  const { resources } = await client.listResources();
  const { contents } = await client.readResource({ uri: resources[0]?.uri ?? '' });
  expect(contents[0]?.uri).toBe(resources[0]?.uri);
  await transport.terminateSession();
  await client.close();
});

const requestInit = { headers: { authorization: `Bearer ${KEY}` } };
const capabilities = { elicitation: {}, sampling: {}, roots: {} };

interface Session {
  tools(): Promise<readonly string[]>;
  call(name: string, args?: object): Promise<string>;
  close(): Promise<void>;
}

async function old(transport: (url: string) => unknown): Promise<Session> {
  const client = new Client({ name: 'old', version: '1' }, { capabilities });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: 'm',
    role: 'assistant' as const,
    content: { type: 'text' as const, text: 'sampled by the client' },
  }));
  await client.connect(transport(gateway.mcp('office')) as never);
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}) => JSON.stringify(await client.callTool({ name, arguments: { ...args } })),
    close: () => client.close(),
  };
}

const clients: { readonly [name: string]: () => Promise<Session> } = {
  'the SDK 1.x': () => old((url) => new StreamableHTTPClientTransport(new URL(url), { requestInit })),
  'the SDK 1.x over HTTP+SSE': () => old((url) => new SSEClientTransport(new URL(`${url}/sse`), { requestInit })),
  'the SDK 2.x without sessions': async () => {
    const client = new NewClient({ name: 'new', version: '1' }, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
    const content = { type: 'text', text: 'sampled by the client' };
    client.setRequestHandler('sampling/createMessage', async () => ({ model: 'm', role: 'assistant', content }) as never);
    await client.connect(new NewTransport(new URL(gateway.mcp('office')), { requestInit }));
    return {
      tools: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (name, args = {}) => JSON.stringify(await client.callTool({ name, arguments: { ...args } })),
      close: () => client.close(),
    };
  },
};

it.each(Object.keys(clients))(
  'serves servers of every sort, an API and a GraphQL server in one route: %s',
  { timeout: 60_000 },
  async (name) => {
    const { result } = (await modern(gateway.mcp('office'), 1, 'tools/list')).messages.at(-1) ?? {};
    expect(result._meta).toBeUndefined();
    const session = await (clients[name] ?? (() => Promise.reject(new Error(name))))();
    const listed = await session.tools();
    expect(listed).toEqual(
      expect.arrayContaining(['all__echo', 'first__echo', 'files__read_text_file', 'memory__read_graph', 'tickets__openTicket']),
    );
    expect(listed.filter((each) => each.startsWith('tickets__'))).toHaveLength(7);
    expect(await session.call('all__echo', { message: 'by HTTP' })).toContain('by HTTP');
    expect(await session.call('first__echo', { message: 'by SSE' })).toContain('by SSE');
    expect(await session.call('first__trigger-sampling-request', { prompt: 'Say' })).toContain('sampled by the client');
    expect(await session.call('files__read_text_file', { path: path.join(folder, 'note.txt') })).toContain('kept in a file');
    const opened = await session.call('tickets__openTicket', { body: { title: `of ${name}` } });
    const id = Number(/\\?"id\\?":\s*(\d+)/.exec(opened)?.[1]);
    expect(id, opened).toBeGreaterThan(0);
    await session.call('tickets__comment', { id, body: { text: 'seen' } });
    expect(await session.call('tickets__readTicket', { id })).toContain('seen');
    expect(await session.call('tickets__readTicket', { id: 999 })).toContain('no ticket 999');
    const [parts = ''] = listed.filter((each) => /^stock__.*parts$/.test(each));
    expect(await session.call(parts, { below: 10 })).toContain('nut');
    expect([...tickets.seen, ...stock.seen].length).toBeGreaterThan(4);
    await session.close();
  },
);
