import type { Context, Hono } from 'hono';
import type { Dialect } from '../core/dialect.ts';
import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import type { Idempotency } from '../core/idempotency/port.ts';
import { isObject, parseJson } from '../core/json.ts';
import type { Plan, PlanRoute } from '../core/plan.ts';
import type { Ports } from '../core/ports.ts';
import { readText } from '../core/reader.ts';
import { serveConversations } from '../kinds/llm/responses/conversations.ts';
import type { ServeResource } from '../kinds/llm/responses/resource.ts';
import { serveStoredResponse } from '../kinds/llm/responses/stored.ts';
import { answer } from './answer.ts';
import { runOf } from './call-facts.ts';
import { CORS_HEADERS } from './cors.ts';
import { holdOf } from './exchange.ts';
import { underHold } from './held.ts';
import { keyOf, rememberWhole, replayed, takeKey } from './idempotency.ts';
import { checkIngress } from './ingress.ts';
import { PREFIXES } from './paths.ts';
import { routeFor } from './route.ts';
import { openSocket } from './socket.ts';

/** What the paths of kept things need of the door. */
export interface ResponsesDoor {
  newRequestId(): string;
  identify(request: Request, after: (work: Promise<unknown>) => void): Promise<Identity> | Identity;
  /** Who a caller is now; `undefined` where the credential holds no more. */
  renewed(who: Identity): Promise<Identity | undefined>;
  plan(after: (work: Promise<unknown>) => void): Promise<Plan> | Plan;
  ports(after: (work: Promise<unknown>) => void): Ports;
  /** What keeps the answers of calls with an `Idempotency-Key`; absent where the deployment cannot. */
  readonly idempotency: (() => Idempotency) | undefined;
  /** One call, as if it had come over HTTP by itself. */
  ask(request: Request, after: (work: Promise<unknown>) => void): Promise<Response>;
}

type App = Hono<{ Variables: { requestId?: string } }>;
type DoorContext = Context<{ Variables: { requestId?: string } }>;

/** Mounts the paths below `/responses` and `/conversations`, and the WebSocket beside the call itself. */
export function mountResponses(app: App, dialect: Dialect, door: ResponsesDoor): void {
  for (const prefix of PREFIXES) {
    app.get(`${prefix}/responses`, (context) => socket(context, dialect, door));
    for (const method of ['get', 'post', 'delete'] as const) {
      app[method](`${prefix}/responses/:at{.+}`, (context) => resource(context, serveStoredResponse, door));
      app[method](`${prefix}/conversations/:at{.+}`, (context) => resource(context, serveConversations, door));
    }
    app.post(`${prefix}/conversations`, (context) => resource(context, serveConversations, door));
  }
}

async function resource(context: DoorContext, serve: ServeResource, door: ResponsesDoor): Promise<Response> {
  const request = context.req.raw;
  checkIngress(request);
  const requestId = door.newRequestId();
  context.set('requestId', requestId);
  const after = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
  const who = await door.identify(request, after);
  const plan = await door.plan(after);
  const route = routeFor(plan, who);
  const ports = door.ports(after);
  if (plan.vault !== undefined) await ports.unlock?.(who.org, plan.vault);
  const key = keyOf(request);
  const call = { request, requestId, who, plan, route, ports };
  const keyed = key === null ? undefined : await takeKey(key, { ...call, idempotency: door.idempotency });
  if (keyed === undefined) return resourceAnswer(call, context, serve, door);
  if ('answer' in keyed) return answer(replayed(keyed.answer), requestId, true);
  try {
    return await rememberWhole(keyed.claim, await resourceAnswer({ ...call, request: keyed.request }, context, serve, door));
  } catch (thrown) {
    after(keyed.claim.release());
    throw thrown;
  }
}

interface ResourceCall {
  readonly request: Request;
  readonly requestId: string;
  readonly who: Identity;
  readonly plan: Plan;
  readonly route: PlanRoute;
  readonly ports: Ports;
}

async function resourceAnswer(
  { request, requestId, who, plan, route, ports }: ResourceCall,
  context: DoorContext,
  serve: ServeResource,
  door: ResponsesDoor,
): Promise<Response> {
  const { signal } = context.req.raw;
  const arrival = { ports, request, requestId, startedAt: ports.clock.now(), renewed: door.renewed };
  const hold = holdOf(who, arrival, runOf(request.headers), route.name, undefined, plan.limits);
  const at = (context.req.param('at') ?? '').split('/').filter((part) => part !== '');
  const { searchParams: query } = new URL(request.url);
  query.delete('key');
  const asked = { method: request.method, at, query, body: await readBody(request, plan), headers: request.headers };
  const exchange = { id: requestId, who, ports, signal, ...(hold === undefined ? {} : { hold }) };
  // What was held, where a provider was asked, is settled with the answer's head: nothing of it costs more than a request.
  const answered = await underHold(
    hold,
    ports.after,
    () => serve(asked, exchange, plan),
    ({ status }) => status,
  );
  return new Response(answered.body, {
    status: answered.status,
    headers: {
      'content-type': answered.contentType,
      ...hold?.headers,
      'x-weir-request-id': requestId,
      'x-request-id': requestId,
      'request-id': requestId,
      ...CORS_HEADERS,
    },
  });
}

async function readBody(request: Request, plan: Plan) {
  if (request.method !== 'POST') return undefined;
  const text = await readText(request, plan.limits.body);
  if (text === undefined) throw new GatewayError('request_too_large', `The body is larger than ${plan.limits.body} bytes.`);
  if (text.trim() === '') return undefined;
  const body = parseJson(text);
  if (!isObject(body)) throw new GatewayError('invalid_json', 'The body is not one JSON object.');
  return body;
}

async function socket(context: DoorContext, dialect: Dialect, door: ResponsesDoor): Promise<Response> {
  const request = context.req.raw;
  if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
    throw new GatewayError('method_not_allowed', 'This path takes POST, or GET with an upgrade to WebSocket.', { allow: 'POST' });
  }
  checkIngress(request);
  const after = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
  await door.identify(request, after);
  return openSocket(request, dialect, {
    newRequestId: door.newRequestId,
    clock: door.ports(after).clock,
    ask: (turn) => door.ask(turn, after),
  });
}
