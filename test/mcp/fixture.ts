import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import {
  type CallToolResult,
  createMcpHandler,
  createRequestStateCodec,
  fromJsonSchema,
  type InputRequests,
  inputRequired,
  McpServer,
  ResourceTemplate,
  type ServerContext,
  UrlElicitationRequiredError,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

import { type Serve, type TaskServer, withTasks } from './tasks-extension.ts';

// A server of the protocol as the official SDK makes one, in both of its ways, with the tools, prompts and resources that
// the official conformance suite asks for by name.

export interface Fixture {
  readonly url: string;
  /** What arrived over HTTP, without bodies. */
  readonly requests: readonly { readonly method: string; readonly headers: IncomingMessage['headers'] }[];
  /** Calls of `slow` that have begun, and those that were cancelled. */
  readonly begun: () => number;
  readonly cancelled: () => number;
  /** Of its tasks: the ids, and how many were cancelled. */
  readonly tasks: Pick<TaskServer, 'ids' | 'cancelled'>;
  /** Forgets every session, as a server does that was started anew. */
  forget(): void;
  close(): Promise<void>;
}

export interface FixtureOptions {
  /** `modern`: only 2026-07-28; `legacy`: only what came before; `sse`: only HTTP+SSE, the transport of 2024-11-05. */
  readonly eras?: 'both' | 'modern' | 'legacy' | 'sse';
  readonly port?: number;
  /** With tasks, in the form of 2026-07-28. */
  readonly tasks?: true;
  /** Another server than the suite's. */
  readonly made?: () => McpServer;
}

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const SOUND = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (value: string): CallToolResult => ({ content: [{ type: 'text', text: value }] });
const form = (properties: Record<string, object>, required: string[] = Object.keys(properties)) => ({
  type: 'object' as const,
  properties,
  required,
});
const elicit = (message: string, field: string, type: 'string' | 'boolean' = 'string') =>
  inputRequired.elicit({ message, requestedSchema: form({ [field]: { type } }) as never });
const sample = (question: string) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: question } }], maxTokens: 50 });

/** Answers that a client brought with it, read without trusting them. */
function accepted(context: ServerContext, key: string, field: string): unknown {
  const answer = context.mcpReq.inputResponses?.[key] as { action?: string; content?: Record<string, unknown> } | undefined;
  return answer?.action === 'accept' ? answer.content?.[field] : undefined;
}

type Tool = (args: Record<string, unknown>, context: ServerContext) => Promise<unknown>;

interface State {
  readonly made: FixtureOptions['made'];
  readonly codec: ReturnType<typeof createRequestStateCodec<Record<string, unknown>>>;
  readonly transports: Map<string, WebStandardStreamableHTTPServerTransport>;
  begun: number;
  cancelled: number;
  /** Whether the last call was refused until an address is opened. */
  refused: boolean;
  changed(what: 'tools' | 'prompts' | 'watched'): void;
}

async function asked(context: ServerContext, method: string, params: object, say: (answer: never) => string): Promise<CallToolResult> {
  try {
    return text(say((await context.mcpReq.send({ method, params } as never)) as never));
  } catch (error) {
    return text(`not supported: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const elicited = (answer: { action?: string; content?: object }) =>
  `action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`;

const plain: { readonly [name: string]: Tool } = {
  test_simple_text: async () => text('This is a simple text response for testing.'),
  test_image_content: async () => ({ content: [{ type: 'image', data: PIXEL, mimeType: 'image/png' }] }),
  test_audio_content: async () => ({ content: [{ type: 'audio', data: SOUND, mimeType: 'audio/wav' }] }),
  test_embedded_resource: async () => ({
    content: [
      {
        type: 'resource',
        resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' },
      },
    ],
  }),
  test_multiple_content_types: async () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: PIXEL, mimeType: 'image/png' },
      {
        type: 'resource',
        resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data","value":123}' },
      },
    ],
  }),
  test_error_handling: async () => {
    throw new Error('This tool intentionally returns an error for testing');
  },
  test_streaming_elicitation: async () => text('nothing is asked'),
  test_logging_tool: async (_args, context) => {
    await context.mcpReq.log('info', 'only for who asked for a level');
    return text('logged');
  },
  test_tool_with_logging: async (_args, context) => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await context.mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
      await wait(30);
    }
    return text('Tool with logging executed successfully');
  },
  test_tool_with_progress: async (_args, context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
      await context.mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken: progressToken ?? 0, progress, total: 100 },
      });
      // The SDK's clients lose progress that comes in one piece with the answer: they look at that first.
      await wait(250);
    }
    return text(String(progressToken ?? 'no token'));
  },
  test_missing_capability: async (_args, context) =>
    context.mcpReq.inputResponses?.llm === undefined ? inputRequired({ inputRequests: { llm: sample('Say pong') } }) : text('pong'),
  test_input_required_result_elicitation: async (_args, context) => {
    const name = accepted(context, 'user_name', 'name');
    return typeof name === 'string'
      ? text(`Hello, ${name}!`)
      : inputRequired({ inputRequests: { user_name: elicit('What is your name?', 'name') } });
  },
  test_input_required_result_sampling: async (_args, context) => {
    const answer = context.mcpReq.inputResponses?.capital_question as { content?: { text?: string } } | undefined;
    const said = answer?.content?.text;
    return said === undefined
      ? inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?') } })
      : text(`Sampled: ${said}`);
  },
  test_input_required_result_list_roots: async (_args, context) => {
    const answer = context.mcpReq.inputResponses?.client_roots as { roots?: { uri: string }[] } | undefined;
    if (!Array.isArray(answer?.roots)) return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    return text(`Roots: ${answer.roots.map(({ uri }) => uri).join(', ')}`);
  },
  test_input_required_result_capabilities: async (_args, context) => {
    if (context.mcpReq.inputResponses !== undefined) return text('answered');
    const declared = (context.mcpReq.envelope as Record<string, Record<string, unknown>> | undefined)?.[
      'io.modelcontextprotocol/clientCapabilities'
    ];
    const inputRequests: InputRequests = {};
    if (declared?.elicitation !== undefined) inputRequests.user_name = elicit('What is your name?', 'name');
    if (declared?.sampling !== undefined) inputRequests.greeting = sample('Generate a greeting');
    if (declared?.roots !== undefined) inputRequests.client_roots = inputRequired.listRoots();
    return Object.keys(inputRequests).length === 0 ? text('nothing can be asked') : inputRequired({ inputRequests });
  },
  // Of the old way, where a server asks in the middle of a call.
  test_elicitation_sep1034_defaults: (_args, context) =>
    asked(context, 'elicitation/create', { message: 'Defaults', requestedSchema: DEFAULTS }, elicited),
  test_elicitation_sep1330_enums: (_args, context) =>
    asked(context, 'elicitation/create', { message: 'Enums', requestedSchema: ENUMS }, elicited),
  test_roots: (_args, context) =>
    asked(
      context,
      'roots/list',
      {},
      (answer: { roots?: { uri: string }[] }) => `Roots: ${(answer.roots ?? []).map(({ uri }) => uri).join(', ')}`,
    ),
};

const DEFAULTS = form(
  {
    name: { type: 'string', description: 'User name', default: 'John Doe' },
    age: { type: 'integer', description: 'User age', default: 30 },
    score: { type: 'number', description: 'User score', default: 95.5 },
    status: { type: 'string', description: 'User status', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', description: 'Verification status', default: true },
  },
  [],
);

const titled = (prefix: string) => [1, 2, 3].map((at) => ({ const: `${prefix}${at}`, title: `Choice ${at}` }));
const ENUMS = form(
  {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled('value') },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
    untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled('value') } },
  },
  [],
);

/** Tools that need something of the server's own. */
const stateful = (state: State): { readonly [name: string]: Tool } => ({
  // An address that a user has to open: asked for in the middle of a call, and as the reason why there is no answer yet.
  test_url_elicitation: async (_args, context) => {
    const elicitationId = 'the-only-one';
    const params = { mode: 'url', message: 'Sign in', url: 'https://auth.example/sign-in', elicitationId };
    const answer = await asked(context, 'elicitation/create', params, elicited);
    await context.mcpReq.notify({ method: 'notifications/elicitation/complete', params: { elicitationId } });
    return answer;
  },
  test_url_required: async () => {
    state.refused = !state.refused;
    if (!state.refused) return text('signed in');
    const url = 'https://auth.example/first';
    throw new UrlElicitationRequiredError([{ mode: 'url', message: 'Sign in first', url, elicitationId: 'first' }]);
  },
  test_input_required_url: async (_args, context) => {
    const answer = context.mcpReq.inputResponses?.consent as { action?: string } | undefined;
    if (answer?.action === 'accept') return text('signed in');
    return inputRequired({ inputRequests: { consent: inputRequired.elicitUrl({ message: 'Sign in', url: 'https://auth.example/new' }) } });
  },
  test_reconnection: async (_args, context) => {
    const transport = context.sessionId === undefined ? undefined : state.transports.get(context.sessionId);
    transport?.closeSSEStream(context.mcpReq.id);
    await wait(100);
    return text('Reconnection test completed successfully.');
  },
  slow: async (_args, context) => {
    state.begun += 1;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 60_000);
      context.mcpReq.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        state.cancelled += 1;
        resolve();
      });
    });
    return text('late');
  },
  test_trigger_tool_change: async () => {
    state.changed('tools');
    return text('told');
  },
  test_trigger_update: async (_args, context) => {
    if (context.sessionId === undefined) state.changed('watched');
    else await context.mcpReq.notify({ method: 'notifications/resources/updated', params: { uri: 'test://watched-resource' } });
    return text('told');
  },
  test_trigger_prompt_change: async () => {
    state.changed('prompts');
    return text('told');
  },
  test_input_required_result_request_state: async (_args, context) => {
    if (accepted(context, 'confirm', 'ok') !== undefined && context.mcpReq.requestState() !== undefined) return text('state-ok');
    return inputRequired({
      inputRequests: { confirm: elicit('Please confirm', 'ok', 'boolean') },
      requestState: await state.codec.mint({ tool: 'state' }),
    });
  },
  test_input_required_result_tampered_state: async (_args, context) => {
    if (accepted(context, 'confirm', 'ok') !== undefined && context.mcpReq.requestState() !== undefined) return text('integrity-ok');
    return inputRequired({
      inputRequests: { confirm: elicit('Please confirm', 'ok', 'boolean') },
      requestState: await state.codec.mint({ tool: 'tampered' }),
    });
  },
  test_input_required_result_multiple_inputs: async (_args, context) => {
    const name = accepted(context, 'user_name', 'name');
    const { greeting, client_roots: roots } = (context.mcpReq.inputResponses ?? {}) as {
      greeting?: { content?: { text?: string } };
      client_roots?: { roots?: unknown[] };
    };
    if (typeof name === 'string' && greeting?.content?.text !== undefined && Array.isArray(roots?.roots)) {
      return text(`${greeting.content.text} ${name}, ${roots.roots.length} roots`);
    }
    return inputRequired({
      inputRequests: {
        user_name: elicit('What is your name?', 'name'),
        greeting: sample('Generate a greeting'),
        client_roots: inputRequired.listRoots(),
      },
      requestState: await state.codec.mint({ tool: 'multiple' }),
    });
  },
  test_input_required_result_multi_round: async (_args, context) => {
    const before = context.mcpReq.requestState<Record<string, unknown>>();
    if (before?.round === 2) return text(`${String(before.name)} likes ${String(accepted(context, 'step2', 'color'))}`);
    const name = before?.round === 1 ? accepted(context, 'step1', 'name') : undefined;
    return name === undefined
      ? inputRequired({
          inputRequests: { step1: elicit('Your name?', 'name') },
          requestState: await state.codec.mint({ round: 1, nonce: randomBytes(4).toString('hex') }),
        })
      : inputRequired({
          inputRequests: { step2: elicit('Your color?', 'color') },
          requestState: await state.codec.mint({ round: 2, name: String(name) }),
        });
  },
});

/** Its schema as it stands here, every keyword of it. */
const SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
} as const;

function serverOf(state: State): McpServer {
  if (state.made !== undefined) return state.made();
  const server = new McpServer(
    { name: 'fixture', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: state.codec.verify },
    },
  );
  for (const [name, tool] of Object.entries({ ...plain, ...stateful(state) })) {
    server.registerTool(
      name,
      { description: `Does what ${name} says`, inputSchema: z.object({}) },
      (args, context) => tool(args, context) as never,
    );
  }
  const prompted = (name: string, field: string, tool: Tool) =>
    server.registerTool(
      name,
      { description: name, inputSchema: z.object({ [field]: z.string() }) },
      (args, context) => tool(args, context) as never,
    );
  prompted('echo', 'text', async (args) => ({ ...text(String(args.text)), structuredContent: { said: args.text } }));
  prompted('test_sampling', 'prompt', (args, context) =>
    asked(
      context,
      'sampling/createMessage',
      { messages: [{ role: 'user', content: { type: 'text', text: args.prompt } }], maxTokens: 100 },
      (answer: { content?: { text?: string } }) => `LLM response: ${answer.content?.text}`,
    ),
  );
  prompted('test_elicitation', 'message', (args, context) =>
    asked(context, 'elicitation/create', { message: args.message, requestedSchema: form({ response: { type: 'string' } }) }, elicited),
  );
  server.registerTool(
    'test_x_mcp_header',
    {
      description: 'Wants a header',
      inputSchema: fromJsonSchema({ type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } as never),
    },
    async (args) => text(`region=${(args as { region?: string }).region ?? 'none'}`),
  );
  server.registerTool('json_schema_2020_12_tool', { description: 'A whole schema', inputSchema: fromJsonSchema(SCHEMA) }, async (args) =>
    text(JSON.stringify(args)),
  );
  addResources(server);
  addPrompts(server);
  server.server.setRequestHandler('resources/subscribe', async () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', async () => ({}));
  server.server.setRequestHandler('logging/setLevel', async () => ({}));
  server.server.setRequestHandler('completion/complete', async () => ({
    completion: { values: ['paris', 'park'], total: 2, hasMore: false },
  }));
  return server;
}

function addResources(server: McpServer): void {
  const fixed = (name: string, content: object) =>
    server.registerResource(name, `test://${name}`, { title: name, mimeType: 'text/plain' }, async () => ({
      contents: [{ uri: `test://${name}`, ...content } as never],
    }));
  fixed('static-text', { mimeType: 'text/plain', text: 'This is the content of the static text resource.' });
  fixed('static-binary', { mimeType: 'image/png', blob: PIXEL });
  fixed('watched-resource', { mimeType: 'text/plain', text: 'Watched resource content' });
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { title: 'template' },
    async (uri, { id }) => ({
      contents: [
        { uri: uri.toString(), mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) },
      ],
    }),
  );
}

function addPrompts(server: McpServer): void {
  const said = (content: object) => ({ messages: [{ role: 'user' as const, content: content as never }] });
  server.registerPrompt('test_simple_prompt', { description: 'Without arguments' }, async () =>
    said({ type: 'text', text: 'This is a simple prompt for testing.' }),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'With arguments', argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) },
    async ({ arg1, arg2 }) => said({ type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'With a resource', argsSchema: z.object({ resourceUri: z.string() }) },
    async ({ resourceUri: uri }) =>
      said({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'With an image' }, async () =>
    said({ type: 'image', data: PIXEL, mimeType: 'image/png' }),
  );
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks back' }, (async (context: ServerContext) => {
    const given = accepted(context, 'user_context', 'context');
    if (typeof given === 'string') return said({ type: 'text', text: `Use the following context: ${given}` });
    return inputRequired({ inputRequests: { user_context: elicit('What context?', 'context') } });
  }) as never);
}

export async function startFixture({ eras = 'both', port = 0, made, tasks }: FixtureOptions = {}): Promise<Fixture> {
  const requests: { method: string; headers: IncomingMessage['headers'] }[] = [];
  const state: State = {
    codec: createRequestStateCodec<Record<string, unknown>>({ key: randomBytes(32) }),
    made,
    transports: new Map(),
    begun: 0,
    cancelled: 0,
    refused: false,
    changed: (what) => {
      if (what === 'watched') modern.notify.resourceUpdated('test://watched-resource');
      else if (what === 'tools') modern.notify.toolsChanged();
      else modern.notify.promptsChanged();
    },
  };
  const modern = createMcpHandler(() => serverOf(state), { legacy: 'reject' });
  const legacy = legacyHandler(state);
  const asTasks = withTasks((request, body) => modern.fetch(request, { parsedBody: body }));
  const serve: Serve = (request, body) => {
    const meta = (body as { params?: { _meta?: object } } | undefined)?.params?._meta ?? {};
    const isModern =
      Object.hasOwn(meta, 'io.modelcontextprotocol/protocolVersion') || request.headers.get('mcp-protocol-version') === '2026-07-28';
    if (eras === 'modern' || (eras === 'both' && isModern)) {
      return tasks === true ? asTasks.serve(request, body) : modern.fetch(request, { parsedBody: body });
    }
    return legacy(request, body);
  };
  const sse = sseHandler(state);
  const http = createServer((request, response) => {
    if (eras !== 'sse') return void handle(request, response, serve, requests);
    requests.push({ method: request.method ?? '', headers: request.headers });
    void sse.handle(request, response);
  });
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    requests,
    begun: () => state.begun,
    cancelled: () => state.cancelled,
    tasks: asTasks,
    forget: () => {
      state.transports.clear();
      sse.forget();
    },
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** Sessions with a log of events, so that a stream can be taken up again. */
function legacyHandler(state: State): Serve {
  return async (request, body) => {
    const id = request.headers.get('mcp-session-id');
    const known = id === null ? undefined : state.transports.get(id);
    if (known !== undefined) return known.handleRequest(request, { parsedBody: body });
    const isFirst = (body as { method?: string } | undefined)?.method === 'initialize';
    if (!isFirst) {
      const error = { code: -32001, message: id === null ? 'Session ID required' : 'Session not found' };
      return Response.json({ jsonrpc: '2.0', id: null, error }, { status: id === null ? 400 : 404 });
    }
    const events: { id: string; stream: string; message: unknown }[] = [];
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomBytes(16).toString('hex'),
      retryInterval: 300,
      eventStore: {
        async storeEvent(stream, message) {
          const event = { id: `${stream}::${events.length}`, stream, message };
          events.push(event);
          return event.id;
        },
        async replayEventsAfter(last, { send }) {
          const from = events.findIndex((event) => event.id === last);
          const stream = events[from]?.stream ?? '';
          for (const event of events.slice(from + 1))
            if (event.stream === stream && Object.keys(event.message as object).length > 0) await send(event.id, event.message as never);
          return stream;
        },
      },
      onsessioninitialized: (session) => void state.transports.set(session, transport),
    });
    await serverOf(state).connect(transport);
    return transport.handleRequest(request, { parsedBody: body });
  };
}

/** The old transport, from the SDK that still has it: a stream, and what is posted beside it. */
function sseHandler(state: State) {
  const transports = new Map<string, SSEServerTransport>();
  return {
    forget() {
      for (const transport of transports.values()) void transport.close();
      transports.clear();
    },
    async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
      if (request.method === 'GET' && pathname === '/mcp') {
        const transport = new SSEServerTransport('/messages', response);
        transports.set(transport.sessionId, transport);
        response.on('close', () => transports.delete(transport.sessionId));
        await serverOf(state).connect(transport as never);
        return;
      }
      const transport = pathname === '/messages' ? transports.get(searchParams.get('sessionId') ?? '') : undefined;
      if (transport === undefined) return void response.writeHead(pathname === '/mcp' ? 405 : 404).end();
      await transport.handlePostMessage(request, response);
    },
  };
}

async function handle(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  serve: Serve,
  requests: Fixture['requests'] & unknown[],
): Promise<void> {
  requests.push({ method: incoming.method ?? '', headers: incoming.headers });
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces).toString();
  const left = new AbortController();
  outgoing.on('close', () => left.abort());
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) if (value !== undefined) headers.set(name, String(value));
  const request = new Request(`http://127.0.0.1${incoming.url}`, {
    method: incoming.method ?? 'GET',
    headers,
    signal: left.signal,
    ...(body === '' ? {} : { body }),
  });
  const response = await serve(request, body === '' ? undefined : JSON.parse(body));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else
    Readable.fromWeb(response.body as never)
      .on('error', () => outgoing.destroy())
      .pipe(outgoing);
}
