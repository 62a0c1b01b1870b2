import { LlmCall, type LlmOperation } from '../core/call.ts';
import type { CallAddress, Dialect } from '../core/dialect.ts';
import { GatewayError } from '../core/errors.ts';
import type { Canon, Exchange, Identity } from '../core/exchange.ts';
import type { CallHold } from '../core/hold.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../core/json.ts';
import type { Kind, Reply, ReplyEnd } from '../core/kind.ts';
import type { Plan, PlanLimits, PlanRoute } from '../core/plan.ts';
import type { Outcome } from '../core/policy.ts';
import type { Ports, RequestRecord } from '../core/ports.ts';
import { readText } from '../core/reader.ts';
import { PolicyChain } from '../core/run.ts';
import { Wire } from '../core/wire.ts';
import { dialects } from '../dialects/index.ts';
import { shapeOf } from '../dialects/shape.ts';
import { LedgerHold } from '../kinds/llm/limits/hold.ts';
import { answer, errorAnswer } from './answer.ts';
import { checkContentType, checkIngress } from './ingress.ts';
import { llmRoute, routeFor } from './route.ts';
import { CallVigil, checkRun } from './vigil.ts';

/** What the door found out before the exchange begins. */
export interface Arrival {
  readonly request: Request;
  readonly requestId: string;
  readonly startedAt: number;
  readonly dialect: Dialect;
  readonly operation: LlmOperation;
  /** What the path said of the call, where it did. */
  readonly address?: CallAddress;
  readonly ports: Ports;
  /** Whether the request's signal alone tells that the caller has left: it came inside another connection. */
  readonly listens?: true;
  /** How a call of another operation than chat is read and served. */
  readonly open?: (request: Request, plan: Plan) => Promise<OpenedCall>;
  identify(request: Request, after: (work: Promise<unknown>) => void): Promise<Identity> | Identity;
  /** Who a caller is now; `undefined` where the credential holds no more. */
  renewed(who: Identity): Promise<Identity | undefined>;
  plan(): Promise<Plan> | Plan;
}

/** What a record says of the answer besides its outcome. */
type RecordFacts = Pick<RequestRecord, 'stream' | 'attempts' | 'lane' | 'servedModel' | 'firstTokenMs' | 'priceVersion'>;

/** A call, and what serves it once the policies have passed it: the kind, where nothing else is said. */
export interface OpenedCall {
  readonly call: Canon['llm']['call'];
  readonly serve?: Kind<'llm'>['serve'];
}

/** Headers that name the run a call belongs to, Weir's own first. */
const RUN_HEADERS = ['x-weir-run', 'x-session-id', 'helicone-session-id', 'cf-aig-session-id', 'x-litellm-trace-id'];

/**
 * One LLM call from the door to its outcome: identity, policies in, the kind, and at the end, exactly once, the
 * policies' `end` and the log row.
 */
export async function runLlm(kind: Kind<'llm'>, arrival: Arrival): Promise<Response> {
  const run = new Run(kind, arrival);
  const origin = arrival.request.headers.has('origin');
  try {
    const reply = await run.serve();
    const finished = reply.done instanceof Promise ? reply.done.then((end) => run.finish(reply, end)) : run.finish(reply, reply.done);
    if (finished !== undefined) arrival.ports.after(finished);
    const kept = run.kept();
    if (kept !== undefined) await kept;
    return answer(run.withStanding(reply), arrival.requestId, origin);
  } catch (thrown) {
    const error = GatewayError.from(thrown);
    const rendered = kind.fail(error, arrival.dialect.id, arrival.requestId);
    const finished = run.fail(error, rendered.status);
    if (finished !== undefined) arrival.ports.after(finished);
    error.standing = run.standing;
    return errorAnswer(error, rendered, arrival.requestId, origin);
  }
}

/** The dialect of a body that came on the path of the other of OpenAI's two; the path's own in every other case. */
function spokenDialect(dialect: Dialect, operation: LlmOperation, { fields }: Wire): Dialect {
  if (operation !== 'chat' || !(dialect.id === 'openai-chat' || dialect.id === 'openai-responses')) return dialect;
  const shape = shapeOf(fields);
  return shape === undefined || shape === dialect.id ? dialect : (dialects.find(({ id }) => id === shape) ?? dialect);
}

/** What holds a call to the limits of its key and all above it. Where they cannot be checked nothing passes. */
export function holdOf(
  who: Identity,
  arrival: Pick<Arrival, 'ports' | 'request' | 'requestId' | 'startedAt' | 'renewed'>,
  run: string | undefined,
  route: string,
  call: Canon['llm']['call'] | undefined,
  { hold: ttl, allowances }: PlanLimits,
): CallHold | undefined {
  const { limits } = who;
  if (limits === undefined || limits.length === 0) return undefined;
  const { ports, request, requestId, startedAt } = arrival;
  if (ports.ledger === undefined)
    throw new GatewayError('overloaded', 'This key has limits, and the deployment has no ledger to hold them in.');
  return new LedgerHold({
    requestId,
    startedAt,
    who,
    renewed: (known) => arrival.renewed(known),
    ledger: ports.ledger(who.org, allowances),
    clock: ports.clock,
    usual: ports.usual,
    run,
    user: userOf(who, request.headers, call),
    route,
    ttl,
    log: (message, cause) => console.error(message, cause),
  });
}

/** Whose call it is among the users of an app: whom the credential names, which the caller cannot choose, or else the caller. */
function userOf(who: Identity, headers: Headers, call: Canon['llm']['call'] | undefined): string | undefined {
  if (who.user !== undefined) return who.user.slice(0, 256);
  const named = headers.get('x-weir-user');
  if (named !== null && named !== '') return named.slice(0, 256);
  const user = call === undefined ? undefined : fieldOf(call, 'user');
  return typeof user === 'string' && user !== '' ? user.slice(0, 256) : undefined;
}

/** A field of the body. One that is no JSON is its provider's to refuse. */
function fieldOf(call: Canon['llm']['call'], name: string): Json | undefined {
  try {
    return call.wire.fields.get(name);
  } catch {
    return undefined;
  }
}

class Run {
  readonly #kind: Kind<'llm'>;
  readonly #arrival: Arrival;
  #who: Identity | undefined;
  #call: Canon['llm']['call'] | undefined;
  #chain: PolicyChain | undefined;
  #route = 'llm';
  /** What the caller calls the run that the call belongs to. */
  #run: string | undefined;
  #hold: CallHold | undefined;
  #concluded: PromiseWithResolvers<void> | undefined;
  #facts: { [fact: string]: Json } | undefined;

  constructor(kind: Kind<'llm'>, arrival: Arrival) {
    this.#kind = kind;
    this.#arrival = arrival;
  }

  async serve(): Promise<Reply> {
    const { request, ports } = this.#arrival;
    checkIngress(request);
    const identified = this.#arrival.identify(request, ports.after);
    const who = identified instanceof Promise ? await identified : identified;
    this.#who = who;
    this.#run = runOf(request.headers);
    if (this.#run !== undefined && ports.pulse !== undefined) await checkRun(ports, who, this.#run);
    const planned = this.#arrival.plan();
    const plan = planned instanceof Promise ? await planned : planned;
    const route = routeFor(plan, who);
    this.#route = route.name;
    const { call, serve = this.#kind.serve } = await this.#open(plan);
    this.#call = call;
    this.#hold = holdOf(who, this.#arrival, this.#run, route.name, call, plan.limits);
    // Where the platform ends a call whose caller has left, what is held for it must still be settled.
    if (this.#hold !== undefined) {
      this.#concluded = Promise.withResolvers();
      ports.after(this.#concluded.promise);
    }
    const exchange = this.#exchange(who, route);
    const chain = new PolicyChain(route.policies, exchange);
    this.#chain = chain;
    if (route.policies.length === 0) return serve(call, exchange, chain, plan);
    const admitted = await chain.admit(call);
    return 'answer' in admitted ? this.#kind.render(admitted.answer, call, exchange, chain) : serve(admitted.call, exchange, chain, plan);
  }

  async #open(plan: Plan): Promise<OpenedCall> {
    const { request, dialect, operation, address, open } = this.#arrival;
    if (open !== undefined) return open(request, plan);
    const wire = Wire.read(await readJsonBody(request, plan));
    return { call: LlmCall.read(spokenDialect(dialect, operation, wire), wire, request.headers, operation, address) };
  }

  #exchange(who: Identity, route: PlanRoute): Exchange {
    const { request, requestId, ports } = this.#arrival;
    return {
      id: requestId,
      who,
      route: { name: route.name, kind: route.kind },
      surface: this.#kind.surface,
      ports,
      signal: request.signal,
      ...(this.#hold === undefined ? {} : { hold: this.#hold }),
      ...(this.#run === undefined ? {} : { run: this.#run }),
      ...(ports.pulse === undefined ? {} : { vigil: this.#vigil(who) }),
      ...(this.#arrival.listens === true ? { listens: true } : {}),
      note: (fact, value) => {
        this.#facts ??= {};
        this.#facts[fact] = value;
      },
    };
  }

  #vigil(who: Identity): CallVigil {
    const { ports, renewed } = this.#arrival;
    return new CallVigil({ ports, who, run: this.#run, renewed });
  }

  /** An answer leaves once it is written down that there will be one: a caller who has it finds it in the account. */
  kept(): Promise<void> | undefined {
    return this.#hold?.kept();
  }

  /** What is left of the limits; nothing where the call was held to none. */
  get standing() {
    return this.#hold?.headers ?? {};
  }

  withStanding(reply: Reply): Reply {
    return this.#hold === undefined ? reply : { ...reply, headers: { ...reply.headers, ...this.standing } };
  }

  finish(reply: Reply, end: ReplyEnd): Promise<void> | undefined {
    const { startedAt } = this.#arrival;
    return this.#conclude(
      {
        status: end.status,
        httpStatus: reply.status,
        ...(end.usage === undefined ? {} : { usage: end.usage }),
        ...(end.cost === undefined ? {} : { cost: end.cost }),
        ...(end.error === undefined ? {} : { error: end.error }),
      },
      {
        stream: reply.stream,
        attempts: end.attempts,
        ...(reply.lane === undefined ? {} : { lane: reply.lane }),
        ...(end.servedModel === undefined ? {} : { servedModel: end.servedModel }),
        ...(end.priceVersion === undefined ? {} : { priceVersion: end.priceVersion }),
        ...(end.firstTokenAt === undefined ? {} : { firstTokenMs: end.firstTokenAt - startedAt }),
      },
    );
  }

  fail(error: GatewayError, httpStatus: number): Promise<void> | undefined {
    // Who left saw no error, and none happened.
    const outcome: Outcome = this.#arrival.request.signal.aborted
      ? { status: 'aborted', httpStatus }
      : { status: 'failed', httpStatus, error };
    return this.#conclude(outcome, { stream: this.#call?.head.stream ?? false, attempts: error.attempts });
  }

  /** Returns nothing where there is nothing to wait for: the usual exchange costs no promise here. */
  #conclude(outcome: Outcome, facts: RecordFacts): Promise<void> | undefined {
    const hold = this.#hold;
    if (hold === undefined && (this.#chain === undefined || this.#chain.isEmpty)) return this.#record(outcome, facts);
    return Promise.resolve(this.#chain?.end(outcome))
      .then(() => hold?.settle(outcome, facts))
      .then(() => this.#record(outcome, facts))
      .finally(() => this.#concluded?.resolve());
  }

  #record(outcome: Outcome, facts: RecordFacts): undefined {
    const who = this.#who;
    // A call without a valid key leaves no trace in the database: strangers must not be able to fill it.
    if (who === undefined) return undefined;
    const { ports, request, requestId, startedAt, dialect } = this.#arrival;
    const run = this.#run;
    const user = userOf(who, request.headers, this.#call);
    const metadata = metadataOf(request.headers, who.metadata);
    const toolCalls = this.#hold?.toolCalls;
    ports.journal.record({
      id: requestId,
      startedAt,
      durationMs: ports.clock.now() - startedAt,
      route: this.#route,
      dialect: dialect.id,
      status: outcome.status,
      httpStatus: outcome.httpStatus,
      ...facts,
      org: who.org,
      team: who.team,
      app: who.app,
      keyId: who.keyId,
      ...(this.#call === undefined || this.#call.head.model === '' ? {} : { askedModel: this.#call.head.model }),
      ...(outcome.usage === undefined ? {} : { usage: outcome.usage }),
      ...(toolCalls === undefined ? {} : { toolCalls }),
      ...(outcome.cost === undefined ? {} : { cost: outcome.cost }),
      ...(outcome.error === undefined ? {} : { errorCode: outcome.error.code }),
      ...(user === undefined ? {} : { user }),
      ...(run === undefined ? {} : { run }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(this.#facts === undefined ? {} : { facts: this.#facts }),
    });
  }
}

/** The body of a call that comes as JSON. Throws `unsupported_media_type`, `request_too_large`, `invalid_json`. */
export async function readJsonBody(request: Request, plan: Plan): Promise<string> {
  checkContentType(request);
  const body = await readText(request, plan.limits.body).catch(notUtf8);
  if (body === undefined) throw new GatewayError('request_too_large', `The body is larger than ${plan.limits.body} bytes.`);
  return body;
}

/** Whether anything looks at the calls of this route. */
export const hasPolicies = (plan: Plan): boolean => llmRoute(plan).policies.length > 0;

function notUtf8(cause: unknown): never {
  if (cause instanceof TypeError) throw new GatewayError('invalid_json', 'The body is not valid UTF-8, or it broke off.', { cause });
  throw cause;
}

export function runOf(headers: Headers): string | undefined {
  for (const name of RUN_HEADERS) {
    const value = headers.get(name);
    if (value !== null && value !== '') return value.slice(0, 256);
  }
  return undefined;
}

/**
 * What a call is attributed to. `x-weir-metadata`: a flat JSON object of at most 4 KB; anything else is left out rather
 * than refused. What the operator says of the caller stands over it: nobody shifts costs onto another team.
 */
function metadataOf(headers: Headers, operators: JsonObject = {}): JsonObject | undefined {
  const text = headers.get('x-weir-metadata');
  const value = text === null || text.length > 4096 ? undefined : parseJson(text);
  const isFlat = isObject(value) && Object.values(value).every((each) => typeof each !== 'object' || each === null);
  const metadata = { ...(isFlat ? value : undefined), ...operators };
  return isFlat || Object.keys(operators).length > 0 ? metadata : undefined;
}
