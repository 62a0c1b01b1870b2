import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { call, type McpGateway, startMcpGateway } from './gateway.ts';
import { startScripted } from './scripted.ts';

// The transport of 2024-11-05, HTTP+SSE: clients that speak it on servers of every sort, and a server that speaks nothing
// else behind clients of every sort.

let modern: Fixture;
let legacy: Fixture;
let sse: Fixture;
let gateway: McpGateway;
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all([gateway?.stop(), modern?.close(), legacy?.close(), sse?.close()]));
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close().catch(() => undefined)));
});

beforeAll(async () => {
  [modern, legacy, sse, gateway] = await Promise.all([
    startFixture({ eras: 'modern' }),
    startFixture({ eras: 'legacy' }),
    startFixture({ eras: 'sse' }),
    startMcpGateway(),
  ]);
  await gateway.publish(
    {
      modern: [{ url: modern.url, prefix: '' }],
      legacy: [{ url: legacy.url, prefix: '' }],
      sse: [{ url: sse.url, prefix: '' }],
      both: [
        { url: sse.url, prefix: 'old' },
        { url: modern.url, prefix: 'new' },
      ],
    },
    { limits: { ping: 300 } },
  );
});

interface Called {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
}
const said = (result: unknown) => (result as Called).content.map(({ text }) => text).join('');

const capabilities = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
const requestInit = { headers: { authorization: `Bearer ${KEY}` } };

function ready(client: Client, logged: unknown[] = []): Client {
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
    action: 'accept' as const,
    content: Object.fromEntries(
      Object.keys('requestedSchema' in params ? params.requestedSchema.properties : {}).map((field) => [field, `my ${field}`]),
    ),
  }));
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: 'm',
    role: 'assistant' as const,
    content: { type: 'text' as const, text: 'Paris' },
  }));
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///home', name: 'home' }] }));
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.data));
  open.push(client);
  return client;
}

async function bySse(route: string, logged?: unknown[]): Promise<Client> {
  const client = ready(new Client({ name: 'sse', version: '1' }, { capabilities }), logged);
  await client.connect(new SSEClientTransport(new URL(`${gateway.mcp(route)}/sse`), { requestInit }) as never);
  return client;
}

async function byHttp(route: string, logged?: unknown[]): Promise<Client> {
  const client = ready(new Client({ name: 'http', version: '1' }, { capabilities }), logged);
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.mcp(route)), { requestInit }) as never);
  return client;
}

const ways = [
  { name: 'SSE client, new server', connect: bySse, route: 'modern' },
  { name: 'SSE client, old server', connect: bySse, route: 'legacy' },
  { name: 'SSE client, SSE server', connect: bySse, route: 'sse' },
  { name: 'old client, SSE server', connect: byHttp, route: 'sse' },
] as const;

describe.each(ways)('$name', ({ connect, route }) => {
  const server = () => ({ modern, legacy, sse })[route];

  it('lists, calls, reads and completes', async () => {
    const client = await connect(route);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo');
    expect(said(await client.callTool({ name: 'echo', arguments: { text: 'grüße\n🦀' } }))).toBe('grüße\n🦀');
    const { contents } = await client.readResource({ uri: 'test://static-text' });
    expect(contents[0]).toMatchObject({ text: 'This is the content of the static text resource.' });
    const { completion } = await client.complete({
      ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
      argument: { name: 'arg1', value: 'p' },
    });
    expect(completion.values).toEqual(['paris', 'park']);
    await expect(client.callTool({ name: 'no_such_tool' })).rejects.toThrow();
  });

  it('puts to the client what the server asks it', async () => {
    const client = await connect(route);
    if (route === 'modern') {
      expect(said(await client.callTool({ name: 'test_input_required_result_multiple_inputs' }))).toBe('Paris my name, 1 roots');
      return;
    }
    expect(said(await client.callTool({ name: 'test_elicitation', arguments: { message: 'Well?' } }))).toContain('my response');
    expect(said(await client.callTool({ name: 'test_sampling', arguments: { prompt: 'Capital?' } }))).toBe('LLM response: Paris');
    expect(said(await client.callTool({ name: 'test_roots' }))).toBe('Roots: file:///home');
  });

  it('tells progress to who asked for it, and what is logged', async () => {
    const logged: unknown[] = [];
    const client = await connect(route, logged);
    const seen: number[][] = [[], []];
    await Promise.all(
      seen.map((each) =>
        client.callTool({ name: 'test_tool_with_progress' }, undefined, { onprogress: ({ progress }) => void each.push(progress) }),
      ),
    );
    expect(seen).toEqual([
      [0, 50, 100],
      [0, 50, 100],
    ]);
    if (route === 'modern') return;
    await client.setLoggingLevel('info');
    await client.callTool({ name: 'test_tool_with_logging' });
    expect(logged).toEqual(['Tool execution started', 'Tool processing data', 'Tool execution completed']);
  });

  it('cancels at the server what the client cancels', async () => {
    const client = await connect(route);
    const [begun, before] = [server().begun(), server().cancelled()];
    const leave = new AbortController();
    const slow = client.callTool({ name: 'slow' }, undefined, { signal: leave.signal });
    slow.catch(() => undefined);
    await until(() => server().begun() > begun, 15_000, 'the call to arrive');
    leave.abort();
    await expect(slow).rejects.toThrow();
    await until(() => server().cancelled() > before, 15_000, 'the server to be told');
  });

  it('cancels at the server what a client that leaves has asked', async () => {
    const client = await connect(route);
    const [begun, before] = [server().begun(), server().cancelled()];
    const slow = client.callTool({ name: 'slow' });
    slow.catch(() => undefined);
    await until(() => server().begun() > begun, 15_000, 'the call to arrive');
    if (connect === bySse) await client.close();
    else await (client.transport as StreamableHTTPClientTransport).terminateSession();
    await until(() => server().cancelled() > before, 15_000, 'the server to be told');
  });
});

it('serves clients without sessions from a server of the first transport', async () => {
  const client = new NewClient({ name: 'new', version: '1' }, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { response: 'mine' } }));
  await client.connect(new NewTransport(new URL(gateway.mcp('sse')), { requestInit }));
  open.push(client);
  expect(said(await client.callTool({ name: 'echo', arguments: { text: 'hello' } }))).toBe('hello');
  expect(said(await client.callTool({ name: 'test_elicitation', arguments: { message: 'Well?' } }))).toContain('"response":"mine"');
});

it('has servers of both transports in one route', async () => {
  const client = await bySse('both');
  expect(said(await client.callTool({ name: 'old__echo', arguments: { text: 'a' } }))).toBe('a');
  expect(said(await client.callTool({ name: 'new__echo', arguments: { text: 'b' } }))).toBe('b');
});

it('opens the stream of a server anew that was lost', async () => {
  const client = await byHttp('sse');
  expect(said(await client.callTool({ name: 'echo', arguments: { text: 'one' } }))).toBe('one');
  sse.forget();
  expect(said(await client.callTool({ name: 'echo', arguments: { text: 'two' } }))).toBe('two');
});

describe('who may', () => {
  const stream = (init: RequestInit = {}) =>
    fetch(`${gateway.mcp('modern')}/sse`, { ...init, headers: { ...requestInit.headers, accept: 'text/event-stream', ...init.headers } });

  async function begun(url = `${gateway.mcp('modern')}/sse`, headers: { readonly [name: string]: string } = requestInit.headers) {
    const left = new AbortController();
    const response = await fetch(url, { headers, signal: left.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader?.read())?.value ?? '';
    return { endpoint: /^event: endpoint\ndata: (.+)$/m.exec(first)?.[1] ?? '', leave: () => left.abort() };
  }
  const ping = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
  };
  const send = (endpoint: string, headers: { readonly [name: string]: string } = requestInit.headers) =>
    fetch(new URL(endpoint, gateway.url), {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(ping),
    });

  it('needs a key for both addresses, and pages of other origins have neither', async () => {
    expect((await stream({ headers: { authorization: 'Bearer nobody' } })).status).toBe(401);
    expect((await stream({ headers: { origin: 'https://evil.example' } })).status).toBe(403);
    const { endpoint, leave } = await begun();
    expect(endpoint).toMatch(/^\/mcp\/modern\/messages\?session=[\da-f]{64}$/);
    expect((await send(endpoint, {})).status).toBe(401);
    expect((await send(endpoint, { ...requestInit.headers, origin: 'https://evil.example' })).status).toBe(403);
    expect((await send(endpoint)).status).toBe(202);
    leave();
  });

  it('carries a key that stands in the address on', async () => {
    const { endpoint, leave } = await begun(`${gateway.mcp('modern')}/sse?key=${KEY}`, {});
    expect((await send(endpoint, {})).status).toBe(202);
    leave();
  });

  it('knows a session as long as its stream is read, and nobody else has it', async () => {
    const { endpoint, leave } = await begun();
    expect((await send(endpoint.replace('/modern/', '/legacy/'))).status).toBe(404);
    expect((await send(endpoint.replace(/session=.{8}/, 'session=00000000'))).status).toBe(404);
    expect((await send('/mcp/modern/messages')).status).toBe(400);
    leave();
    await until(async () => (await send(endpoint)).status === 404, 15_000, 'the session to be over');
  });
});

it('posts to no address of another origin', async () => {
  const other = await startScripted((_arrived, response) => void response.writeHead(202).end());
  const server = await startScripted(({ method }, response) => {
    if (method !== 'GET') return void response.writeHead(405).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: endpoint\ndata: ${other.url}\n\n`);
  });
  await gateway.publish({ astray: [{ url: server.url, prefix: '', key: { value: 'canary' } }] });
  const { messages } = await call(gateway.mcp('astray'), 1, 'anything');
  expect(messages.at(-1)?.error?.data?.code).toBe('upstream_invalid');
  expect(other.arrived).toEqual([]);
  await Promise.all([server.close(), other.close()]);
});
