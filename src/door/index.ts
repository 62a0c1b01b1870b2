import { type Context, Hono } from 'hono';
import { adminApp } from '../admin/app.ts';
import type { PlanSource } from '../config/load.ts';
import { rolls } from '../config/rolls.ts';
import type { LlmOperation } from '../core/call.ts';
import type { CallAddress, Dialect } from '../core/dialect.ts';
import { GatewayError } from '../core/errors.ts';
import type { Exchange, Identity } from '../core/exchange.ts';
import type { Plan } from '../core/plan.ts';
import type { Clock, Ports } from '../core/ports.ts';
import { dialects } from '../dialects/index.ts';
import type { StaticKeys } from '../identity/api-key.ts';
import { llm } from '../kinds/llm/index.ts';
import { RESPONSES } from '../kinds/llm/responses/items.ts';
import { readHead } from '../state/revisions.ts';
import { errorAnswer, problem } from './answer.ts';
import { CORS_HEADERS, preflight } from './cors.ts';
import { presentedKey } from './credential.ts';
import { llmRoute, runLlm } from './exchange.ts';
import { checkIngress } from './ingress.ts';
import { type Caller, mountModels, speaksAnthropic } from './models.ts';
import { mountOperations, type OpenCall, operationMethods } from './operations.ts';
import { dialectOfPath, isUnserved, llmPaths, llmPatterns, methodsOf } from './paths.ts';
import { mountResponses, type ResponsesDoor } from './responses.ts';

/** What the door works with; nothing is read from anywhere else. */
export interface DoorDeps {
  readonly clock: Clock;
  readonly keys: StaticKeys;
  readonly planSource: PlanSource;
  readonly db?: D1Database | undefined;
  readonly adminToken?: string | undefined;
  ports(after: (work: Promise<unknown>) => void): Ports;
}

type DoorContext = Context<{ Variables: { requestId?: string } }>;

/** Matches the path, says who is asking, runs the exchange, and has the last word on errors. */
export function door(deps: DoorDeps): Hono<{ Variables: { requestId?: string } }> {
  const app = new Hono<{ Variables: { requestId?: string } }>();
  const identify = (request: Request) => identifyBy(deps.keys, request);
  const serve = (context: DoorContext, dialect: Dialect, operation: LlmOperation, address?: CallAddress, open?: OpenCall) => {
    const after = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
    return runLlm(llm, {
      request: context.req.raw,
      requestId: newRequestId(),
      startedAt: deps.clock.now(),
      dialect,
      operation,
      ...(address === undefined ? {} : { address }),
      ...(open === undefined ? {} : { open }),
      ports: deps.ports(after),
      identify,
      plan: () => currentPlan(deps.planSource, after),
    });
  };
  for (const { path, dialect: id, operation } of llmPaths) {
    const dialect = dialectOf(id);
    app.post(path, (context) => serve(context, dialect, operation));
  }
  mountOperations(app, (context, dialect, open) => serve(context, knownDialect(dialect), 'chat', undefined, open));
  const responses = dialects.find(({ id }) => id === RESPONSES);
  if (responses !== undefined) mountResponses(app, responses, responsesDoor(deps, responses));
  for (const { path, read } of llmPatterns) {
    app.post(path, (context) => {
      const url = new URL(context.req.raw.url);
      const said = read(url.pathname, url.searchParams, context.req.raw.headers);
      return said === undefined ? context.notFound() : serve(context, dialectOf(said.dialect), said.operation, said.address);
    });
  }
  mountModels(app, (context, answer) => answerCaller(deps, context, answer));
  app.get('/healthz', () => new Response('ok\n'));
  app.get('/readyz', (context) => readiness(deps, context));
  app.get('/', () => Response.json({ name: 'weir', docs: 'README.md', health: '/healthz' }));
  // Coding agents look with HEAD whether a gateway is there before they use it.
  app.get('/api/hello', () => new Response(null, { status: 200 }));
  app.use('/admin/v1/*', async (context, next) => {
    checkIngress(context.req.raw);
    context.set('requestId', newRequestId());
    await (deps.planSource.prepare((work) => context.executionCtx.waitUntil(work)) ?? undefined);
    await next();
  });
  app.route('/admin/v1', adminApp({ db: deps.db, planSource: deps.planSource, rolls, token: deps.adminToken, clock: deps.clock }));
  // Not a route of its own: a path that matches one handler alone is dispatched without building a chain.
  app.notFound((context) =>
    context.req.method === 'OPTIONS' ? preflight(context.req.raw) : refuse(context, unknownPath(context.req.raw, context.req.path)),
  );
  app.onError((thrown, context) => refuse(context, GatewayError.from(thrown)));
  return app;
}

function responsesDoor(deps: DoorDeps, dialect: Dialect): ResponsesDoor {
  const identify = (request: Request) => identifyBy(deps.keys, request);
  const plan = (after: (work: Promise<unknown>) => void) => currentPlan(deps.planSource, after);
  return {
    newRequestId,
    identify,
    plan,
    ports: deps.ports,
    ask: (request, after) =>
      runLlm(llm, {
        request,
        requestId: newRequestId(),
        startedAt: deps.clock.now(),
        dialect,
        operation: 'chat',
        listens: true,
        ports: deps.ports(after),
        identify,
        plan: () => plan(after),
      }),
  };
}

function dialectOf(id: string): Dialect {
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) throw new Error(`no dialect ${id}`);
  return dialect;
}

/** A dialect's errors, or OpenAI's where the dialect is not spoken. */
const knownDialect = (id: string) => dialects.find((each) => each.id === id) ?? dialectOf('openai-chat');

const newRequestId = () => `req_${crypto.randomUUID().replaceAll('-', '')}`;

function identifyBy(keys: StaticKeys, request: Request): Identity | Promise<Identity> {
  const presented = presentedKey(request);
  if (presented === undefined) {
    throw new GatewayError('missing_key', 'Send a gateway key, for example as `Authorization: Bearer <key>` or `x-api-key: <key>`.');
  }
  return keys.known(presented) ?? verify(keys, presented);
}

async function verify(keys: StaticKeys, presented: string): Promise<Identity> {
  const identity = await keys.identify(presented);
  if (identity === undefined)
    throw new GatewayError('invalid_key', 'The gateway key is not valid. Check that it was copied whole, or ask the operator for one.');
  return identity;
}

function currentPlan(source: PlanSource, after: (work: Promise<unknown>) => void): Plan | Promise<Plan> {
  const first = source.prepare(after);
  return first === undefined ? source.current() : first.then(() => source.current());
}

/** Answers what is no exchange: nothing is asked of a provider, and nothing is logged. */
async function answerCaller(deps: DoorDeps, context: DoorContext, respond: (caller: Caller) => Promise<object>): Promise<Response> {
  const request = context.req.raw;
  checkIngress(request);
  const who = await identifyBy(deps.keys, request);
  const after = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
  const plan = await currentPlan(deps.planSource, after);
  const id = newRequestId();
  const { name, kind } = llmRoute(plan);
  const exchange: Exchange = {
    id,
    who,
    route: { name, kind },
    surface: llm.surface,
    ports: deps.ports(after),
    signal: request.signal,
    note: () => undefined,
  };
  return Response.json(await respond({ plan, exchange }), {
    headers: { 'x-weir-request-id': id, 'x-request-id': id, 'request-id': id, ...CORS_HEADERS },
  });
}

async function readiness(deps: DoorDeps, context: DoorContext): Promise<Response> {
  const checks: { [dependency: string]: string } = {};
  try {
    const plan = await currentPlan(deps.planSource, (work) => context.executionCtx.waitUntil(work));
    checks.config = `revision ${plan.revision}`;
  } catch {
    checks.config = 'failed';
  }
  try {
    if (deps.db === undefined) checks.database = 'not bound';
    else {
      await readHead(deps.db);
      checks.database = 'ok';
    }
  } catch {
    checks.database = 'failed';
  }
  const ready = !Object.values(checks).includes('failed');
  return Response.json({ ready, checks }, { status: ready ? 200 : 503 });
}

function unknownPath(request: Request, path: string): GatewayError {
  if (request.headers.get('upgrade')?.toLowerCase() === 'websocket') {
    return new GatewayError('upgrade_required', 'WebSocket is not served here. Use the HTTP form of the same call.');
  }
  const allow = methodsOf(path) ?? operationMethods(path);
  if (allow !== undefined) return new GatewayError('method_not_allowed', `This path takes ${allow}.`, { allow });
  if (isUnserved(path)) return new GatewayError('not_supported', 'This operation is not served by this version of Weir.');
  return new GatewayError('not_found', 'Nothing is served at this path. LLM calls go to /v1/chat/completions or /v1/messages.');
}

/** An error in the shape that the clients of this path can read. */
function refuse(context: DoorContext, error: GatewayError): Response {
  const requestId = context.get('requestId') ?? newRequestId();
  const { path } = context.req;
  const dialect = path.startsWith('/admin') ? undefined : dialectOfPath(path);
  if (error.code === 'internal') console.error('unhandled', requestId, error.cause);
  const rendered =
    dialect === undefined
      ? problem(error, requestId)
      : llm.fail(error, speaksAnthropic(context.req.raw) ? 'anthropic' : dialect, requestId);
  return errorAnswer(error, rendered, requestId, context.req.raw.headers.has('origin'));
}
