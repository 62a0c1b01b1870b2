import { type Context, Hono } from 'hono';
import { adminApp } from '../admin/app.ts';
import type { PlanSource } from '../config/load.ts';
import { rolls } from '../config/rolls.ts';
import type { LlmOperation } from '../core/call.ts';
import type { CallAddress, Dialect } from '../core/dialect.ts';
import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import type { Plan } from '../core/plan.ts';
import type { Clock, Ports } from '../core/ports.ts';
import { dialects } from '../dialects/index.ts';
import type { StaticKeys } from '../identity/api-key.ts';
import { llm } from '../kinds/llm/index.ts';
import { anthropicModel, anthropicModels, listModels, openaiModel, openaiModels } from '../kinds/llm/models.ts';
import { readHead } from '../state/revisions.ts';
import { errorAnswer, problem } from './answer.ts';
import { CORS_HEADERS, preflight } from './cors.ts';
import { presentedKey } from './credential.ts';
import { runLlm } from './exchange.ts';
import { checkIngress } from './ingress.ts';
import { dialectOfPath, isUnserved, llmPaths, llmPatterns, methodsOf, modelsPaths } from './paths.ts';

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
  const serve = (context: DoorContext, dialect: Dialect, operation: LlmOperation, address?: CallAddress) => {
    const after = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
    return runLlm(llm, {
      request: context.req.raw,
      requestId: newRequestId(),
      startedAt: deps.clock.now(),
      dialect,
      operation,
      ...(address === undefined ? {} : { address }),
      ports: deps.ports(after),
      identify,
      plan: () => currentPlan(deps.planSource, after),
    });
  };
  for (const { path, dialect: id, operation } of llmPaths) {
    const dialect = dialectOf(id);
    app.post(path, (context) => serve(context, dialect, operation));
  }
  for (const { path, read } of llmPatterns) {
    app.post(path, (context) => {
      const url = new URL(context.req.raw.url);
      const said = read(url.pathname, url.searchParams);
      return said === undefined ? context.notFound() : serve(context, dialectOf(said.dialect), said.operation, said.address);
    });
  }
  for (const path of modelsPaths) {
    app.get(path, (context) => withPlan(deps, context, (plan) => modelList(context.req.raw, plan)));
    app.get(`${path}/:id{.+}`, (context) => withPlan(deps, context, (plan) => oneModel(context.req.raw, plan, context.req.param('id'))));
  }
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

function dialectOf(id: string): Dialect {
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) throw new Error(`no dialect ${id}`);
  return dialect;
}

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

async function withPlan(deps: DoorDeps, context: DoorContext, respond: (plan: Plan) => object): Promise<Response> {
  checkIngress(context.req.raw);
  await identifyBy(deps.keys, context.req.raw);
  const plan = await currentPlan(deps.planSource, (work) => context.executionCtx.waitUntil(work));
  const requestId = newRequestId();
  return Response.json(respond(plan), {
    headers: { 'x-weir-request-id': requestId, 'x-request-id': requestId, 'request-id': requestId, ...CORS_HEADERS },
  });
}

/** Anthropic's clients always say which version of their API they speak. */
const speaksAnthropic = (request: Request) => request.headers.has('anthropic-version');

function modelList(request: Request, plan: Plan): object {
  return speaksAnthropic(request) ? anthropicModels(listModels(plan)) : openaiModels(listModels(plan));
}

function oneModel(request: Request, plan: Plan, id: string): object {
  const model = listModels(plan).find((each) => each.id === id);
  if (model === undefined) throw new GatewayError('model_not_found', `There is no model "${id.slice(0, 200)}" in the list.`);
  return speaksAnthropic(request) ? anthropicModel(model) : openaiModel(model);
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
  const allow = methodsOf(path);
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
