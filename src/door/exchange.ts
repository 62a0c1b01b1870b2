import { LlmCall, type LlmOperation } from '../core/call.ts';
import type { CallAddress, Dialect } from '../core/dialect.ts';
import type { Drain, HandOn } from '../core/drain.ts';
import { GatewayError } from '../core/errors.ts';
import type { Canon, Identity } from '../core/exchange.ts';
import type { CallHold } from '../core/hold.ts';
import type { Claim } from '../core/idempotency/claim.ts';
import type { Idempotency } from '../core/idempotency/port.ts';
import type { Kind, Reply, ReplyEnd } from '../core/kind.ts';
import type { Plan, PlanLimits, PlanRoute } from '../core/plan.ts';
import type { Outcome } from '../core/policy.ts';
import type { Ports, RequestRecord } from '../core/ports.ts';
import { PolicyChain } from '../core/run.ts';
import { Wire } from '../core/wire.ts';
import { type HoldOptions, LedgerHold } from '../kinds/llm/limits/hold.ts';
import { answer, errorAnswer } from './answer.ts';
import { CallExchange } from './call-exchange.ts';
import { metadataOf, runOf, spokenDialect, userOf } from './call-facts.ts';
import { handOn } from './drain.ts';
import { keyOf, rememberRefusal, rememberReply, replayed, takeKey } from './idempotency.ts';
import { checkIngress } from './ingress.ts';
import { readJsonBody } from './json-body.ts';
import { llmRoute, routeFor } from './route.ts';
import { CallVigil, checkRun } from './vigil.ts';

/** What the door found out before the exchange begins. */
export interface Arrival {
  readonly request: Request;
  readonly requestId: string;
  /** For calls that follow from this one; absent where none do. */
  readonly newRequestId?: () => string;
  readonly startedAt: number;
  readonly dialect: Dialect;
  readonly operation: LlmOperation;
  /** What the path said of the call, where it did. */
  readonly address?: CallAddress;
  readonly ports: Ports;
  /** What keeps the answers of calls with an `Idempotency-Key`; absent where the deployment cannot. */
  readonly idempotency?: (() => Idempotency) | undefined;
  /** Whether an edge stands before the gateway, which says where calls come from. */
  readonly edge: boolean;
  /** Whether the request's signal alone tells that the caller has left: it came inside another connection. */
  readonly listens?: true;
  /** Has calls answered whose answers outlive their callers, where the configuration says so; absent where nobody can. */
  readonly handOn?: HandOn | undefined;
  /** This call is answered for somebody who may have left, and is handed on no further. */
  readonly drain?: Drain | undefined;
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

/**
 * One LLM call from the door to its outcome: identity, policies in, the kind, and at the end, exactly once, the
 * policies' `end` and the log row.
 */
export async function runLlm(kind: Kind<'llm'>, arrival: Arrival): Promise<Response> {
  const run = new Run(kind, arrival);
  const origin = arrival.request.headers.has('origin');
  try {
    const reply = await run.serve();
    if (reply instanceof Response) return reply;
    const finished = reply.done instanceof Promise ? reply.done.then((end) => run.finish(reply, end)) : run.finish(reply, reply.done);
    if (finished !== undefined) arrival.ports.after(finished);
    const kept = run.kept();
    if (kept !== undefined) await kept;
    const response = answer(reply, arrival.requestId, origin, run.head);
    return run.claim === undefined ? response : rememberReply(run.claim, reply, response);
  } catch (thrown) {
    const error = GatewayError.from(thrown);
    const rendered = kind.fail(error, arrival.dialect.id, arrival.requestId);
    const finished = run.fail(error, rendered.status);
    if (finished !== undefined) arrival.ports.after(finished);
    error.standing = run.head;
    const response = errorAnswer(error, rendered, arrival.requestId, origin);
    return run.claim === undefined ? response : rememberRefusal(run.claim, error, response, arrival.ports.after);
  }
}

/** What must be known of an arrival before it can be held to anything. */
export type HeldArrival = Pick<Arrival, 'ports' | 'request' | 'requestId' | 'startedAt' | 'renewed'> & Partial<Pick<Arrival, 'dialect'>>;

/**
 * What holds a call to the limits of its key and all above it. Where they cannot be checked nothing passes. `own`: what the
 * hold has of its own where a request has several.
 */
export function holdOf(
  who: Identity,
  arrival: HeldArrival,
  run: string | undefined,
  route: string,
  call: Canon['llm']['call'] | undefined,
  { hold: ttl, allowances }: PlanLimits,
  own: Pick<HoldOptions, 'id' | 'session' | 'dialect'> = {},
): LedgerHold | undefined {
  const { limits } = who;
  if (limits === undefined || limits.length === 0) return undefined;
  const { ports, request, requestId, startedAt, dialect } = arrival;
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
    dialect: dialect?.id,
    ...own,
    log: (message, cause) => console.error(message, cause),
  });
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
  #exchanged: CallExchange | undefined;
  /** The call whose answer is given again. */
  #replayed: string | undefined;
  /** The key that the caller gave the call, where this call holds it. */
  claim: Claim | undefined;

  constructor(kind: Kind<'llm'>, arrival: Arrival) {
    this.#kind = kind;
    this.#arrival = arrival;
  }

  /** A `Response` is one that somebody else has given, who says the rest. */
  async serve(): Promise<Reply | Response> {
    const { ports } = this.#arrival;
    let { request } = this.#arrival;
    checkIngress(request);
    const identified = this.#arrival.identify(request, ports.after);
    const who = identified instanceof Promise ? await identified : identified;
    this.#who = who;
    this.#run = runOf(request.headers);
    if (this.#run !== undefined && ports.pulse !== undefined) await checkRun(ports, who, this.#run);
    const planned = this.#arrival.plan();
    const plan = planned instanceof Promise ? await planned : planned;
    if (plan.vault !== undefined) await ports.unlock?.(who.org, plan.vault);
    const route = routeFor(plan, who);
    this.#route = route.name;
    if (plan.drains === true) {
      const handed = await handOn(this.#arrival, who, route, plan);
      if (handed instanceof Response) return handed;
      request = handed;
    }
    const key = keyOf(request);
    const keyed = key === null ? undefined : await this.#takeKey(key, request, who, plan);
    if (keyed !== undefined && 'answer' in keyed) return replayed(keyed.answer);
    const { call, serve = this.#kind.serve } = await this.#open(plan, keyed?.request ?? request);
    this.#call = call;
    this.#hold = holdOf(who, this.#arrival, this.#run, route.name, call, plan.limits);
    // Where the platform ends a call whose caller has left, what is held for it must still be settled.
    if (this.#hold !== undefined) {
      this.#concluded = Promise.withResolvers();
      ports.after(this.#concluded.promise);
    }
    const exchange = this.#exchange(who, route, plan);
    this.#exchanged = exchange;
    const chain = new PolicyChain(route.policies, exchange);
    this.#chain = chain;
    if (route.policies.length === 0) return serve(call, exchange, chain, plan);
    const admitted = await chain.admit(call);
    return 'answer' in admitted ? this.#kind.render(admitted, call, exchange, chain, plan) : serve(admitted.call, exchange, chain, plan);
  }

  async #takeKey(key: string, request: Request, who: Identity, plan: Plan) {
    const { requestId, ports, idempotency, drain } = this.#arrival;
    const keyed = await takeKey(key, { request, requestId, who, plan, ports, idempotency, drain });
    if (keyed === undefined) return undefined;
    if ('answer' in keyed) this.#replayed = keyed.answer.requestId;
    else this.claim = keyed.claim;
    return keyed;
  }

  /** `request`: the call's own, or one whose body can be read yet. */
  async #open(plan: Plan, request: Request): Promise<OpenedCall> {
    const { dialect, operation, address, open } = this.#arrival;
    if (open !== undefined) return open(request, plan);
    const wire = Wire.read(await readJsonBody(request, plan));
    return { call: LlmCall.read(spokenDialect(dialect, operation, wire), wire, request.headers, operation, address) };
  }

  #exchange(who: Identity, route: PlanRoute, plan: Plan): CallExchange {
    const { request, requestId: id, ports, edge, listens, drain } = this.#arrival;
    const kind = this.#kind;
    const vigil = ports.pulse === undefined && who.token === undefined ? undefined : this.#vigil(who);
    const of = { name: route.name, kind: route.kind };
    return new CallExchange({
      ...{
        id,
        who,
        route: of,
        surface: kind.surface,
        ports,
        hold: this.#hold,
        run: this.#run,
        vigil,
        listens,
        drain,
        request,
        call: this.#call,
        edge,
      },
      destination: (asked, exchange) => kind.destination(asked, exchange, plan),
      embedder: (model, exchange) => kind.embedder?.(model, request.headers, exchange, plan),
      again: () => this.#again(),
    });
  }

  /** By everything that holds for a call: who asks, what may be asked, limits, policies, the log. */
  async #again(): Promise<void> {
    const { request, ports, newRequestId } = this.#arrival;
    const body = this.#call?.wire.text;
    if (body === undefined || newRequestId === undefined) return;
    const headers = new Headers(request.headers);
    for (const name of ['idempotency-key', 'cache-control', 'content-length']) headers.delete(name);
    headers.set('x-weir-cache', 'refresh');
    try {
      // What the edge says of the request holds for this one; that its caller leaves does not end it.
      const again = new Request(request, { headers, body, signal: new AbortController().signal });
      const arrival = { ...this.#arrival, request: again, requestId: newRequestId(), startedAt: ports.clock.now() };
      await (await runLlm(this.#kind, arrival)).arrayBuffer();
    } catch (cause) {
      console.error('An answer could not be made anew', cause);
    }
  }

  #vigil(who: Identity): CallVigil {
    const { ports, renewed } = this.#arrival;
    return new CallVigil({ ports, who, run: this.#run, renewed });
  }

  /** An answer leaves once it is written down that there will be one: a caller who has it finds it in the account. */
  kept(): Promise<void> | undefined {
    return this.#hold?.kept();
  }

  /** What policies and strategies say, what is left of the limits, and how the call found its way: each where there is such a thing to tell. */
  get head(): { readonly [header: string]: string } {
    const told = this.#exchanged?.told ?? NO_HEADERS;
    const standing = this.#hold === undefined ? told : { ...told, ...this.#hold.headers };
    const decision = this.#exchanged?.decision;
    if (decision === undefined || this.#arrival.request.headers.get('x-weir-explain') !== '1') return standing;
    return { ...standing, 'x-weir-decision': decision.toHeader() };
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
        ...(end.servedModel === undefined ? {} : { servedModel: end.servedModel }),
        loss: reply.loss,
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
    const { request, drain } = this.#arrival;
    const outcome: Outcome = (drain?.signal ?? request.signal).aborted
      ? { status: 'aborted', httpStatus }
      : { status: 'failed', httpStatus, error };
    return this.#conclude(outcome, { stream: this.#call?.head.stream ?? false, attempts: error.attempts });
  }

  /** Returns nothing where there is nothing to wait for: the usual exchange costs no promise here. */
  #conclude(outcome: Outcome, facts: RecordFacts): Promise<void> | undefined {
    const hold = this.#hold;
    if (hold === undefined && (this.#chain === undefined || this.#chain.isEmpty)) return this.#record(outcome, facts);
    return this.#concludeHeld(hold, outcome, facts);
  }

  async #concludeHeld(hold: CallHold | undefined, outcome: Outcome, facts: RecordFacts): Promise<void> {
    try {
      if (this.#chain?.isEmpty === false) await this.#chain.end(outcome);
      await hold?.settle(outcome, facts);
      this.#record(outcome, facts);
    } finally {
      this.#concluded?.resolve();
    }
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
      ...this.#noted(),
    });
  }

  /** What was noted, and how the call found its way where the rest of the row does not say that. */
  #noted(): Pick<RequestRecord, 'facts'> | undefined {
    if (this.#replayed !== undefined) return { facts: { replayed: this.#replayed } };
    const { decision, notes: noted } = this.#exchanged ?? {};
    const notes = this.#arrival.drain?.hasLeft === true ? { ...noted, drained: true } : noted;
    if (decision !== undefined && !decision.isPlain) return { facts: { ...notes, decision: decision.toJson() } };
    return notes === undefined ? undefined : { facts: notes };
  }
}

const NO_HEADERS = {};

/** Whether anything looks at the calls of this route. */
export const hasPolicies = (plan: Plan): boolean => llmRoute(plan).policies.length > 0;
