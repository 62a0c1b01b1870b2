import type { Context, Hono } from 'hono';
import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import type { Json } from '../core/json.ts';
import type { Plan } from '../core/plan.ts';
import type { Ports } from '../core/ports.ts';
import { readText } from '../core/reader.ts';
import type { ChatInside } from '../core/session.ts';
import { checkRoute } from '../identity/api-key/allowed.ts';
import { checkScopes, scopesOfTool } from '../kinds/mcp/scopes.ts';
import { cancelInSession, type McpArrival, notedInSession, serveMessage, servePost, serveSession, serveSse } from '../kinds/mcp/serve.ts';
import { withNoted } from '../kinds/mcp/session/noted.ts';
import { McpSettings } from '../kinds/mcp/settings.ts';
import type { Caller } from '../kinds/mcp/sources/source.ts';
import { unwrapped } from '../kinds/mcp/tools/unwrap.ts';
import { ENDED, type McpEnd, type WatchedAnswer, watchAnswer } from '../kinds/mcp/watch.ts';
import { classify, type Inbound } from '../kinds/mcp/wire/classify.ts';
import { type RpcError, rpcErrorOf } from '../kinds/mcp/wire/errors.ts';
import { checkMembers, errorText, type RpcId, readMessages, textOf } from '../kinds/mcp/wire/message.ts';
import { Behind } from './behind.ts';
import { runOf } from './call-facts.ts';
import { CORS_HEADERS } from './cors.ts';
import { presentedKey } from './credential.ts';
import { checkContentType, checkIngress } from './ingress.ts';
import { McpAccount, type McpRequest, requestsOf } from './mcp-account.ts';
import { checkCallerOrigin } from './mcp-origin.ts';
import { principalOf } from './mcp-principal.ts';
import { mcpRecord } from './mcp-record.ts';
import { watchOver } from './mcp-vigil.ts';
import { issuerOf } from './oauth/settings.ts';
import { attributionOf } from './own-chat.ts';
import { ownOrigin } from './own-url.ts';
import { challengeOf, metadataAnswer, metadataUrl } from './resource-metadata.ts';
import { CallVigil, checkRun } from './vigil.ts';

type After = (work: Promise<unknown>) => void;

/** What the paths of MCP servers need of the door. */
export interface McpDoor {
  /** Whether this is a run on somebody's own machine. */
  readonly local: boolean;
  newRequestId(): string;
  identify(request: Request, after: After): Promise<Identity> | Identity;
  renewed(who: Identity): Promise<Identity | undefined>;
  plan(after: After): Promise<Plan> | Plan;
  ports(after: After): Ports;
  /** Answers a chat call that is made for a caller. */
  chat(call: ChatInside, after: After): Promise<Response>;
}

type App = Hono<{ Variables: { requestId?: string } }>;
type DoorContext = Context<{ Variables: { requestId?: string } }>;

const PATH = '/mcp/:name';
/** Milliseconds for which the log waits for an answer that comes on another stream: a Worker lives little longer once it has answered. */
const TOLD_WITHIN = 25_000;

/** What of a server is asked: itself, or one of the two addresses of HTTP+SSE (2024-11-05). */
type Part = 'server' | 'sse' | 'messages';

/** Mounts `/mcp/{name}`, and what says of each who may use it. */
export function mountMcp(app: App, door: McpDoor): void {
  for (const method of ['post', 'get', 'delete'] as const) app[method](PATH, (context) => answerMcp(context, door, 'server'));
  app.get(`${PATH}/sse`, (context) => answerMcp(context, door, 'sse'));
  app.post(`${PATH}/messages`, (context) => answerMcp(context, door, 'messages'));
  app.get('/.well-known/oauth-protected-resource/mcp/:name', async (context) => {
    checkIngress(context.req.raw);
    const plan = await door.plan((work) => context.executionCtx.waitUntil(work));
    const name = context.req.param('name');
    if (!plan.servers.has(name)) throw new GatewayError('not_found', 'There is no MCP server of this name.');
    return metadataAnswer(context.req.raw, name, plan);
  });
  app.get('/.well-known/oauth-protected-resource', async (context) => {
    checkIngress(context.req.raw);
    return metadataAnswer(context.req.raw, undefined, await door.plan((work) => context.executionCtx.waitUntil(work)));
  });
}

/** The methods of a path that is served here, as `Allow` lists them; `undefined` for one that is not. */
export function mcpMethods(path: string): string | undefined {
  const part = /^\/mcp\/[^/]+(\/sse|\/messages)?$/.exec(path);
  if (part === null) return undefined;
  return part[1] === undefined ? 'GET, POST, DELETE' : part[1] === '/sse' ? 'GET' : 'POST';
}

async function answerMcp(context: DoorContext, door: McpDoor, part: Part): Promise<Response> {
  const request = context.req.raw;
  const behind = new Behind((work) => context.executionCtx.waitUntil(work));
  const call = new McpExchange(request, context.req.param('name') ?? '', part, door, behind.add);
  try {
    return await call.answer();
  } catch (thrown) {
    return call.refuse(thrown);
  } finally {
    behind.answered();
  }
}

/** One HTTP request to an MCP server, from the door to its row in the log. */
class McpExchange {
  readonly #request: Request;
  readonly #name: string;
  readonly #part: Part;
  readonly #door: McpDoor;
  readonly #after: After;
  readonly #ports: Ports;
  readonly #startedAt: number;
  readonly #requestId: string;
  #who: Identity | undefined;
  #run: string | undefined;
  readonly #account = new McpAccount();
  #settings: McpSettings | undefined;
  /** What was asked for, before it is known by whom. */
  #asked: McpSettings | undefined;
  #issuer: string | undefined;
  /** Which configuration it is served by. */
  #revision = 0;
  /** The request it is, or those of a batch. */
  #requests: readonly McpRequest[] = [];
  #id: RpcId | null = null;
  #era: Inbound['era'] | undefined;
  /** What policies and sources noted, for the log row. */
  readonly #notes: { [fact: string]: Json } = {};

  constructor(request: Request, name: string, part: Part, door: McpDoor, after: After) {
    this.#request = request;
    this.#name = name;
    this.#part = part;
    this.#door = door;
    this.#after = after;
    this.#ports = door.ports(after);
    this.#startedAt = this.#ports.clock.now();
    this.#requestId = door.newRequestId();
  }

  async answer(): Promise<Response> {
    const request = this.#request;
    const ports = this.#ports;
    checkIngress(request);
    const plan = await this.#door.plan(this.#after);
    const settings = plan.servers.get(this.#name);
    this.#asked = settings instanceof McpSettings ? settings : undefined;
    this.#issuer = issuerOf(plan);
    checkCallerOrigin(request, this.#door.local, settings instanceof McpSettings ? settings.origins : []);
    const who = await this.#door.identify(request, this.#after);
    this.#who = who;
    if (!(settings instanceof McpSettings)) throw new GatewayError('not_found', 'There is no MCP server of this name.');
    checkRoute(who, this.#name);
    this.#settings = settings;
    this.#run = runOf(request.headers);
    if (this.#run !== undefined) await checkRun(ports, who, this.#run);
    checkScopes(who.scopes, settings.scopes.server);
    const { method } = request;
    const arrival = this.#arrival(settings, who, plan);
    if (this.#part === 'sse') return this.#kept(await serveSse(arrival), arrival);
    if (method === 'GET') return this.#kept(await serveSession('get', arrival), arrival);
    if (method === 'DELETE') return this.#dressed(await serveSession('delete', arrival));
    const inbound = await this.#read(plan, settings);
    checkScopes(who.scopes, neededBy(this.#requests, settings));
    await this.#take(who, plan);
    const noted = () => notedInSession(inbound.era, arrival);
    if (this.#part === 'messages') return this.#accepted(withNoted(watchAnswer(await serveMessage(inbound, arrival)), noted));
    const answer = watchAnswer(await servePost(inbound, arrival));
    const { response, end, each } = withNoted(answer, noted);
    watchOver(
      answer,
      () => this.#vigil(who),
      (why) => this.#lastWords(why, answer, arrival),
    );
    this.#after(end.then((how) => this.#conclude(how, response.status, each)));
    await this.#account.kept();
    return this.#dressed(response);
  }

  /** A stream that answers no request: it is open for as long as its caller may listen. */
  #kept(served: Response, arrival: McpArrival): Response {
    const answer = watchAnswer(served);
    watchOver(
      answer,
      () => this.#vigil(arrival.who),
      () => [],
    );
    return this.#dressed(answer.response);
  }

  #vigil(who: Identity): CallVigil {
    const endless = this.#requests.every(({ request: { method } }) => method === 'subscriptions/listen');
    const renewed = (known: Identity) => this.#door.renewed(known);
    return new CallVigil({ ports: this.#ports, who, run: this.#run, renewed, ...(endless ? { endless } : {}) });
  }

  /** What those are told whose requests are answered no further; a session stops working at them. */
  #lastWords(why: GatewayError, { each }: WatchedAnswer, arrival: McpArrival): readonly string[] {
    const ids = this.#requests.map(({ request: { id } }) => id).filter((id) => !each.has(id));
    if (this.#era === 'legacy') this.#after(cancelInSession(ids, arrival));
    const error = rpcErrorOf(why, this.#requestId);
    return ids.map((id) => errorText(id, error));
  }

  /** A message that was posted is answered on the stream of its session; how is found out behind the answer that it was taken. */
  async #accepted({ response, end, each }: WatchedAnswer): Promise<Response> {
    if (response.status !== 202) {
      this.#after(end.then((how) => this.#conclude(how, response.status, each)));
      return this.#dressed(response);
    }
    const { promise: late, resolve } = Promise.withResolvers<McpEnd>();
    const timer = setTimeout(() => resolve({ outcome: 'accepted' }), TOLD_WITHIN);
    response.body?.pipeTo(new WritableStream()).catch(() => undefined);
    const concluded = Promise.race([end, late]).then((how) => this.#conclude(how, response.status, each));
    this.#after(concluded.finally(() => clearTimeout(timer)));
    await this.#account.kept();
    return this.#dressed(new Response('Accepted', { status: 202 }));
  }

  /** What could not be served, in the words of the protocol. */
  refuse(thrown: unknown): Response {
    const error = rpcErrorOf(thrown, this.#requestId);
    const status = error.status ?? 200;
    const gateway = thrown instanceof GatewayError ? thrown : undefined;
    const headers = new Headers({ 'content-type': 'application/json', ...this.#account.headers });
    if (gateway?.details.allow !== undefined) headers.set('allow', gateway.details.allow);
    if (gateway?.details.retryAfter !== undefined) headers.set('retry-after', String(Math.ceil(gateway.details.retryAfter)));
    const challenge = status === 401 || gateway?.code === 'insufficient_scope' ? this.#challenge(status, gateway) : undefined;
    if (challenge !== undefined) headers.set('www-authenticate', challenge);
    this.#after(this.#conclude(endOf(error), status));
    return this.#dressed(new Response(errorText(this.#id, error), { status, headers }));
  }

  /** RFC 6750 section 3, RFC 9728 section 5.1. */
  #challenge(status: number, error: GatewayError | undefined): string {
    const settings = this.#settings ?? this.#asked;
    const scopes = error?.details.scopes ?? settings?.scopes.server ?? [];
    const why = status === 403 ? 'insufficient_scope' : error?.code === 'invalid_key' ? 'invalid_token' : undefined;
    return challengeOf({ error: why, scope: scopes.join(' '), resource_metadata: metadataUrl(this.#request, this.#name, this.#issuer) });
  }

  async #read(plan: Plan, settings: McpSettings): Promise<Inbound> {
    checkContentType(this.#request);
    const most = Math.min(plan.limits.body, 4 * settings.limits.request);
    const text = await readText(this.#request, most).catch((cause: unknown) => {
      if (cause instanceof TypeError) throw new GatewayError('invalid_json', 'The body is not valid UTF-8, or it broke off.', { cause });
      throw cause;
    });
    if (text === undefined) throw new GatewayError('request_too_large', `The body is larger than ${most} bytes.`);
    const { messages, isBatch } = readMessages(text);
    const requests = messages.filter((message) => message.type === 'request');
    this.#revision = plan.revision;
    this.#requests = requestsOf(requests, this.#requestId, settings);
    this.#id = isBatch ? null : (requests[0]?.id ?? null);
    for (const message of messages) checkMembers(message);
    const asked = classify(messages, isBatch, this.#request.headers);
    this.#era = asked.era;
    const inbound = unwrapped(asked, settings.showing);
    if (inbound === asked) return inbound;
    const meant = inbound.era === 'modern' ? [inbound.message] : inbound.messages;
    this.#requests = requestsOf(
      meant.filter((message) => message.type === 'request'),
      this.#requestId,
      settings,
    );
    return inbound;
  }

  /** What asks a server takes a request, and every call of a tool a tool call and its price; what only keeps a session going takes nothing. */
  async #take(who: Identity, plan: Plan): Promise<void> {
    const given = { ports: this.#ports, request: this.#request, requestId: this.#requestId, startedAt: this.#startedAt };
    const arrival = { ...given, renewed: (known: Identity) => this.#door.renewed(known) };
    await this.#account.take(this.#requests, { who, route: this.#name, plan, run: this.#run, arrival });
  }

  #arrival(settings: McpSettings, who: Identity, plan: Plan): McpArrival {
    const attribution = () => attributionOf(this.#request, this.#run);
    return {
      attribution,
      chat: (body, signal) => this.#door.chat({ who, headers: attribution(), body, signal }, this.#after),
      request: this.#request,
      requestId: this.#requestId,
      route: this.#name,
      settings,
      who,
      principal: principalOf(who),
      caller: callerOf(who, this.#run, `${issuerOf(plan) ?? ownOrigin(this.#request)?.origin ?? ''}/mcp/${encodeURIComponent(this.#name)}`),
      token: exchangedToken(settings, who, this.#request),
      ports: this.#ports,
      ping: plan.limits.ping,
      note: (fact, value) => {
        this.#notes[fact] = value;
      },
    };
  }

  /** What every answer says in its head. */
  #dressed(response: Response): Response {
    const own = isOwn(response);
    const headers = own ? response.headers : new Headers(response.headers);
    headers.delete(ENDED);
    for (const name of ['x-weir-request-id', 'x-request-id', 'request-id']) headers.set(name, this.#requestId);
    for (const [name, value] of Object.entries(this.#account.headers)) headers.set(name, value);
    if (this.#request.headers.has('origin')) {
      for (const [name, value] of Object.entries(CORS_HEADERS)) headers.set(name, value);
      headers.set(
        'access-control-expose-headers',
        `${CORS_HEADERS['access-control-expose-headers']}, mcp-session-id, mcp-protocol-version, www-authenticate`,
      );
    }
    return own ? response : new Response(response.body, { status: response.status, headers });
  }

  /** How each of its requests ended, and how the whole did for those that nothing is told of. */
  async #conclude(last: McpEnd, httpStatus: number, each?: ReadonlyMap<RpcId, McpEnd>): Promise<void> {
    const endOf = ({ request }: McpRequest): McpEnd => each?.get(request.id) ?? (this.#requests.length > 1 ? unsaid(last) : last);
    await this.#account.settle(endOf, httpStatus);
    const who = this.#who;
    // A call without a valid key leaves no trace in the database; a message that asks nothing is no call.
    if (who === undefined) return;
    const logged = {
      ...{ who, headers: this.#request.headers, route: this.#name, run: this.#run, settings: this.#settings, revision: this.#revision },
      ...{ era: this.#era, startedAt: this.#startedAt, endedAt: this.#ports.clock.now(), httpStatus, notes: this.#notes },
    };
    for (const request of this.#requests) this.#ports.journal.record(mcpRecord(request, endOf(request), logged));
  }
}

/** Whether the head of an answer may be written in: one that a session gave has an address, and is copied. */
const isOwn = ({ url }: Response) => url === '';

/** Of a batch that ended well, a request that was not answered. */
const unsaid = (last: McpEnd): McpEnd =>
  last.outcome === 'complete' || last.outcome === 'tool-error' || last.outcome === 'input-required' ? { outcome: 'interrupted' } : last;

const callerOf = (
  { org, team, app, keyId, user, scopes, claims, metadata }: Identity,
  run: string | undefined,
  address: string,
): Caller => ({
  ...{ org, team, app, keyId, user, run, scopes, claims, metadata, address },
});

/** The token that the caller came with, where a source has it exchanged: one of an identity provider, and no key of the gateway. */
function exchangedToken({ sources }: McpSettings, { claims }: Identity, request: Request): string | undefined {
  const isWanted = sources.some(({ kind, settings }) => kind.access?.(settings)?.auth.use === 'token-exchange');
  const token = isWanted && claims !== undefined ? presentedKey(request) : undefined;
  return token !== undefined && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token) ? token : undefined;
}

/** What tokens must be good for, for all that is asked at once. */
const neededBy = (requests: readonly McpRequest[], { scopes }: McpSettings): readonly string[] => [
  ...new Set(
    requests.flatMap(({ request: { method, params } }) =>
      method === 'tools/call' ? scopesOfTool(scopes, textOf(params, 'name') ?? '') : [],
    ),
  ),
];

function endOf({ code, data }: RpcError): McpEnd {
  const own = typeof data === 'object' && data !== null && 'code' in data ? data.code : undefined;
  return { outcome: 'error', code, ...(typeof own === 'string' ? { errorCode: own } : {}) };
}
