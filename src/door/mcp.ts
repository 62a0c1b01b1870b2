import type { Context, Hono } from 'hono';
import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import type { CallHold } from '../core/hold.ts';
import { nanoUsd } from '../core/money.ts';
import type { Plan } from '../core/plan.ts';
import type { Ports } from '../core/ports.ts';
import { readText } from '../core/reader.ts';
import { checkRoute } from '../identity/api-key/allowed.ts';
import { type McpArrival, servePost, serveSession } from '../kinds/mcp/serve.ts';
import { McpSettings } from '../kinds/mcp/settings.ts';
import type { Caller } from '../kinds/mcp/sources/source.ts';
import { type McpEnd, watchAnswer } from '../kinds/mcp/watch.ts';
import { classify, type Inbound } from '../kinds/mcp/wire/classify.ts';
import { type RpcError, rpcErrorOf } from '../kinds/mcp/wire/errors.ts';
import { errorText, type RpcId, type RpcRequest, readMessages, textOf } from '../kinds/mcp/wire/message.ts';
import { metadataOf, runOf, userOf } from './call-facts.ts';
import { CORS_HEADERS } from './cors.ts';
import { holdOf } from './exchange.ts';
import { checkContentType, checkIngress } from './ingress.ts';
import { checkCallerOrigin } from './mcp-origin.ts';
import { metadataAnswer, metadataUrl } from './resource-metadata.ts';
import { checkRun } from './vigil.ts';

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
}

type App = Hono<{ Variables: { requestId?: string } }>;
type DoorContext = Context<{ Variables: { requestId?: string } }>;

const PATH = '/mcp/:name';

/** Mounts `/mcp/{name}`, and what says of each who may use it. */
export function mountMcp(app: App, door: McpDoor): void {
  for (const method of ['post', 'get', 'delete'] as const) app[method](PATH, (context) => answerMcp(context, door));
  app.get('/.well-known/oauth-protected-resource/mcp/:name', async (context) => {
    checkIngress(context.req.raw);
    const plan = await door.plan((work) => context.executionCtx.waitUntil(work));
    const name = context.req.param('name');
    if (!plan.servers.has(name)) throw new GatewayError('not_found', 'There is no MCP server of this name.');
    return metadataAnswer(context.req.raw, name, plan);
  });
}

/** The methods of a path that is served here, as `Allow` lists them; `undefined` for one that is not. */
export const mcpMethods = (path: string): string | undefined => (/^\/mcp\/[^/]+$/.test(path) ? 'GET, POST, DELETE' : undefined);

async function answerMcp(context: DoorContext, door: McpDoor): Promise<Response> {
  const request = context.req.raw;
  const after: After = (work) => context.executionCtx.waitUntil(work);
  const call = new McpExchange(request, context.req.param('name') ?? '', door, after);
  try {
    return await call.answer();
  } catch (thrown) {
    return call.refuse(thrown);
  }
}

/** One HTTP request to an MCP server, from the door to its row in the log. */
class McpExchange {
  readonly #request: Request;
  readonly #name: string;
  readonly #door: McpDoor;
  readonly #after: After;
  readonly #ports: Ports;
  readonly #startedAt: number;
  readonly #requestId: string;
  #who: Identity | undefined;
  #run: string | undefined;
  #hold: CallHold | undefined;
  #settings: McpSettings | undefined;
  /** What the log says of it: the request it is, or the first of a batch. */
  #asked: RpcRequest | undefined;
  #id: RpcId | null = null;
  #era: Inbound['era'] | undefined;

  constructor(request: Request, name: string, door: McpDoor, after: After) {
    this.#request = request;
    this.#name = name;
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
    checkCallerOrigin(request, this.#door.local, settings instanceof McpSettings ? settings.origins : []);
    const who = await this.#door.identify(request, this.#after);
    this.#who = who;
    if (!(settings instanceof McpSettings)) throw new GatewayError('not_found', 'There is no MCP server of this name.');
    checkRoute(who, this.#name);
    this.#settings = settings;
    this.#run = runOf(request.headers);
    if (this.#run !== undefined) await checkRun(ports, who, this.#run);
    const { method } = request;
    const arrival = this.#arrival(settings, who, plan);
    if (method === 'GET' || method === 'DELETE') return this.#dressed(await serveSession(method === 'GET' ? 'get' : 'delete', arrival));
    const inbound = await this.#read(plan, settings);
    await this.#take(who, plan, inbound);
    const { response, end } = watchAnswer(await servePost(inbound, arrival));
    this.#after(end.then((how) => this.#conclude(how, response.status)));
    await this.#hold?.kept();
    return this.#dressed(response);
  }

  /** What could not be served, in the words of the protocol. */
  refuse(thrown: unknown): Response {
    const error = rpcErrorOf(thrown, this.#requestId);
    const status = error.status ?? 200;
    const gateway = thrown instanceof GatewayError ? thrown : undefined;
    const headers = new Headers({ 'content-type': 'application/json', ...this.#hold?.headers });
    if (gateway?.details.allow !== undefined) headers.set('allow', gateway.details.allow);
    if (gateway?.details.retryAfter !== undefined) headers.set('retry-after', String(Math.ceil(gateway.details.retryAfter)));
    if (status === 401) headers.set('www-authenticate', `Bearer resource_metadata="${metadataUrl(this.#request, this.#name)}"`);
    this.#after(this.#conclude(endOf(error), status));
    return this.#dressed(new Response(errorText(this.#id, error), { status, headers }));
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
    this.#asked = messages.find((message) => message.type === 'request');
    this.#id = isBatch ? null : (this.#asked?.id ?? null);
    const inbound = classify(messages, isBatch, this.#request.headers);
    this.#era = inbound.era;
    return inbound;
  }

  /** What asks a server takes a request, and every call of a tool a tool call; what only keeps a session going takes nothing. */
  async #take(who: Identity, plan: Plan, inbound: Inbound): Promise<void> {
    const messages = inbound.era === 'modern' ? [inbound.message] : inbound.messages;
    const requests = messages.filter((message) => message.type === 'request').filter(({ method }) => !FREE.has(method));
    if (requests.length === 0) return;
    const arrival = { ports: this.#ports, request: this.#request, requestId: this.#requestId, startedAt: this.#startedAt };
    const hold = holdOf(who, { ...arrival, renewed: (known) => this.#door.renewed(known) }, this.#run, this.#name, undefined, plan.limits);
    if (hold === undefined) return;
    this.#hold = hold;
    const usage = { input: 0, output: 0 };
    const toolCalls = requests.filter(({ method }) => method === 'tools/call').length;
    const foreseen = { provider: 'mcp', model: `mcp/${this.#name}`, usage, cost: nanoUsd(0), priceVersion: 'mcp' };
    await hold.take(toolCalls === 0 ? { ...foreseen, isFree: true } : { ...foreseen, toolCalls });
  }

  #arrival(settings: McpSettings, who: Identity, plan: Plan): McpArrival {
    return {
      request: this.#request,
      requestId: this.#requestId,
      route: this.#name,
      settings,
      principal: ownerOf(who),
      caller: callerOf(who, this.#run),
      ports: this.#ports,
      ping: plan.limits.ping,
    };
  }

  /** What every answer says in its head. */
  #dressed(response: Response): Response {
    const headers = new Headers(response.headers);
    for (const name of ['x-weir-request-id', 'x-request-id', 'request-id']) headers.set(name, this.#requestId);
    for (const [name, value] of Object.entries(this.#hold?.headers ?? {})) headers.set(name, value);
    if (this.#request.headers.has('origin')) {
      for (const [name, value] of Object.entries(CORS_HEADERS)) headers.set(name, value);
      headers.set(
        'access-control-expose-headers',
        `${CORS_HEADERS['access-control-expose-headers']}, mcp-session-id, mcp-protocol-version, www-authenticate`,
      );
    }
    return new Response(response.body, { status: response.status, headers });
  }

  async #conclude({ outcome, code, errorCode }: McpEnd, httpStatus: number): Promise<void> {
    const who = this.#who;
    const isFailed = outcome === 'error' || outcome === 'interrupted';
    const status = outcome === 'cancelled' ? 'aborted' : isFailed ? 'failed' : 'complete';
    await this.#hold?.settle(
      { status, httpStatus, usage: { input: 0, output: 0 }, cost: nanoUsd(0) },
      { servedModel: `mcp/${this.#name}` },
    );
    const asked = this.#asked;
    // A call without a valid key leaves no trace in the database; a message that asks nothing is no call.
    if (who === undefined || asked === undefined) return;
    const { method, params } = asked;
    const name = textOf(params, 'name') ?? textOf(params, 'uri');
    const source = name === undefined ? undefined : this.#settings?.sourceOf(name);
    const user = userOf(who, this.#request.headers, undefined);
    const metadata = metadataOf(this.#request.headers, who.metadata);
    const toolCalls = method === 'tools/call' ? 1 : undefined;
    this.#ports.journal.record({
      id: this.#requestId,
      startedAt: this.#startedAt,
      durationMs: this.#ports.clock.now() - this.#startedAt,
      route: this.#name,
      dialect: 'mcp',
      status,
      httpStatus,
      stream: false,
      attempts: 1,
      org: who.org,
      team: who.team,
      app: who.app,
      keyId: who.keyId,
      ...(errorCode === undefined ? {} : { errorCode }),
      ...(toolCalls === undefined ? {} : { toolCalls }),
      ...(user === undefined ? {} : { user }),
      ...(this.#run === undefined ? {} : { run: this.#run }),
      ...(metadata === undefined ? {} : { metadata }),
      facts: {
        mcp: {
          method: method.slice(0, 128),
          ...(name === undefined ? {} : { name: name.slice(0, 256) }),
          ...(source === undefined ? {} : { source }),
          ...(this.#era === undefined ? {} : { era: this.#era }),
          outcome,
          ...(code === undefined ? {} : { code }),
        },
      },
    });
  }
}

/** A credential that names a person opens that person's sessions alone; any other those of its app. */
const ownerOf = ({ principal, user }: Identity): string => (user === undefined ? principal : JSON.stringify([principal, user]));

const callerOf = ({ org, team, app, keyId, user, claims, metadata }: Identity, run: string | undefined): Caller => ({
  ...{ org, team, app, keyId, user, run, claims, metadata },
});

/** What asks no server for anything that is worth counting. */
const FREE = new Set(['ping', 'initialize', 'server/discover', 'logging/setLevel']);

function endOf({ code, data }: RpcError): McpEnd {
  const own = typeof data === 'object' && data !== null && 'code' in data ? data.code : undefined;
  return { outcome: 'error', code, ...(typeof own === 'string' ? { errorCode: own } : {}) };
}
