import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY } from '../gateway.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
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
