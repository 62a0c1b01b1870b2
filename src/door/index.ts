import { type Context, Hono } from 'hono';
import type { AdminDeps, KeyDesk } from '../admin/deps.ts';
import type { PlanSource } from '../config/load.ts';
import { rolls } from '../config/rolls.ts';
import type { LlmOperation } from '../core/call.ts';
import type { CallAddress, Dialect } from '../core/dialect.ts';
import { GatewayError } from '../core/errors.ts';
import type { Exchange, Identity } from '../core/exchange.ts';
import type { Plan } from '../core/plan.ts';
import type { Clock, Ports } from '../core/ports.ts';
import { dialects } from '../dialects/index.ts';
import { checkOrigin } from '../identity/api-key/allowed.ts';
import { shownKey } from '../identity/api-key/format.ts';
import type { KeyRing } from '../identity/api-key/ring.ts';
import { llm } from '../kinds/llm/index.ts';
import { RESPONSES } from '../kinds/llm/responses/items.ts';
import { readHead } from '../state/revisions.ts';
import { errorAnswer, problem } from './answer.ts';
import { CORS_HEADERS, preflight } from './cors.ts';
import { presentedKey } from './credential.ts';
import { runLlm } from './exchange.ts';
import { checkIngress } from './ingress.ts';
import { type Caller, mountModels, speaksAnthropic } from './models.ts';
import { mountOperations, type OpenCall, operationMethods } from './operations.ts';
import { originOf } from './origin.ts';
import { dialectOfPath, isUnserved, llmPaths, llmPatterns, methodsOf } from './paths.ts';
import { mountResponses, type ResponsesDoor } from './responses.ts';
import { routeFor } from './route.ts';

/** What the door works with; nothing is read from anywhere else. */
export interface DoorDeps {
  readonly clock: Clock;
  readonly keys: KeyRing;
  /** Whether this is a run on somebody's own machine: keys made here are called `dev`. */
  readonly local?: boolean;
  readonly planSource: PlanSource;
  readonly db?: D1Database | undefined;
  readonly adminToken?: string | undefined;
  /** Told of every change of an organisation, or of anything in it, before its maker has the answer. */
  readonly tenantsChanged?: ((org: string, generation: number) => Promise<void> | void) | undefined;
  ports(after: After): Ports;
}

type After = (work: Promise<unknown>) => void;
type DoorContext = Context<{ Variables: { requestId?: string } }>;

export interface Door {
  readonly fetch: (request: Request, env: object, context: ExecutionContext) => Response | Promise<Response>;
  /** Everything it answers to, save what lies below `/admin/v1`. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

/** Matches the path, says who is asking, runs the exchange, and has the last word on errors. */
export function door(deps: DoorDeps): Door {
  // Fixed paths first and by themselves: they are found in one look-up, which patterns beside them would turn into a walk.
  const front = new Hono<{ Variables: { requestId?: string } }>();
  const app = new Hono<{ Variables: { requestId?: string } }>();
  const identify = (request: Request, after: After) => identifyBy(deps.keys, request, after);
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
    front.post(path, (context) => serve(context, dialect, operation));
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
  // Its schemas are as much work at the start as all the rest: an isolate that nobody administers does without.
  const admin = once(async () => new Hono().route('/admin/v1', (await import('../admin/app.ts')).adminApp(adminDeps(deps))));
  app.all('/admin/v1/*', async (context) => {
    checkIngress(context.req.raw);
    await (deps.planSource.prepare((work) => context.executionCtx.waitUntil(work)) ?? undefined);
    return (await admin()).fetch(context.req.raw, context.env, context.executionCtx);
  });
  // Not a route of its own: a path that matches one handler alone is dispatched without building a chain.
  app.notFound((context) =>
    context.req.method === 'OPTIONS' ? preflight(context.req.raw) : refuse(context, unknownPath(context.req.raw, context.req.path)),
  );
  app.onError((thrown, context) => refuse(context, GatewayError.from(thrown)));
  front.onError((thrown, context) => refuse(context, GatewayError.from(thrown)));
  front.notFound((context) => app.fetch(context.req.raw, context.env, context.executionCtx));
  return { fetch: front.fetch, routes: [...front.routes, ...app.routes] };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function responsesDoor(deps: DoorDeps, dialect: Dialect): ResponsesDoor {
  const identify = (request: Request, after: After) => identifyBy(deps.keys, request, after);
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

/** What the admin API is given of the gateway it administers. */
function adminDeps({ keys, db, planSource, adminToken: token, clock, local, tenantsChanged }: DoorDeps): AdminDeps {
  const desk: KeyDesk = { mint: (environment, id) => keys.mint(environment, id), shown: shownKey, changed: () => keys.changed() };
  return { db, planSource, rolls, token, clock, keys: desk, environment: local === true ? 'dev' : 'live', tenantsChanged };
}

function identifyBy(keys: KeyRing, request: Request, after: After): Identity | Promise<Identity> {
  const presented = presentedKey(request);
  if (presented === undefined) {
    throw new GatewayError('missing_key', 'Send a gateway key, for example as `Authorization: Bearer <key>` or `x-api-key: <key>`.');
  }
  const known = keys.known(presented, after);
  return known === undefined ? verify(keys, presented, request, after) : fromHere(known, request);
}

async function verify(keys: KeyRing, presented: string, request: Request, after: After): Promise<Identity> {
  const identity = await keys.identify(presented, after);
  if (identity === undefined)
    throw new GatewayError('invalid_key', 'The gateway key is not valid. Check that it was copied whole, or ask the operator for one.');
  return fromHere(identity, request);
}

/** Throws `not_allowed` where its owner said that it must not be used from here. */
function fromHere(identity: Identity, request: Request): Identity {
  if (identity.allowed !== undefined) checkOrigin(identity, originOf(request));
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
  const after = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
  const who = await identifyBy(deps.keys, request, after);
  const plan = await currentPlan(deps.planSource, after);
  const id = newRequestId();
  const { name, kind } = routeFor(plan, who);
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
