import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitationCompleteNotificationSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
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
  complete(prompt: string, argument: string, value: string): Promise<readonly string[]>;
  /** From a level on what is logged is told; gives the texts of one call. */
  logged(level: 'info' | 'error', name: string): Promise<readonly unknown[]>;
  /** Addresses that its user was asked to open. */
  readonly opened: readonly string[];
  /** Addresses of which the server said that they were opened. */
  readonly closed: readonly string[];
  onToolsChanged(listener: () => void): Promise<void>;
}

const requestInit = { headers: { authorization: `Bearer ${KEY}` } };
const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };
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

async function old(route: string, fetch?: typeof globalThis.fetch): Promise<AnyClient> {
  const client = new OldClient({ name: 'old', version: '1' }, { capabilities });
  const opened: string[] = [];
  const closed: string[] = [];
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    if (params.mode !== 'url') return ANSWERS.elicit(params.requestedSchema.properties);
    opened.push(params.url);
    return { action: 'accept' as const };
  });
  client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => void closed.push(params.elicitationId));
  client.setRequestHandler(CreateMessageRequestSchema, () => ANSWERS.sample);
  client.setRequestHandler(ListRootsRequestSchema, () => ANSWERS.roots);
  const transport = new OldTransport(new URL(gateway.mcp(route)), { requestInit, ...(fetch === undefined ? {} : { fetch }) });
  await client.connect(transport as never);
  open.push(client);
  return {
    version: () => transport.protocolVersion,
    call: (name, args = {}, options) => client.callTool({ name, arguments: { ...args } }, undefined, options as never) as Promise<Called>,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    complete: async (prompt, name, value) =>
      (await client.complete({ ref: { type: 'ref/prompt', name: prompt }, argument: { name, value } })).completion.values,
    logged: async (level, name) => {
      const found: unknown[] = [];
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void found.push(params.data));
      await client.setLoggingLevel(level);
      await client.callTool({ name });
      return found;
    },
    opened,
    closed,
    onToolsChanged: async (listener) => client.setNotificationHandler(ToolListChangedNotificationSchema, listener),
  };
}

/** A client of the new SDK, in the new way or in the old one. */
async function fresh(route: string, way: 'new' | 'old' = 'new'): Promise<AnyClient> {
  const versionNegotiation = { mode: way === 'new' ? { pin: '2026-07-28' as const } : ('legacy' as const) };
  const client = new NewClient({ name: 'new', version: '1' }, { capabilities, versionNegotiation });
  const opened: string[] = [];
  const closed: string[] = [];
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    if (params.mode === 'url') {
      opened.push(params.url);
      return { action: 'accept' };
    }
    return ANSWERS.elicit('requestedSchema' in params ? (params.requestedSchema as { properties: object }).properties : {}) as never;
  });
  client.setNotificationHandler('notifications/elicitation/complete', async ({ params }) => void closed.push(params.elicitationId));
  client.setRequestHandler('sampling/createMessage', async () => ANSWERS.sample as never);
  client.setRequestHandler('roots/list', async () => ANSWERS.roots);
  await client.connect(new NewTransport(new URL(gateway.mcp(route)), { requestInit }));
  open.push(client);
  return {
    version: () => client.getNegotiatedProtocolVersion(),
    call: (name, args = {}, options) => client.callTool({ name, arguments: { ...args } }, options as never) as Promise<Called>,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    complete: async (prompt, name, value) =>
      (await client.complete({ ref: { type: 'ref/prompt', name: prompt }, argument: { name, value } })).completion.values,
    logged: async (level, name) => {
      const found: unknown[] = [];
      client.setNotificationHandler('notifications/message', async ({ params }) => void found.push(params.data));
      if (way === 'old') await client.setLoggingLevel(level);
      await client.callTool({ name, ...(way === 'old' ? {} : { _meta: { 'io.modelcontextprotocol/logLevel': level } }) } as never);
      return found;
    },
    opened,
    closed,
    onToolsChanged: async (listener) => {
      client.setNotificationHandler('notifications/tools/list_changed', async () => listener());
      await client.listen({ toolsListChanged: true });
    },
  };
}
const freshOld = (route: string) => fresh(route, 'old');

const said = ({ content }: Called) => content.map(({ text }) => text).join('');
const newToOld = { connect: old, version: '2025-11-25' };
const bridges = [
  { name: 'new client, new server', connect: fresh, route: 'modern', asks: 'back', version: '2026-07-28' },
  { name: 'new client, old server', connect: fresh, route: 'legacy', asks: 'midway', version: '2026-07-28' },
  { name: 'old client, new server', ...newToOld, route: 'modern', asks: 'back' },
  { name: 'old client, old server', ...newToOld, route: 'legacy', asks: 'midway' },
  { name: 'new SDK in the old way, new server', connect: freshOld, version: '2025-11-25', route: 'modern', asks: 'back' },
  { name: 'new SDK in the old way, old server', connect: freshOld, version: '2025-11-25', route: 'legacy', asks: 'midway' },
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

  it('sends the user of the client where the server wants it', async () => {
    const client = await connect(route);
    if (asks === 'back') {
      expect(said(await client.call('test_input_required_url'))).toBe('signed in');
      expect(client.opened).toEqual(['https://auth.example/new']);
      return;
    }
    expect(said(await client.call('test_url_elicitation'))).toContain('action=accept');
    expect(client.opened).toEqual(['https://auth.example/sign-in']);
    if (version === '2026-07-28') {
      // Its revision has no ids for addresses, and so nobody says that one was opened.
      expect(client.closed).toEqual([]);
      expect(said(await client.call('test_url_required'))).toBe('signed in');
      expect(client.opened).toEqual(['https://auth.example/sign-in', 'https://auth.example/first']);
      return;
    }
    await until(() => client.closed.length === 1, 15_000, 'the server to say that it was opened');
    const elicitations = [expect.objectContaining({ mode: 'url', url: 'https://auth.example/first', elicitationId: 'first' })];
    await expect(client.call('test_url_required')).rejects.toMatchObject({ code: -32042, data: { elicitations } });
    expect(said(await client.call('test_url_required'))).toBe('signed in');
  });

  it('completes arguments', async () => {
    const client = await connect(route);
    expect(await client.complete('test_prompt_with_arguments', 'arg1', 'pa')).toEqual(['paris', 'park']);
  });

  it('tells what is logged to who wants to know', async () => {
    const client = await connect(route);
    if (route === 'modern') {
      expect(await client.logged('info', 'test_logging_tool')).toEqual(['only for who asked for a level']);
      expect(await client.logged('error', 'test_logging_tool')).toEqual([]);
    } else {
      const all = ['Tool execution started', 'Tool processing data', 'Tool execution completed'];
      expect(await client.logged('info', 'test_tool_with_logging')).toEqual(all);
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
    const [begun, before] = [server().begun(), server().cancelled()];
    const leave = new AbortController();
    const call = client.call('slow', {}, { signal: leave.signal });
    call.catch(() => undefined);
    await until(() => server().begun() > begun, 15_000, 'the call to arrive');
    leave.abort();
    await expect(call).rejects.toThrow();
    await until(() => server().cancelled() > before, 15_000, 'the server to be told');
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
  await until(() => changes === 1, 15_000, 'the change to be told');
});

it('tells an old client of resources that it subscribed to, at servers of both ways', async () => {
  for (const route of ['modern', 'legacy']) {
    const client = new OldClient({ name: 'old', version: '1' });
    const updated: string[] = [];
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri));
    await client.connect(new OldTransport(new URL(gateway.mcp(route)), { requestInit }) as never);
    open.push(client);
    await client.subscribeResource({ uri: 'test://watched-resource' });
    await until(
      async () => {
        await client.callTool({ name: 'test_trigger_update' });
        return updated.length > 0;
      },
      15_000,
      `the change to be told: ${route}`,
    );
    expect(updated[0]).toBe('test://watched-resource');
    await client.unsubscribeResource({ uri: 'test://watched-resource' });
  }
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
    15_000,
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

it.each(['modern', 'legacy'])('goes on where the connection of an old client broke in the middle of a call: %s', async (route) => {
  const asked: (string | null)[] = [];
  let isCut = false;
  const client = await old(route, async (input, init) => {
    const response = await fetch(input, init);
    if (init?.method === 'GET') asked.push(new Headers(init.headers).get('last-event-id'));
    if (isCut || !String(init?.body).includes('test_tool_with_progress')) return response;
    isCut = true;
    return new Response(brokenOff(response.body), response);
  });
  const seen: number[] = [];
  const call = client.call('test_tool_with_progress', {}, { onprogress: ({ progress }) => seen.push(progress) });
  expect((await call).isError ?? false).toBe(false);
  expect(seen.at(-1)).toBe(100);
  expect(new Set(seen).size).toBe(seen.length);
  expect(asked.at(-1)).toMatch(/^r[\da-f]{8}-\d+$/);
});

/** The first piece of a stream, and then an error. */
const brokenOff = (body: ReadableStream<Uint8Array> | null) => {
  const reader = body?.getReader();
  let pieces = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value } = (await reader?.read()) ?? {};
      pieces += 1;
      if (pieces > 1 || value === undefined) {
        await reader?.cancel();
        controller.error(new Error('the connection broke'));
      } else controller.enqueue(value);
    },
  });
};
