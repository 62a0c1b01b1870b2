import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { digestOf } from '../../core/ledger/canonical.ts';
import type { Ports } from '../../core/ports.ts';
import { discover } from './discover.ts';
import { serveListen } from './listening.ts';
import { Outlet, pingOfRequest } from './outlet.ts';
import { Sealer } from './seal.ts';
import { type SessionAsk, WANTS_DOCUMENT, writeAsk } from './session/ask.ts';
import { clientSession, sharedSession } from './session/host.ts';
import type { McpSettings } from './settings.ts';
import type { Caller, Client, SourceContext } from './sources/source.ts';
import { type Asked, openSources, VirtualServer } from './virtual.ts';
import type { Inbound } from './wire/classify.ts';
import { codes, RpcError, rpcErrorOf, UNANSWERED } from './wire/errors.ts';
import { paramHeaders } from './wire/headers.ts';
import { errorText, type Message, notificationText, type RpcId, type RpcRequest, requestText, resultText } from './wire/message.ts';
import { isLegacy } from './wire/versions.ts';

/** One HTTP request to a route, let in. */
export interface McpArrival {
  readonly request: Request;
  readonly requestId: string;
  readonly route: string;
  readonly settings: McpSettings;
  readonly who: Identity;
  /** What the caller says of all its calls: headers of the run, the user, the attribution. */
  attribution(): { readonly [name: string]: string };
  /** Whose sessions, cursors and kept states are: nobody else's request reaches them. */
  readonly principal: string;
  readonly caller: Caller;
  /** The token the caller came with, where a source of the route has it exchanged. */
  readonly token?: string | undefined;
  readonly ports: Ports;
  /** Milliseconds between two signs of life of a stream. */
  readonly ping: number;
  /** Records a fact in the log row. */
  note(fact: string, value: Json): void;
  /** Has a chat call of the caller's own answered by the gateway itself. */
  chat(body: JsonObject, signal: AbortSignal): Promise<Response>;
}

/** Milliseconds for which a session is waited for behind an answer. */
const BEHIND = 5_000;

/** One server for every revision of a route an isolate: plain data only outlives a request in it. */
const servers = new WeakMap<McpSettings, VirtualServer>();

function serverOf(settings: McpSettings, { clock, egress, secrets, credentials }: Ports): VirtualServer {
  let server = servers.get(settings);
  if (server === undefined) {
    server = new VirtualServer(
      openSources(settings, { ports: { clock, egress, secrets, credentials } }),
      settings.limits,
      clock,
      settings.policies,
      settings.showing,
    );
    servers.set(settings, server);
  }
  return server;
}

/** Answers a POST. Throws what is wrong with it before it is anybody's request. */
export async function servePost(inbound: Inbound, arrival: McpArrival): Promise<Response> {
  if (inbound.era === 'legacy') return serveLegacy(inbound, arrival);
  const { client, message } = inbound;
  if (message.type === 'response')
    throw new RpcError(codes.invalidRequest, 'Revision 2026-07-28 has no answers from clients.', { status: 400 });
  const server = serverOf(arrival.settings, arrival.ports);
  const left = new AbortController();
  const leave = () => left.abort(arrival.request.signal.reason ?? new Error('the client has left'));
  if (arrival.request.signal.aborted) leave();
  arrival.request.signal.addEventListener('abort', leave, { once: true });
  const context = contextOf(arrival, client, left.signal);
  const headers = inbound.isIndirect === true ? {} : { headers: paramHeaders(arrival.request.headers) };
  const asked: Asked = { method: message.method, params: message.params, ...headers };
  if (await server.needsSession(asked, context))
    return askSession(sharedSession(arrival.route), arrival, { ...modernAsk(arrival, client, message), ...headers });
  if (message.type === 'notification') {
    await server.notify(message.method, message.params.json(), context);
    return new Response(null, { status: 202 });
  }
  const isListening = message.method === 'subscriptions/listen';
  const outlet = new Outlet({ ping: isListening ? arrival.ping : pingOfRequest(arrival.ping), left: leave });
  arrival.ports.after(run(server, message, asked, context, outlet, arrival));
  return outlet.response;
}

/** Serves a modern request where it came in: nothing of it has to be kept. */
async function run(
  server: VirtualServer,
  { id, method, params }: RpcRequest,
  asked: Asked,
  context: SourceContext,
  outlet: Outlet,
  arrival: McpArrival,
) {
  const told: SourceContext = { ...context, notify: (name, said) => outlet.tell(notificationText(name, said), true) };
  try {
    const sealer = new Sealer(arrival.ports.continuity, arrival.ports.clock, arrival.principal);
    if (method === 'subscriptions/listen') return await serveListen(server, { type: 'request', id, method, params }, told, outlet, sealer);
    const page = await server.page(asked, told, sealer);
    if (page !== undefined) return outlet.finish(page.message(id));
    const result = method === 'server/discover' ? await discover(server, told) : await server.request(asked, told, sealer);
    outlet.finish(resultText(id, result));
  } catch (thrown) {
    const error = rpcErrorOf(thrown, arrival.requestId);
    outlet.finish(errorText(id, error), error.status ?? 200);
  }
}

async function serveLegacy(inbound: Inbound & { readonly era: 'legacy' }, arrival: McpArrival): Promise<Response> {
  const { messages, isBatch } = inbound;
  const texts = messages.map(textOf);
  const isFirst = messages.some((message) => message.type === 'request' && message.method === 'initialize');
  if (isFirst && messages.length > 1) throw new RpcError(codes.invalidRequest, 'initialize stands in no batch.', { status: 400 });
  const id = isFirst ? newSessionId() : sessionIdOf(arrival.request);
  const ask = { ...asking(arrival, 'post'), sessionId: id, messages: texts, isBatch };
  return askSession(clientSession(arrival.route, id), arrival, ask, { isNew: isFirst });
}

/** The stream of a client of 2024-11-05 ("HTTP with SSE"), which is its session. It begins with where the client posts. */
export function serveSse(arrival: McpArrival): Promise<Response> {
  const { request, route } = arrival;
  if (!/text\/event-stream|\*\/\*/.test(request.headers.get('accept') ?? '*/*')) {
    throw new RpcError(codes.invalidRequest, 'A stream is asked for with Accept: text/event-stream.', { status: 406 });
  }
  const id = newSessionId();
  const query = new URLSearchParams({ session: id });
  // Who showed a key in the address has no other place for it.
  const key = new URL(request.url).searchParams.get('key');
  if (key !== null) query.set('key', key);
  const endpoint = `/mcp/${encodeURIComponent(route)}/messages?${query}`;
  return askSession(clientSession(route, id), arrival, { ...asking(arrival, 'sse'), sessionId: id, endpoint }, { isNew: true });
}

/** What such a client posts. The answers come on its stream; the body of what is returned tells of them, for the log. */
export function serveMessage(inbound: Inbound, arrival: McpArrival): Promise<Response> {
  if (inbound.era === 'modern') throw new RpcError(codes.invalidRequest, 'This revision of the protocol has no HTTP+SSE.', { status: 400 });
  const id = new URL(arrival.request.url).searchParams.get('session');
  if (id === null) throw new RpcError(codes.invalidRequest, 'The parameter `session` is missing: begin with the stream.', { status: 400 });
  if (!SESSION_ID.test(id)) throw new RpcError(-32001, 'Session not found', { status: 404 });
  const { messages, isBatch } = inbound;
  const ask = { ...asking(arrival, 'message'), sessionId: id, messages: messages.map(textOf), isBatch };
  return askSession(clientSession(arrival.route, id), arrival, ask);
}

/** Has the session of a client of the old way stop what it does for some of its requests: nobody may hear the answers. Never rejects. */
export async function cancelInSession(ids: readonly RpcId[], arrival: McpArrival): Promise<void> {
  const sessionId = sessionIdOf(arrival.request);
  const messages = ids.map((requestId) => notificationText('notifications/cancelled', { requestId }));
  const ask = { ...asking(arrival, 'post'), sessionId, messages };
  await askSession(clientSession(arrival.route, sessionId), arrival, ask, { signal: AbortSignal.timeout(BEHIND) }).catch(
    (cause: unknown) => {
      console.error('A session could not be told to stop', cause);
    },
  );
}

/** What the session has noted that answered a request; its client may have left by then. */
export async function notedInSession(era: Inbound['era'], arrival: McpArrival): Promise<string> {
  const { headers, url } = arrival.request;
  const id = headers.get('mcp-session-id') ?? new URL(url).searchParams.get('session') ?? '';
  const name = era === 'modern' ? sharedSession(arrival.route) : clientSession(arrival.route, id);
  return (await askSession(name, arrival, asking(arrival, 'noted'), { signal: AbortSignal.timeout(BEHIND) })).text();
}

/** The stream of a session, or its end. */
export function serveSession(op: 'get' | 'delete', arrival: McpArrival): Promise<Response> {
  const { headers } = arrival.request;
  const version = headers.get('mcp-protocol-version');
  if (version !== null && !isLegacy(version)) {
    throw new GatewayError('method_not_allowed', 'This revision of the protocol has POST alone.', { allow: 'POST' });
  }
  if (op === 'get' && !/text\/event-stream|\*\/\*/.test(headers.get('accept') ?? '*/*')) {
    throw new RpcError(codes.invalidRequest, 'A stream is asked for with Accept: text/event-stream.', { status: 406 });
  }
  const id = sessionIdOf(arrival.request);
  const lastEventId = headers.get('last-event-id');
  return askSession(clientSession(arrival.route, id), arrival, {
    ...asking(arrival, op),
    sessionId: id,
    ...(lastEventId === null ? {} : { lastEventId: lastEventId.slice(0, 128) }),
  });
}

const SESSION_ID = /^[\da-f]{64}$/;

/** 256 bits, in visible ASCII. */
const newSessionId = () => Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, '0')).join('');

function sessionIdOf({ headers }: Request): string {
  const id = headers.get('mcp-session-id');
  if (id === null)
    throw new RpcError(codes.invalidRequest, 'The header Mcp-Session-Id is missing: begin with initialize.', { status: 400 });
  if (!SESSION_ID.test(id)) throw new RpcError(-32001, 'Session not found', { status: 404 });
  return id;
}

/** What is asked; askSession adds by which settings. */
type Asking = Omit<SessionAsk, 'revision' | 'document'>;

interface AskOptions {
  readonly signal?: AbortSignal;
  /** Whether the session cannot know the route yet. */
  readonly isNew?: boolean;
}

async function askSession(
  name: string,
  { ports, principal, request, settings }: McpArrival,
  ask: Asking,
  { signal = request.signal, isNew = false }: AskOptions = {},
): Promise<Response> {
  if (ports.sessions === undefined) {
    throw new GatewayError(
      'state_off',
      'This gateway keeps no sessions, which this client or the server behind the route needs: the operator sets the secret WEIR_SECRET.',
    );
  }
  const { sessions } = ports;
  const { document } = settings;
  const revision = await revisionOf(settings);
  const put = (said: Pick<SessionAsk, 'document'>) => {
    const body = writeAsk({ ...ask, revision, ...said });
    return sessions.ask(principal, name, new Request('https://session/', { method: 'POST', body, signal }));
  };
  const response = await put(isNew ? { document } : {});
  return response.headers.has(WANTS_DOCUMENT) ? put({ document }) : response;
}

/** A document may hold the whole description of an API: it is not sent along with every call. */
const revisions = new WeakMap<McpSettings, string>();

async function revisionOf(settings: McpSettings): Promise<string> {
  const known = revisions.get(settings) ?? (await digestOf(settings.document));
  revisions.set(settings, known);
  return known;
}

const asking = (
  { requestId, route, who, attribution, principal, caller, token, ping, request }: McpArrival,
  op: SessionAsk['op'],
): Asking => ({
  op,
  requestId,
  route,
  who,
  attribution: attribution(),
  principal,
  caller,
  token,
  ping,
  messages: [],
  trace: traceOf(request.headers),
});

const modernAsk = (arrival: McpArrival, client: Client, message: Exclude<Message, { type: 'response' }>): Asking => ({
  ...asking(arrival, 'post'),
  client,
  messages: [textOf(message)],
});

/** A message as it goes on: what was in it is in it still. */
function textOf(message: Message): string {
  if (message.type === 'request') return requestText(message.id, message.method, message.params);
  if (message.type === 'notification')
    return `{"jsonrpc":"2.0","method":${JSON.stringify(message.method)},"params":${message.params.text}}`;
  if (message.result !== undefined) return resultText(message.id, message.result);
  return JSON.stringify({ jsonrpc: '2.0', id: message.id, error: message.error ?? {} });
}

const contextOf = (
  { requestId, route, who, principal, caller, token, ports, note, chat, request }: McpArrival,
  client: Client,
  signal: AbortSignal,
): SourceContext => ({
  call: { requestId, route, who, ports, note, chat },
  client,
  principal,
  caller,
  token,
  signal,
  trace: traceOf(request.headers),
  notify: () => undefined,
  ask: () => Promise.reject(new RpcError(codes.internal, 'The client cannot be asked here.', UNANSWERED)),
});

/** W3C Trace Context and Baggage; nothing else of a caller's head reaches a server. */
function traceOf(headers: Headers): { readonly [name: string]: string } {
  const found: { [name: string]: string } = {};
  for (const name of ['traceparent', 'tracestate', 'baggage']) {
    const value = headers.get(name);
    if (value !== null && value.length <= 8_192) found[name] = value;
  }
  return found;
}
