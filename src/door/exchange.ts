import { LlmCall, type LlmOperation } from '../core/call.ts';
import type { CallAddress, Dialect } from '../core/dialect.ts';
import { GatewayError } from '../core/errors.ts';
import type { Canon, Exchange, Identity } from '../core/exchange.ts';
import type { CallHold } from '../core/hold.ts';
import { isObject, type Json, parseJson } from '../core/json.ts';
import type { Kind, Reply, ReplyEnd } from '../core/kind.ts';
import type { Plan, PlanRoute } from '../core/plan.ts';
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
    return answer(run.withStanding(reply), arrival.requestId, origin);
  } catch (thrown) {
    const error = GatewayError.from(thrown);
    const rendered = kind.fail(error, arrival.dialect.id, arrival.requestId);
    const finished = run.fail(error, rendered.status);
    if (finished !== undefined) arrival.ports.after(finished);
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
function holdOf(who: Identity, arrival: Arrival, route: string, call: Canon['llm']['call']): CallHold | undefined {
  const { limits } = who;
  if (limits === undefined || limits.length === 0) return undefined;
  const { ports, request, requestId, startedAt } = arrival;
  if (ports.ledger === undefined)
    throw new GatewayError('overloaded', 'This key has limits, and the deployment has no ledger to hold them in.');
  return new LedgerHold({
    requestId,
    startedAt,
    who,
    limits,
    ledger: ports.ledger(who.org),
    clock: ports.clock,
    run: runOf(request.headers),
    user: userOf(request.headers, call),
    route,
    log: (message, cause) => console.error(message, cause),
  });
}

/** Whom the caller names as its own user, for limits of each. */
function userOf(headers: Headers, call: Canon['llm']['call']): string | undefined {
  const named = headers.get('x-weir-user');
  if (named !== null && named !== '') return named.slice(0, 256);
  const user = call.wire.fields.get('user');
  return typeof user === 'string' && user !== '' ? user.slice(0, 256) : undefined;
}

class Run {
  readonly #kind: Kind<'llm'>;
  readonly #arrival: Arrival;
  #who: Identity | undefined;
  #call: Canon['llm']['call'] | undefined;
  #chain: PolicyChain | undefined;
  #route = 'llm';
  #hold: CallHold | undefined;
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
    const planned = this.#arrival.plan();
    const plan = planned instanceof Promise ? await planned : planned;
    const route = routeFor(plan, who);
    this.#route = route.name;
    const { call, serve = this.#kind.serve } = await this.#open(plan);
    this.#call = call;
    this.#hold = holdOf(who, this.#arrival, route.name, call);
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
      ...(this.#arrival.listens === true ? { listens: true } : {}),
      note: (fact, value) => {
        this.#facts ??= {};
        this.#facts[fact] = value;
      },
    };
  }

  /** What is left of the limits, on every answer that was held to any. */
  withStanding(reply: Reply): Reply {
    return this.#hold === undefined ? reply : { ...reply, headers: { ...reply.headers, ...this.#hold.headers } };
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
      .then(() => this.#record(outcome, facts));
  }

  #record(outcome: Outcome, facts: RecordFacts): undefined {
    const who = this.#who;
    // A call without a valid key leaves no trace in the database: strangers must not be able to fill it.
    if (who === undefined) return undefined;
    const { ports, request, requestId, startedAt, dialect } = this.#arrival;
    const run = runOf(request.headers);
    const metadata = metadataOf(request.headers);
    ports.journal.record({
      id: requestId,
      startedAt,
      durationMs: ports.clock.now() - startedAt,
      route: this.#route,
      dialect: dialect.id,
      status: outcome.status,
      httpStatus: outcome.httpStatus,
      ...facts,
      keyId: who.keyId,
      ...(this.#call === undefined || this.#call.head.model === '' ? {} : { askedModel: this.#call.head.model }),
      ...(outcome.usage === undefined ? {} : { usage: outcome.usage }),
      ...(outcome.cost === undefined ? {} : { cost: outcome.cost }),
      ...(outcome.error === undefined ? {} : { errorCode: outcome.error.code }),
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

function runOf(headers: Headers): string | undefined {
  for (const name of RUN_HEADERS) {
    const value = headers.get(name);
    if (value !== null && value !== '') return value.slice(0, 256);
  }
  return undefined;
}

/** `x-weir-metadata`: a flat JSON object of at most 4 KB; anything else is left out rather than refused. */
function metadataOf(headers: Headers): Json | undefined {
  const text = headers.get('x-weir-metadata');
  if (text === null || text.length > 4096) return undefined;
  const value = parseJson(text);
  return isObject(value) && Object.values(value).every((each) => typeof each !== 'object' || each === null) ? value : undefined;
}
