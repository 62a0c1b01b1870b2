import { type Context, Hono } from 'hono';
import type { OrgLedger } from '../admin/deps.ts';
import { litellmPaths } from '../admin/litellm/paths.ts';
import type { PlanSource } from '../config/load.ts';
import type { LlmOperation } from '../core/call.ts';
import type { CallAddress, Dialect } from '../core/dialect.ts';
import type { Drain, HandedCall, HandOn } from '../core/drain.ts';
import { GatewayError } from '../core/errors.ts';
import type { Exchange, Identity } from '../core/exchange.ts';
import type { Idempotency } from '../core/idempotency/port.ts';
import type { Plan } from '../core/plan.ts';
import type { Clock, Ports } from '../core/ports.ts';
import type { ChatInside } from '../core/session.ts';
import { dialects } from '../dialects/index.ts';
import type { KeyRing } from '../identity/api-key/ring.ts';
import type { AppRing } from '../identity/apps/ring.ts';
import { llm } from '../kinds/llm/index.ts';
import { RESPONSES } from '../kinds/llm/responses/items.ts';
import type { AuditSigner } from '../state/audit-signer.ts';
import type { CredentialDesk } from '../state/credentials/index.ts';
import type { HealthDesk } from '../state/health/desk.ts';
import type { AuthorizationServer } from '../state/oauth/authorization-server.ts';
import type { SigningSecrets } from '../state/webhooks/secrets.ts';
import { adminDeps } from './admin-deps.ts';
import { errorAnswer, problem } from './answer.ts';
import { connectMethods, mountConnect } from './connect/index.ts';
import { CORS_HEADERS, preflight } from './cors.ts';
import { runLlm } from './exchange.ts';
import { feedbackMethods, mountFeedback } from './feedback.ts';
import { Callers } from './identify.ts';
import { checkIngress, hostFault } from './ingress.ts';
import { mcpMethods, mountMcp } from './mcp.ts';
import { metricsAnswer } from './metrics.ts';
import { type Caller, mountModels, speaksAnthropic } from './models.ts';
import { mountOAuth, oauthMethods } from './oauth/index.ts';
import { mountOperations, type OpenCall, operationMethods } from './operations.ts';
import { answerChat } from './own-chat.ts';
import { dialectOfPath, isUnserved, llmPaths, llmPatterns, methodsOf } from './paths.ts';
import { readiness } from './readiness.ts';
import { mountResponses, type ResponsesDoor } from './responses.ts';
import { routeFor } from './route.ts';
import { answerUnread } from './unread.ts';

/** What the door works with; nothing is read from anywhere else. */
export interface DoorDeps {
  readonly clock: Clock;
  readonly keys: KeyRing;
  /** The apps that other credentials than keys stand for. */
  readonly apps: AppRing;
  /** Whether this is a run on somebody's own machine: keys made here are called `dev`. */
  readonly local?: boolean;
  readonly planSource: PlanSource;
  readonly db?: D1Database | undefined;
  readonly adminToken?: string | undefined;
  /** Opens `/metrics`, as the admin token does, and nothing else. */
  readonly metricsToken?: string | undefined;
  /** The ledger of an organisation that exists, for the admin API. */
  readonly ledger?: ((org: string) => OrgLedger) | undefined;
  /** Of the audit, likewise. */
  readonly signer?: AuditSigner | undefined;
  /** Of webhooks, likewise. */
  readonly webhookSecrets?: SigningSecrets | undefined;
  /** How providers do, for the admin API and the metrics. */
  readonly health?: HealthDesk | undefined;
  /** What keeps credentials for the servers behind the gateway; absent where nobody does. */
  readonly credentials?: CredentialDesk | undefined;
  /** Keeps the answers of calls with an `Idempotency-Key`; one for a request. Absent where the deployment cannot. */
  readonly idempotency?: (() => Idempotency) | undefined;
  /** Told of every change of an organisation, or of anything in it, before its maker has the answer. */
  readonly tenantsChanged?: ((org: string, generation: number) => Promise<void> | void) | undefined;
  /** Has calls answered whose answers outlive their callers; absent where the deployment has no place for that. */
  readonly handOn?: HandOn | undefined;
  /** Signs people in, for clients of OAuth; absent where the deployment has no place or no secret for it. */
  readonly authorizationServer?: AuthorizationServer | undefined;
  ports(after: After): Ports;
}

type After = (work: Promise<unknown>) => void;
type DoorContext = Context<{ Variables: { requestId?: string } }>;

/** A call that was handed on, and how long its answer outlives its caller. It stands where the bindings of other requests do, so that nobody outside can make one. */
class HandedIn {
  constructor(
    readonly call: HandedCall,
    readonly drain: Drain,
  ) {}
}

export interface Door {
  readonly fetch: (request: Request, env: object, context: ExecutionContext) => Response | Promise<Response>;
  /** Answers a call that this gateway handed on: it is not handed on again, and who asks is not asked again. */
  readonly answer: (request: Request, handed: Pick<HandedIn, 'call' | 'drain'>, after: After) => Promise<Response>;
  /** Answers a chat call that is made for a caller in the midst of another call. */
  readonly chat: (call: ChatInside, after: After) => Promise<Response>;
  /** Everything it answers to, save what lies below `/admin/v1`. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

/** Matches the path, says who is asking, runs the exchange, and has the last word on errors. */
export function door(deps: DoorDeps): Door {
  // What is asked most, by itself: fixed paths and few patterns are found in one look-up, which more would turn into a walk.
  const front = new Hono<{ Variables: { requestId?: string } }>();
  const app = new Hono<{ Variables: { requestId?: string } }>();
  const callers = callersOf(deps);
  const identify = (request: Request, after: After) => callers.identify(request, after);
  const serve = (context: DoorContext, dialect: Dialect, operation: LlmOperation, address?: CallAddress, open?: OpenCall) => {
    const after = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
    const env: unknown = context.env;
    return runLlm(llm, {
      request: context.req.raw,
      requestId: newRequestId(),
      newRequestId,
      startedAt: deps.clock.now(),
      dialect,
      operation,
      ...(address === undefined ? {} : { address }),
      ...(open === undefined ? {} : { open }),
      ports: deps.ports(after),
      idempotency: deps.idempotency,
      edge: isEdge(deps),
      identify,
      renewed: (who) => callers.renewed(who),
      plan: () => currentPlan(deps.planSource, after),
      ...(env instanceof HandedIn ? handedArrival(env) : { handOn: deps.handOn }),
    });
  };
  for (const { path, dialect: id, operation } of llmPaths) {
    const dialect = dialectOf(id);
    front.post(path, (context) => serve(context, dialect, operation));
  }
  mountOperations(app, (context, dialect, open) => serve(context, knownDialect(dialect), 'chat', undefined, open));
  const responses = dialects.find(({ id }) => id === RESPONSES);
  if (responses !== undefined) mountResponses(app, responses, responsesDoor(deps, callers, responses));
  for (const { path, read } of llmPatterns) {
    app.post(path, (context) => {
      const url = new URL(context.req.raw.url);
      const said = read(url.pathname, url.searchParams, context.req.raw.headers);
      return said === undefined ? context.notFound() : serve(context, dialectOf(said.dialect), said.operation, said.address);
    });
  }
  mountFeedback(app, {
    db: deps.db,
    newRequestId,
    identify,
    renewed: (who) => callers.renewed(who),
    plan: (after) => currentPlan(deps.planSource, after),
    ports: deps.ports,
  });
  mountModels(app, (context, answer) => answerCaller(deps, identify, context, answer));
  const chat: Door['chat'] = (call, after) =>
    answerChat(call, {
      requestId: newRequestId(),
      startedAt: deps.clock.now(),
      dialect: dialectOf('openai-chat'),
      ports: deps.ports(after),
      edge: isEdge(deps),
      renewed: (who) => callers.renewed(who),
      plan: () => currentPlan(deps.planSource, after),
    });
  mountMcp(front, {
    chat,
    local: deps.local === true,
    newRequestId,
    identify,
    renewed: (who) => callers.renewed(who),
    plan: (after) => currentPlan(deps.planSource, after),
    ports: deps.ports,
  });
  const browsed = {
    apps: deps.apps,
    local: deps.local === true,
    server: deps.authorizationServer,
    identify,
    plan: (after: After) => currentPlan(deps.planSource, after),
    ports: deps.ports,
  };
  mountOAuth(app, { ...browsed, standsFor: (entry, proof, after) => callers.standsFor(entry, proof, after) });
  mountConnect(app, { ...browsed, db: deps.db, credentials: deps.credentials });
  app.get('/healthz', () => new Response('ok\n'));
  app.get('/readyz', (context) => readiness(deps.db, () => currentPlan(deps.planSource, (work) => context.executionCtx.waitUntil(work))));
  app.get('/metrics', (context) => {
    const plan = () => currentPlan(deps.planSource, (work) => context.executionCtx.waitUntil(work));
    return metricsAnswer(context.req.raw, { ...deps, plan });
  });
  app.get('/', () => Response.json({ name: 'weir', docs: 'README.md', health: '/healthz' }));
  // Coding agents look with HEAD whether a gateway is there before they use it.
  app.get('/api/hello', () => new Response(null, { status: 200 }));
  const administered = () => adminDeps(deps, callers, { newRequestId, plan: (after) => currentPlan(deps.planSource, after) });
  // Its schemas are as much work at the start as all the rest: an isolate that nobody administers does without.
  const admin = once(async () => new Hono().route('/admin/v1', (await import('../admin/app.ts')).adminApp(administered())));
  app.all('/admin/v1/*', async (context) => {
    checkIngress(context.req.raw);
    await (deps.planSource.prepare((work) => context.executionCtx.waitUntil(work)) ?? undefined);
    return (await admin()).fetch(context.req.raw, context.env, context.executionCtx);
  });
  const litellm = once(async () => (await import('../admin/litellm/app.ts')).litellmApp(administered()));
  for (const [method, path] of litellmPaths) {
    app.on(method, path, async (context) => {
      checkIngress(context.req.raw);
      return (await litellm()).fetch(context.req.raw, context.env, context.executionCtx);
    });
  }
  // Not a route of its own: a path that matches one handler alone is dispatched without building a chain.
  app.notFound((context) =>
    context.req.method === 'OPTIONS' ? preflight(context.req.raw) : refuse(context, unknownPath(context.req.raw, context.req.path)),
  );
  app.onError((thrown, context) => refuse(context, errorOf(thrown, context.req.raw)));
  front.onError((thrown, context) => refuse(context, errorOf(thrown, context.req.raw)));
  front.notFound((context) => app.fetch(context.req.raw, context.env, context.executionCtx));
  const answer: Door['answer'] = async (request, { call, drain }, after) => {
    const { cf } = call;
    const asked = cf === undefined ? request : new Request(request, { cf: { ...cf } });
    return front.fetch(asked, new HandedIn(call, drain), { waitUntil: after, passThroughOnException: () => undefined, props: {} });
  };
  return {
    fetch: async (request, env, context) => answerUnread(request, await front.fetch(request, env, context)),
    ...{ answer, chat, routes: [...front.routes, ...app.routes] },
  };
}

/** What a call brings with it that was let in elsewhere. */
const handedArrival = ({ call: { requestId, startedAt, who }, drain }: HandedIn) => ({
  requestId,
  startedAt,
  identify: () => who,
  drain,
  // Its caller's leaving ends nothing: the end of its time does.
  listens: true as const,
});

/** What reads the URL before the door looks at the request fails where the host makes it none. */
function errorOf(thrown: unknown, request: Request): GatewayError {
  const error = GatewayError.from(thrown);
  return error.code === 'internal' ? (hostFault(request) ?? error) : error;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function responsesDoor(deps: DoorDeps, callers: Callers, dialect: Dialect): ResponsesDoor {
  const identify = (request: Request, after: After) => callers.identify(request, after);
  const renewed = (who: Identity) => callers.renewed(who);
  const plan = (after: (work: Promise<unknown>) => void) => currentPlan(deps.planSource, after);
  return {
    newRequestId,
    identify,
    renewed,
    plan,
    ports: deps.ports,
    idempotency: deps.idempotency,
    ask: (request, after) =>
      runLlm(llm, {
        request,
        requestId: newRequestId(),
        startedAt: deps.clock.now(),
        dialect,
        operation: 'chat',
        listens: true,
        ports: deps.ports(after),
        edge: isEdge(deps),
        identify,
        renewed,
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

/** Whether calls come through Cloudflare's edge, and what it says of them can be believed. */
const isEdge = ({ local }: Pick<DoorDeps, 'local'>) => local !== true;

const callersOf = ({ keys, apps, planSource, ports, local }: DoorDeps) =>
  new Callers({ keys, apps, ports, edge: local !== true, plan: (after) => currentPlan(planSource, after) });

function currentPlan(source: PlanSource, after: (work: Promise<unknown>) => void): Plan | Promise<Plan> {
  const first = source.prepare(after);
  return first === undefined ? source.current() : first.then(() => source.current());
}

/** Answers what is no exchange: nothing is asked of a provider, and nothing is logged. */
async function answerCaller(
  deps: DoorDeps,
  identify: ResponsesDoor['identify'],
  context: DoorContext,
  respond: (caller: Caller) => Promise<object>,
): Promise<Response> {
  const request = context.req.raw;
  checkIngress(request);
  const after = (work: Promise<unknown>) => context.executionCtx.waitUntil(work);
  const who = await identify(request, after);
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

function unknownPath(request: Request, path: string): GatewayError {
  if (request.headers.get('upgrade')?.toLowerCase() === 'websocket') {
    return new GatewayError('upgrade_required', 'WebSocket is not served here. Use the HTTP form of the same call.');
  }
  const allow =
    methodsOf(path) ?? operationMethods(path) ?? mcpMethods(path) ?? oauthMethods(path) ?? connectMethods(path) ?? feedbackMethods(path);
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
