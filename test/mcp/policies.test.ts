import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { Reading } from './reading.ts';
import { type Scripted, startTools } from './scripted.ts';

// What policies say holds for everything that passes between clients and servers, in both eras, in sessions and without.

let modernOnly: Fixture;
let legacyOnly: Fixture;
let scripted: Scripted;
let gateway: McpGateway;
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all([gateway?.stop(), modernOnly?.close(), legacyOnly?.close(), scripted?.close()]));
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close().catch(() => undefined)));
});

const globalTerms = { use: 'terms', entries: [{ action: 'mask', in: 'requests', terms: ['Nightjar'], replacement: '[in]' }] };
const ownTerms = {
  use: 'terms',
  entries: [
    { action: 'mask', in: 'answers', terms: ['Ada', 'processing', 'intentionally', 'static text'], replacement: '[out]' },
    { action: 'refuse', in: 'requests', terms: ['never in'] },
    { action: 'refuse', in: 'answers', terms: ['never out'] },
  ],
};

beforeAll(async () => {
  [modernOnly, legacyOnly, scripted, gateway] = await Promise.all([
    startFixture({ eras: 'modern' }),
    startFixture({ eras: 'legacy' }),
    startTools({
      secret: () => ({ content: [{ type: 'text', text: 'this may never out' }] }),
      media: () => ({
        content: [
          { type: 'image', mimeType: 'image/png', data: 'QWRhAda=' },
          { type: 'resource', resource: { uri: 'file:///a', text: 'Ada here' } },
          { type: 'resource_link', uri: 'file:///b', name: 'Ada link' },
        ],
        structuredContent: { Ada: 1, '[out]': 2, deep: [{ who: 'Ada' }] },
      }),
      twice: (_args: never, { body }, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(`{"jsonrpc":"2.0","id":${JSON.stringify(body.id)},"result":{"content":[{"type":"text","text":"Ada","text":"fine"}]}}`);
      },
      late: async () => {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        return { content: [{ type: 'text', text: 'this may never out' }] };
      },
      same: (args: object) => ({ content: [{ type: 'text', text: JSON.stringify(args) }] }),
    }),
    startMcpGateway(),
  ]);
  const route = (name: string, url: string, prefix: string) => ({
    ...{ name, kind: 'mcp', policies: [ownTerms] },
    sources: [{ kind: 'remote', url, prefix }],
  });
  const up = { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' } };
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: { up },
      policies: [{ use: 'models', allow: ['up/*'] }, globalTerms],
      routes: [
        { name: 'llm', kind: 'llm' },
        route('modern', modernOnly.url, 's'),
        route('legacy', legacyOnly.url, 's'),
        route('scripted', scripted.url, ''),
      ],
    }),
  });
  if (!response.ok) throw new Error(await response.text());
});

interface Called {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly structuredContent?: unknown;
}

interface AnyClient {
  call(name: string, args?: object): Promise<Called>;
  read(uri: string): Promise<unknown>;
  prompt(name: string, args: { readonly [name: string]: string }): Promise<unknown>;
  readonly asked: string[];
  readonly logged: unknown[];
}

const requestInit = { headers: { authorization: `Bearer ${KEY}` } };
const capabilities = { elicitation: {} };
/** A person who answers every question with a text that must not leave. */
function answered({ message }: { readonly message: string }, asked: string[]) {
  asked.push(message);
  return { action: 'accept' as const, content: { response: 'my Nightjar', name: 'my Nightjar' } };
}

async function old(route: string): Promise<AnyClient> {
  const client = new OldClient({ name: 'old', version: '1' }, { capabilities });
  const asked: string[] = [];
  const logged: unknown[] = [];
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => answered(params, asked));
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.data));
  await client.connect(new OldTransport(new URL(gateway.mcp(route)), { requestInit }) as never);
  open.push(client);
  return {
    ...{ asked, logged },
    call: (name, args = {}) => client.callTool({ name, arguments: { ...args } }) as Promise<Called>,
    read: (uri) => client.readResource({ uri }),
    prompt: (name, args) => client.getPrompt({ name, arguments: args }),
  };
}

async function fresh(route: string): Promise<AnyClient> {
  const client = new NewClient({ name: 'new', version: '1' }, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  const asked: string[] = [];
  const logged: unknown[] = [];
  client.setRequestHandler('elicitation/create', async ({ params }) => answered(params as never, asked) as never);
  client.setNotificationHandler('notifications/message', async ({ params }) => void logged.push(params.data));
  await client.connect(new NewTransport(new URL(gateway.mcp(route)), { requestInit }));
  open.push(client);
  return {
    ...{ asked, logged },
    call: (name, args = {}) => client.callTool({ name, arguments: { ...args } }) as Promise<Called>,
    read: (uri) => client.readResource({ uri }),
    prompt: (name, args) => client.getPrompt({ name, arguments: args }),
  };
}

const text = ({ content }: Called) => content.map((block) => block.text).join('');
const bridges = [
  { name: 'new client, new server', connect: fresh, route: 'modern' },
  { name: 'new client, old server', connect: fresh, route: 'legacy' },
  { name: 'old client, new server', connect: old, route: 'modern' },
  { name: 'old client, old server', connect: old, route: 'legacy' },
] as const;

describe.each(bridges)('$name', ({ connect, route }) => {
  it('masks arguments on their way in and results on their way out', async () => {
    const client = await connect(route);
    const result = await client.call('s__echo', { text: 'Nightjar knows Ada' });
    expect(text(result)).toBe('[in] knows [out]');
    expect(result.structuredContent).toEqual({ said: '[in] knows [out]' });
    expect(text(await client.call('s__test_error_handling'))).toContain('This tool [out] returns an error');
    expect(JSON.stringify(await client.read('weir:s/test://static-text'))).toContain('content of the [out] resource');
    const prompt = await client.prompt('s__test_prompt_with_arguments', { arg1: 'Nightjar', arg2: 'Ada' });
    expect(JSON.stringify(prompt)).toContain("arg1='[in]', arg2='[out]'");
  });

  it('refuses what may not pass, in the words of the protocol', async () => {
    const client = await connect(route);
    await expect(client.call('s__echo', { text: 'say never in' })).rejects.toMatchObject({
      code: -32600,
      data: { code: 'content_refused' },
    });
    await expect(client.call('s__echo', { text: 'say never out' })).rejects.toMatchObject({ data: { code: 'content_refused' } });
    expect(text(await client.call('s__echo', { text: 'say on' }))).toBe('say on');
  });

  it('holds for questions of servers and for what is answered', async () => {
    const client = await connect(route);
    if (route === 'legacy') {
      expect(text(await client.call('s__test_elicitation', { message: 'Is Ada there?' }))).toContain('{"response":"my [in]"');
      expect(client.asked).toEqual(['Is [out] there?']);
    } else expect(text(await client.call('s__test_input_required_result_elicitation'))).toBe('Hello, my [in]!');
  });
});

it('holds for what a server logs while it serves, in its order before the result', async () => {
  const client = await old('legacy');
  await client.call('s__test_tool_with_logging');
  expect(client.logged).toEqual(['Tool execution started', 'Tool [out] data', 'Tool execution completed']);
});

it('keeps what is told again to who comes back for a stream', async () => {
  const url = gateway.mcp('legacy');
  const { session } = await initialize(url);
  const params = { name: 's__test_tool_with_logging', arguments: {}, _meta: { progressToken: 1 } };
  const answer = await post(url, { jsonrpc: '2.0', id: 7, method: 'tools/call', params }, session);
  const first = /^id: (\S+)$/m.exec(answer.text)?.[1] ?? '';
  const again = await fetch(url, {
    headers: { authorization: `Bearer ${KEY}`, accept: 'text/event-stream', ...session, 'last-event-id': first },
  });
  const told = await again.text();
  expect(told).toContain('Tool [out] data');
  expect(told).not.toContain('processing');
});

describe('a server that is asked as it is', () => {
  const url = () => gateway.mcp('scripted');

  it('gets nothing of what is refused, and the log says so', async () => {
    const before = scripted.arrived.filter(({ body }) => body?.method === 'tools/call').length;
    const { messages, headers } = await call(url(), 1, 'same', { a: { b: ['never in'] } });
    expect(messages.at(-1)?.error?.data?.code).toBe('content_refused');
    expect(scripted.arrived.filter(({ body }) => body?.method === 'tools/call')).toHaveLength(before);
    const row = await gateway.row(headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ status: 'failed', errorCode: 'content_refused', facts: { 'terms.requests.refused': 1 } });
    expect((await call(url(), 2, 'secret')).messages.at(-1)?.error?.data?.code).toBe('content_refused');
  });

  it('has every text looked at and no byte of a picture', async () => {
    const { result } = (await call(url(), 1, 'media')).messages.at(-1) ?? {};
    expect(result.content).toMatchObject([
      { type: 'image', data: 'QWRhAda=' },
      { resource: { uri: 'file:///a', text: '[out] here' } },
      { type: 'resource_link', name: '[out] link' },
    ]);
    expect(result.structuredContent).toEqual({ '[out]': 1, '[out]_': 2, deep: [{ who: '[out]' }] });
  });

  it('tells nothing that was not looked at, where it says a thing twice', async () => {
    const { text: told, messages } = await call(url(), 1, 'twice');
    expect(told).not.toContain('Ada');
    expect(messages.at(-1)?.result.content).toEqual([{ type: 'text', text: 'fine' }]);
  });

  it('is given names of fields masked too', async () => {
    const masked = (await call(url(), 1, 'same', { Nightjar: { n: 1 }, plain: 'x' })).messages.at(-1)?.result.content[0].text;
    expect(JSON.parse(masked)).toEqual({ '[in]': { n: 1 }, plain: 'x' });
  });

  it('is not asked for an address with a term in it, however that is written', async () => {
    const { messages } = await modern(url(), 1, 'resources/read', { uri: 'file:///never%20in' });
    expect(messages.at(-1)?.error?.data?.code).toBe('content_refused');
    expect((await modern(url(), 1, 'resources/read', { uri: 'file:///Nightjar%20x' })).messages.at(-1)?.result.contents[0].uri).toBe(
      'file:///%5Bin%5D%20x',
    );
  });
});

describe('what is noted of a call inside a session', () => {
  const tool = (id: unknown, name: string, args: object = {}) => ({
    ...{ jsonrpc: '2.0', id, method: 'tools/call' },
    params: { name, arguments: args },
  });
  const facts = async ({ headers }: { readonly headers: Headers }, suffix = '') => {
    const { facts: noted } = await gateway.row(`${headers.get('x-weir-request-id')}${suffix}`);
    return noted;
  };

  it('is in its log row: of a client of the old way, answered in a document', async () => {
    const url = gateway.mcp('scripted');
    const { session } = await initialize(url);
    const refused = await post(url, tool(1, 'same', { a: 'never in' }), session);
    expect(refused.headers.get('content-type')).toContain('json');
    expect(refused.messages.at(-1)?.error?.data?.code).toBe('content_refused');
    expect(await facts(refused)).toMatchObject({ 'terms.requests.refused': 1, mcp: { outcome: 'error', tool: 'same' } });
    const masked = await post(url, tool(2, 'same', { a: 'Nightjar and Nightjar' }), session);
    expect(await facts(masked)).toMatchObject({ 'terms.requests.masked': 2, mcp: { outcome: 'complete' } });
    expect(await facts(await post(url, tool(3, 'same', { a: 'x' }), session))).toEqual({ mcp: expect.objectContaining({ tool: 'same' }) });
    const told = [...refused.headers.keys(), ...masked.headers.keys()];
    expect(told.filter((name) => /noted|ended/.test(name))).toEqual([]);
  });

  it('in a stream', async () => {
    const url = gateway.mcp('scripted');
    const { session } = await initialize(url);
    const late = await post(url, tool(1, 'late', { a: 'Nightjar' }), session);
    expect(late.headers.get('content-type')).toContain('event-stream');
    expect(late.headers.get('weir-noted')).toBeNull();
    expect(await facts(late)).toMatchObject({ 'terms.requests.masked': 1, 'terms.answers.refused': 2, mcp: { outcome: 'error' } });
  });

  it('in a batch, each of its own', async () => {
    const url = gateway.mcp('scripted');
    const { session } = await initialize(url);
    const batch = [tool('1', 'same', { a: 'Nightjar' }), tool(1, 'same', { a: 'never in' }), tool(3, 'same')];
    const answer = await post(url, batch, { ...session, 'mcp-protocol-version': '2025-03-26' });
    expect(answer.messages).toHaveLength(3);
    expect(await facts(answer)).toEqual({ 'terms.requests.masked': 1, mcp: expect.anything() });
    expect(await facts(answer, '.2')).toEqual({ 'terms.requests.refused': 1, mcp: expect.anything() });
    expect(await facts(answer, '.3')).toEqual({ mcp: expect.anything() });
  });

  it('of a client of the new way whose call waits in one, with the request that it came with', async () => {
    const url = gateway.mcp('legacy');
    const asking = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
    const params = { name: 's__test_elicitation', arguments: { message: 'Is Ada there, Nightjar?' } };
    const first = await modern(url, 1, 'tools/call', params, {}, asking);
    const { requestState, inputRequests } = first.messages.at(-1)?.result ?? {};
    expect(await facts(first)).toMatchObject({ 'terms.requests.masked': 1, 'terms.answers.masked': 1, mcp: { outcome: 'input-required' } });
    const [key = ''] = Object.keys(inputRequests);
    const inputResponses = { [key]: { action: 'accept', content: { response: 'Nightjar, Nightjar' } } };
    const second = await modern(url, 2, 'tools/call', { ...params, requestState, inputResponses }, {}, asking);
    expect(second.messages.at(-1)?.result.content[0].text).toContain('[in], [in]');
    expect(await facts(second)).toMatchObject({ 'terms.requests.masked': expect.any(Number), mcp: { outcome: 'complete' } });
  });

  it('of a client of HTTP+SSE', async () => {
    const left = new AbortController();
    onTestFinished(() => left.abort());
    const headers = { authorization: `Bearer ${KEY}`, accept: 'text/event-stream' };
    const stream = new Reading(await fetch(`${gateway.mcp('scripted')}/sse`, { headers, signal: left.signal }), left.signal);
    await until(() => stream.text.includes('\n\n'), 15_000, 'the address to post to');
    const to = `${gateway.url}${/^data: (.+)$/m.exec(stream.text)?.[1]}`;
    const said = { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'sse', version: '1' } };
    await post(to, { jsonrpc: '2.0', id: 0, method: 'initialize', params: said });
    await until(() => stream.text.includes('serverInfo'), 15_000, 'the session');
    const posted = await post(to, tool(1, 'same', { a: 'never in' }));
    expect(posted.status).toBe(202);
    await until(() => stream.text.includes('content_refused'), 15_000, 'the refusal');
    expect(await facts(posted)).toMatchObject({ 'terms.requests.refused': 1, mcp: { outcome: 'error' } });
  });
});

describe('the document', () => {
  const put = (document: object) => gateway.admin('/config?dryRun=1', { method: 'PUT', body: JSON.stringify(document) });
  const mcp = (policies: object[]) => ({
    routes: [{ name: 'm', kind: 'mcp', policies, sources: [{ kind: 'remote', url: modernOnly.url, prefix: 'a' }] }],
  });

  it.each([[{ use: 'models', allow: ['x'] }], [{ use: 'prompt', text: 'x' }], [{ use: 'cache', ttl: 1 }], [{ use: 'loop' }]])(
    'may not have %o in a route of kind mcp',
    async (policy) => {
      const body = await (await put(mcp([policy]))).json();
      expect(body).toMatchObject({
        valid: false,
        problems: [{ path: 'routes[0].policies[0].use', message: 'has no meaning for a route of kind "mcp"' }],
      });
    },
  );

  it('has for models what is for models alone, and serves the others without it', async () => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'openai/gpt-5', messages: [{ role: 'user', content: 'Nightjar' }] }),
    });
    expect(await answer.json()).toMatchObject({ error: { code: 'model_not_allowed' } });
  });
});
