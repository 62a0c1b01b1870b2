import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { makeFamily, makeKey } from '../tenants.ts';
import { startAgent, type TestAgent } from './a2a-agent.ts';
import { call, type McpGateway, modern, startMcpGateway } from './gateway.ts';
import { json, type Scripted, startScripted } from './scripted.ts';

// Agents of the official A2A SDK behind an MCP route, in both bindings of 1.0 and as they were in 0.3.

const WAYS = ['JSONRPC', 'HTTP+JSON', '0.3'] as const;
type Way = (typeof WAYS)[number];

let gateway: McpGateway;
let wild: Scripted;
const agents: { [way: string]: TestAgent } = {};
const routeOf: { readonly [way in Way]: string } = { JSONRPC: 'rpc', 'HTTP+JSON': 'rest', '0.3': 'former' };
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all([gateway?.stop(), wild?.close(), ...Object.values(agents).map((each) => each.close())]));
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close().catch(() => undefined)));
});

let wildCard: object = {};

beforeAll(async () => {
  gateway = await startMcpGateway();
  for (const way of WAYS) agents[way] = await startAgent(way);
  wild = await startScripted((_arrived, response) => json(response, wildCard));
  const source = (url: string, extra: object = {}) => [{ kind: 'a2a', url, prefix: 'art', poll: 400, ...extra }];
  const rpc = agents.JSONRPC?.origin ?? '';
  await gateway.publish(
    {
      rpc: source(rpc, { key: { value: 'agent-credential' } }),
      rest: source(agents['HTTP+JSON']?.origin ?? ''),
      former: source(agents['0.3']?.origin ?? ''),
      whole: source(rpc, { tools: 'message', conversations: true }),
      hasty: source(rpc),
      wild: source(wild.url),
    },
    {},
    { hasty: { timeout: 4_000, total: 4_500 } },
  );
});

interface Called {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly isError?: boolean;
}

interface AnyClient {
  tools(): Promise<readonly { readonly name: string; readonly description?: string | undefined }[]>;
  call(name: string, message: string, onprogress?: (at: { message?: string }) => void): Promise<Called>;
}

const requestInit = { headers: { authorization: `Bearer ${KEY}` } };
const answer = (asked: string) => ({ action: 'accept' as const, content: { answer: `${asked} Blue.` } });

async function old(route: string): Promise<AnyClient> {
  const client = new OldClient({ name: 'old', version: '1' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => answer(params.message));
  await client.connect(new OldTransport(new URL(gateway.mcp(route)), { requestInit }) as never);
  open.push(client);
  return {
    tools: async () => (await client.listTools()).tools,
    call: (name, message, onprogress) =>
      client.callTool(
        { name, arguments: { message } },
        undefined,
        onprogress === undefined ? {} : { onprogress: onprogress as never },
      ) as Promise<Called>,
  };
}

async function fresh(route: string): Promise<AnyClient> {
  const options = { capabilities: { elicitation: {} }, versionNegotiation: { mode: { pin: '2026-07-28' } } } as const;
  const client = new NewClient({ name: 'new', version: '1' }, options);
  client.setRequestHandler('elicitation/create', async ({ params }) => answer(params.message) as never);
  await client.connect(new NewTransport(new URL(gateway.mcp(route)), { requestInit }));
  open.push(client);
  return {
    tools: async () => (await client.listTools()).tools,
    call: (name, message, onprogress) =>
      client.callTool({ name, arguments: { message } }, (onprogress === undefined ? {} : { onprogress }) as never) as Promise<Called>,
  };
}

const texts = ({ content }: Called) => content.flatMap(({ text }) => text ?? []);

describe.each(
  WAYS.flatMap((way) => [
    { way, era: 'new', connect: fresh },
    { way, era: 'old', connect: old },
  ]),
)('an agent by $way, and a client of the $era way', ({ way, connect }) => {
  const agent = () => agents[way] as TestAgent;

  it('has its skills as tools', async () => {
    const tools = await (await connect(routeOf[way])).tools();
    expect(tools.map(({ name }) => name)).toEqual(['art__paint', 'art__re-frame_it']);
    expect(tools[0]?.description).toBe('Paints a picture.\nSuch as:\n- a red house');
  });

  it('works on a task, tells how it goes, and hands over what it made', async () => {
    const told: (string | undefined)[] = [];
    const result = await (await connect(routeOf[way])).call('art__paint', 'a house', ({ message }) => told.push(message));
    expect(result.isError ?? false).toBe(false);
    expect(result.content).toMatchObject([
      { type: 'text', text: 'done' },
      { type: 'text', text: '{"n":1}' },
      { type: 'image', mimeType: 'image/png', data: Buffer.from('picture').toString('base64') },
      { type: 'resource', resource: { mimeType: 'application/pdf', blob: Buffer.from('%PDF').toString('base64') } },
      { type: 'text', text: 'x.csv: https://files.example.com/x' },
    ]);
    expect(told).toContain('half way');
    expect(agent().said.at(-1)).toMatchObject({ text: 'a house', metadata: { skillId: 'paint' } });
  });

  it('answers at once, asks back, fails, and wants somebody to sign in', async () => {
    const client = await connect(routeOf[way]);
    expect(texts(await client.call('art__paint', 'now please'))).toEqual(['at once: now please']);
    expect(texts(await client.call('art__paint', 'ask me'))).toEqual(['you said: Which colour? Blue.']);
    expect(await client.call('art__paint', 'fail')).toMatchObject({ isError: true, content: [{ text: 'It went wrong.' }] });
    const signed = await client.call('art__paint', 'sign in');
    expect(signed.isError).toBe(true);
    expect(texts(signed)[0]).toContain('https://login.example.com');
  });
});

describe('an agent', () => {
  const agent = () => agents.JSONRPC as TestAgent;

  it('is shown the credential and the version, and nothing of the caller', async () => {
    await call(gateway.mcp('rpc'), 1, 'art__paint', { message: 'now' });
    const { headers } = agent().arrived.findLast(({ path }) => path === '/rpc') ?? { headers: {} };
    expect(headers).toMatchObject({ authorization: 'Bearer agent-credential', 'a2a-version': '1.0' });
    expect(JSON.stringify(agent().arrived)).not.toContain(KEY);
  });

  it('is told to stop when its time is over, and when nobody waits for it any more', async () => {
    const { messages } = await call(gateway.mcp('hasty'), 1, 'art__paint', { message: 'forever' });
    expect(messages.at(-1)?.error?.data?.code).toBe('upstream_timeout');
    await until(() => agent().cancelled.length === 1, 15_000, 'the agent is told');
    const gone = new AbortController();
    const asked = () => agent().arrived.filter(({ path }) => path === '/rpc').length;
    const before = asked();
    const params = { name: 'art__paint', arguments: { message: 'forever' } };
    const leaving = modern(gateway.mcp('rpc'), 1, 'tools/call', params, {}, {}, gone.signal);
    leaving.catch(() => undefined);
    await until(() => asked() > before, 15_000, 'the agent is asked');
    // Time to say what its task is called.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    gone.abort();
    await expect(leaving).rejects.toThrow();
    await until(() => agent().cancelled.length === 2, 15_000, 'the agent is told again');
  });

  it('asks nobody who cannot be asked, and is told to stop', async () => {
    const before = agent().cancelled.length;
    const { result } = (await call(gateway.mcp('rpc'), 1, 'art__paint', { message: 'ask' })).messages.at(-1) ?? {};
    expect(result).toMatchObject({ isError: true });
    expect(result.content[0].text).toContain('Which colour?');
    await until(() => agent().cancelled.length === before + 1, 15_000, 'the agent is told');
  });

  it('goes on with a conversation for the one who began it, and for nobody else', async () => {
    const url = gateway.mcp('whole');
    const ask = async (args: object, headers = {}) => (await call(url, 1, 'art__send_message', args, headers)).messages.at(-1)?.result;
    const first = await ask({ message: 'now one' });
    const token = /conversation: "([^"]+)"/.exec(first.content.at(-1).text)?.[1] ?? '';
    const begun = agent().said.at(-1)?.contextId;
    expect(token).not.toContain(begun);
    await ask({ message: 'now two', conversation: token });
    expect(agent().said.at(-1)).toMatchObject({ text: 'now two', contextId: begun });
    const { app } = await makeFamily(gateway, 'others');
    const { key } = await makeKey(gateway, { app, name: 'k' });
    const count = agent().said.length;
    expect(await ask({ message: 'now three', conversation: token }, { authorization: `Bearer ${key}` })).toMatchObject({ isError: true });
    expect(await ask({ message: 'now four', conversation: begun })).toMatchObject({ isError: true });
    expect(agent().said).toHaveLength(count);
  });

  it('says what is wrong with how it was called', async () => {
    for (const args of [{}, { message: 1 }, { message: 'x', data: 1 }, { message: 'x', conversation: 'x' }, { message: 'x', other: 1 }]) {
      expect((await call(gateway.mcp('rpc'), 1, 'art__paint', args)).messages.at(-1)?.result.isError).toBe(true);
    }
    expect((await call(gateway.mcp('rpc'), 1, 'art__nothing', {})).messages.at(-1)?.error?.code).toBe(-32602);
  });
});

describe('a card', () => {
  const list = async () => (await modern(gateway.mcp('wild'), 1, 'tools/list')).messages.at(-1);

  it.each([
    ['names an address of another origin', 'https://elsewhere.example.com/rpc', 'JSONRPC', '1.0'],
    ['names a private address', 'http://10.0.0.1/rpc', 'JSONRPC', '1.0'],
    ['is asked by gRPC alone', 'http://127.0.0.1:1/x', 'GRPC', '1.0'],
    ['is of a version to come', 'http://127.0.0.1:1/x', 'JSONRPC', '2.0'],
  ])('is not used where it %s', async (_what, url, protocolBinding, protocolVersion) => {
    wildCard = { name: 'Wild', skills: [], supportedInterfaces: [{ url, protocolBinding, protocolVersion }] };
    expect((await list())?.error?.data?.code).toBe('upstream_error');
    const { messages } = await call(gateway.mcp('wild'), 1, 'art__send_message', { message: 'x' });
    expect(messages.at(-1)?.error?.data?.code).toBe('upstream_invalid');
  });
});
