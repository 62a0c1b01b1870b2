import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { type McpGateway, startMcpGateway } from './gateway.ts';

// Clients of the official SDKs, of the old way (1.x) and of the new one (2.x), on servers of either: four bridges, and on
// each what servers ask their clients in the middle of a call.

let modernOnly: Fixture;
let legacyOnly: Fixture;
let gateway: McpGateway;
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all([gateway?.stop(), modernOnly?.close(), legacyOnly?.close()]));
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close().catch(() => undefined)));
});

beforeAll(async () => {
  [modernOnly, legacyOnly, gateway] = await Promise.all([
    startFixture({ eras: 'modern' }),
    startFixture({ eras: 'legacy' }),
    startMcpGateway(),
  ]);
  await gateway.publish(
    { modern: [{ url: modernOnly.url, prefix: '' }], legacy: [{ url: legacyOnly.url, prefix: '' }] },
    { limits: { ping: 300 } },
  );
});

interface Called {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly isError?: boolean;
}

/** What both SDKs' clients can do, as these tests use them. */
interface AnyClient {
  readonly version: () => string | undefined;
  call(
    name: string,
    args?: object,
    options?: { readonly onprogress?: (at: { progress: number }) => void; readonly signal?: AbortSignal; readonly timeout?: number },
  ): Promise<Called>;
  tools(): Promise<readonly string[]>;
  onToolsChanged(listener: () => void): Promise<void>;
}

const requestInit = { headers: { authorization: `Bearer ${KEY}` } };
const capabilities = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
const ANSWERS = {
  elicit: (properties: object) => {
    const content: { [field: string]: string | boolean } = {};
    for (const [field, schema] of Object.entries(properties))
      content[field] = (schema as { type?: string }).type === 'boolean' ? true : `my ${field}`;
    return { action: 'accept' as const, content };
  },
  sample: { model: 'm', role: 'assistant' as const, content: { type: 'text' as const, text: 'Paris' } },
  roots: { roots: [{ uri: 'file:///home', name: 'home' }] },
};

async function old(route: string): Promise<AnyClient> {
  const client = new OldClient({ name: 'old', version: '1' }, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) =>
    ANSWERS.elicit('requestedSchema' in params ? params.requestedSchema.properties : {}),
  );
  client.setRequestHandler(CreateMessageRequestSchema, () => ANSWERS.sample);
  client.setRequestHandler(ListRootsRequestSchema, () => ANSWERS.roots);
  const transport = new OldTransport(new URL(gateway.mcp(route)), { requestInit });
  await client.connect(transport as never);
  open.push(client);
  return {
    version: () => transport.protocolVersion,
    call: (name, args = {}, options) => client.callTool({ name, arguments: { ...args } }, undefined, options as never) as Promise<Called>,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    onToolsChanged: async (listener) => client.setNotificationHandler(ToolListChangedNotificationSchema, listener),
  };
}

async function fresh(route: string): Promise<AnyClient> {
  const client = new NewClient({ name: 'new', version: '1' }, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  client.setRequestHandler(
    'elicitation/create',
    async ({ params }) =>
      ANSWERS.elicit('requestedSchema' in params ? (params.requestedSchema as { properties: object }).properties : {}) as never,
  );
  client.setRequestHandler('sampling/createMessage', async () => ANSWERS.sample as never);
  client.setRequestHandler('roots/list', async () => ANSWERS.roots);
  await client.connect(new NewTransport(new URL(gateway.mcp(route)), { requestInit }));
  open.push(client);
  return {
    version: () => client.getNegotiatedProtocolVersion(),
    call: (name, args = {}, options) => client.callTool({ name, arguments: { ...args } }, options as never) as Promise<Called>,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    onToolsChanged: async (listener) => {
      client.setNotificationHandler('notifications/tools/list_changed', async () => listener());
      await client.listen({ toolsListChanged: true });
    },
  };
}

const said = ({ content }: Called) => content.map(({ text }) => text).join('');
const newToOld = { connect: old, version: '2025-11-25' };
const bridges = [
  { name: 'new client, new server', connect: fresh, route: 'modern', asks: 'back', version: '2026-07-28' },
  { name: 'new client, old server', connect: fresh, route: 'legacy', asks: 'midway', version: '2026-07-28' },
  { name: 'old client, new server', ...newToOld, route: 'modern', asks: 'back' },
  { name: 'old client, old server', ...newToOld, route: 'legacy', asks: 'midway' },
] as const;

describe.each(bridges)('$name', ({ connect, route, asks, version }) => {
  const server = () => (route === 'modern' ? modernOnly : legacyOnly);

  it('lists, calls, and speaks the revision of its client', async () => {
    const client = await connect(route);
    expect(client.version()).toBe(version);
    expect(await client.tools()).toContain('test_simple_text');
    expect(said(await client.call('echo', { text: 'grüße "\u2028" 🦀' }))).toBe('grüße "\u2028" 🦀');
    expect((await client.call('test_error_handling')).isError).toBe(true);
  });

  it('puts to the client what the server asks it', async () => {
    const client = await connect(route);
    if (asks === 'back') {
      expect(said(await client.call('test_input_required_result_elicitation'))).toBe('Hello, my name!');
      expect(said(await client.call('test_input_required_result_multiple_inputs'))).toBe('Paris my name, 1 roots');
      expect(said(await client.call('test_input_required_result_multi_round'))).toBe('my name likes my color');
      expect(said(await client.call('test_input_required_result_request_state'))).toBe('state-ok');
    } else {
      expect(said(await client.call('test_elicitation', { message: 'Well?' }))).toContain(
        'action=accept, content={"response":"my response"}',
      );
      expect(said(await client.call('test_sampling', { prompt: 'Capital?' }))).toBe('LLM response: Paris');
      expect(said(await client.call('test_roots'))).toBe('Roots: file:///home');
    }
  });

  it('tells progress to who asked for it, as its own', async () => {
    const client = await connect(route);
    const seen: number[][] = [[], []];
    const both = await Promise.all(
      seen.map((each) => client.call('test_tool_with_progress', {}, { onprogress: ({ progress }) => each.push(progress) })),
    );
    expect(both.map(({ isError }) => isError ?? false)).toEqual([false, false]);
    expect(seen).toEqual([
      [0, 50, 100],
      [0, 50, 100],
    ]);
  });

  it('cancels at the server what the client cancels', async () => {
    const client = await connect(route);
    const before = server().cancelled();
    const leave = new AbortController();
    const call = client.call('slow', {}, { signal: leave.signal });
    setTimeout(() => leave.abort(), 700);
    await expect(call).rejects.toThrow();
    await until(() => server().cancelled() > before, 5_000, 'the server to be told');
  });
});

it('tells a new client what changes at a new server, and nothing that it did not ask for', async () => {
  const client = await fresh('modern');
  let changes = 0;
  await client.onToolsChanged(() => {
    changes += 1;
  });
  await client.call('test_trigger_prompt_change');
  await client.call('test_trigger_tool_change');
  await until(() => changes === 1, 5_000, 'the change to be told');
});

it('tells an old client what changes at a new server', async () => {
  const client = await old('modern');
  let changes = 0;
  await client.onToolsChanged(() => {
    changes += 1;
  });
  await until(
    async () => {
      await client.call('test_trigger_tool_change');
      return changes > 0;
    },
    8_000,
    'the change to be told',
  );
});

it('begins anew, once and unseen, where an old server has lost its sessions', async () => {
  const client = await old('legacy');
  expect(said(await client.call('echo', { text: 'one' }))).toBe('one');
  legacyOnly.forget();
  expect(said(await client.call('echo', { text: 'two' }))).toBe('two');
});

it('takes a stream up again that an old server ends in the middle of a call', async () => {
  const client = await old('legacy');
  expect(said(await client.call('test_reconnection'))).toContain('completed');
  const modern = await fresh('legacy');
  expect(said(await modern.call('test_reconnection'))).toContain('completed');
});
