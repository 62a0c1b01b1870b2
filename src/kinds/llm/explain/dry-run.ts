import { LlmCall } from '../../../core/call.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Canon, Exchange } from '../../../core/exchange.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import type { Plan, PlanPolicy } from '../../../core/plan.ts';
import type { Continuity, Ports } from '../../../core/ports.ts';
import { Decision } from '../../../core/routing/decision.ts';
import { PolicyChain } from '../../../core/run.ts';
import { nameOf, type Target } from '../../../core/strategy.ts';
import { type Continued, continueCall } from '../continued.ts';
import { type Routed, routeCall } from '../routing/route.ts';
import { strategyTools } from '../routing/tools.ts';
import { type ExplainedHedge, type ExplainedMirror, explainHedge, explainMirror } from './beside.ts';
import { type ExplainedLimits, explainLimits, type Look } from './limits.ts';
import { type ExplainedTarget, explainTarget, type Obstacle, obstacleOf } from './target.ts';

/** What would become of a call. */
export interface DryRun {
  readonly decision: JsonObject;
  /** What policies and strategies noted. */
  readonly notes?: JsonObject;
  /** Those that may be asked, in their order. */
  readonly targets: readonly (ExplainedTarget & { readonly limits: ExplainedLimits })[];
  /** Who is asked first, as `provider/model`; null where nobody is. */
  readonly first: string | null;
  /** Absent where the model asks for none, and of operations beside chat. */
  readonly hedge?: ExplainedHedge;
  readonly mirror?: ExplainedMirror;
  /** A policy answers the call, and nobody is asked. */
  readonly answered?: true;
  /** What the caller would be told instead of an answer. */
  readonly refusal?: Obstacle;
}

export interface DryRunOptions {
  readonly call: Canon['llm']['call'];
  readonly exchange: Omit<Exchange, 'note' | 'decided'>;
  readonly plan: Plan;
  readonly policies: readonly PlanPolicy[];
  /** Absent where the deployment has no ledger. */
  readonly look?: Look | undefined;
}

/** Instruments that tell what they know, and with which nothing can be sent, counted, kept or written down. `remembers`: whether the call is of somebody who may have left something. */
export function dryPorts(ports: Ports, remembers: boolean): Ports {
  const { clock, secrets, tokens, health, affinities, pulse, models, continuity, usual, embedder } = ports;
  const refuse = async (): Promise<never> => {
    throw new GatewayError('internal', 'Nothing may be sent while a call is only explained.');
  };
  return {
    ...{ clock, secrets, tokens, health, affinities, pulse, models, embedder },
    pipe: (length) => ports.pipe(length),
    sockets: () => ports.sockets(),
    after: (work) => ports.after(work),
    egress: { send: refuse, connect: refuse },
    journal: { record: () => undefined },
    ...(continuity === undefined || !remembers ? {} : { continuity: readOnly(continuity) }),
    ...(usual === undefined ? {} : { usual: { of: (app, model) => usual.of(app, model), note: () => undefined } }),
  };
}

/** What earlier calls left is looked up and stays as it is, also for how long it is kept. */
const readOnly = (kept: Continuity): Continuity => ({
  get: (owner, kind, ids) => kept.get(owner, kind, ids),
  chain: (owner, place) => kept.chain(owner, place, 0),
  children: (owner, parent, kind) => kept.children(owner, parent, kind, 0),
  sign: (owner, text) => kept.sign(owner, text),
  seal: (owner, text) => kept.seal(owner, text),
  open: (owner, sealed) => kept.open(owner, sealed),
  put: async () => undefined,
  delete: async () => false,
});

/**
 * Finds the way of a call without going it: its policies, what may answer it, in which order, and what each would be sent
 * and would cost. Throws what the caller would be told of a call that does not come so far as to be routed.
 */
export async function dryRun({ call, exchange: given, plan, policies, look }: DryRunOptions): Promise<DryRun> {
  const noted: Record<string, Json> = {};
  let decision: Decision | undefined;
  const exchange: Exchange = {
    ...given,
    // What goes by the id of a call falls out otherwise for the next one.
    get id() {
      decision?.drawn();
      return given.id;
    },
    note: (fact, value) => {
      noted[fact] = value;
    },
    decided: (begun) => {
      decision = begun;
    },
  };
  const told = () => ({
    decision: (decision ?? new Decision(call.head.model, exchange.ports.clock.now())).toJson(),
    ...(Object.keys(noted).length === 0 ? {} : { notes: noted }),
  });
  const chain = new PolicyChain(policies, exchange);
  try {
    const admitted = policies.length === 0 ? { call } : await chain.admit(call);
    if ('answer' in admitted) return { ...told(), targets: [], first: null, answered: true };
    const routed = await routeCall(admitted.call, exchange, plan);
    return { ...told(), ...(await targetsOf(admitted.call, { ...exchange, id: given.id }, plan, routed, look)) };
  } catch (thrown) {
    const error = GatewayError.from(thrown);
    if (decision === undefined || error.code === 'internal') throw error;
    return { ...told(), targets: [], first: null, refusal: obstacleOf(error) };
  } finally {
    await chain.end({ status: 'aborted', httpStatus: 200 });
  }
}

async function targetsOf(call: Canon['llm']['call'], exchange: Exchange, plan: Plan, routed: Routed, look: Look | undefined) {
  const continued = await continuedBy(call, exchange, plan, routed);
  const whole = continued?.call ?? call;
  const asked = continued?.targets ?? routed.targets;
  // What is asked of these tools now must not stand in the decision.
  const tools = strategyTools(whole, exchange, plan, new Decision(call.head.model, exchange.ports.clock.now()));
  const explaining = { call: whole, exchange, plan, routed, tools };
  const found = await Promise.all(asked.map((target) => explainTarget(explaining, target)));
  const limits = await explainLimits(
    found.map(({ foreseen }) => foreseen),
    exchange,
    look,
  );
  const targets = found.map(({ explained }, at) => ({ ...explained, limits: limits[at] ?? NONE }));
  return { targets, ...firstOf(asked, found, limits), ...besideOf(continued, exchange, plan, routed, look !== undefined) };
}

/** A chat with what earlier calls left for it; `undefined` where nobody in particular asks, who has left nothing. */
async function continuedBy(call: Canon['llm']['call'], exchange: Exchange, plan: Plan, routed: Routed): Promise<Continued | undefined> {
  if (!(call instanceof LlmCall)) return undefined;
  if (exchange.who.principal !== '') return continueCall(call, routed.targets, exchange, plan);
  return { call, targets: routed.targets, keepers: [], loss: [] };
}

function besideOf(
  continued: Continued | undefined,
  exchange: Exchange,
  plan: Plan,
  routed: Routed,
  hasLedger: boolean,
): Pick<DryRun, 'hedge' | 'mirror'> {
  if (continued === undefined || continued.call.operation !== 'chat') return {};
  const hedge = explainHedge({ routed, continued, exchange, plan });
  const mirror = explainMirror({ routed, continued, exchange, plan }, hasLedger);
  return { ...(hedge === undefined ? {} : { hedge }), ...(mirror === undefined ? {} : { mirror }) };
}

const NONE: ExplainedLimits = { allowed: true, items: [] };

/** As the walk of `core/attempt.ts` would find out: what is the caller's own ends it, what has failed lately is passed over. */
function firstOf(
  targets: readonly Target[],
  found: readonly Awaited<ReturnType<typeof explainTarget>>[],
  limits: readonly ExplainedLimits[],
): Pick<DryRun, 'first' | 'refusal'> {
  let worst: GatewayError | undefined;
  for (const [at, target] of targets.entries()) {
    const { obstacle, explained } = found[at] ?? {};
    const { code } = limits[at] ?? NONE;
    if (explained === undefined || explained.places.every(({ state }) => state === 'open')) continue;
    if (code !== undefined) return { first: null, refusal: obstacleOf(new GatewayError(code, 'A limit leaves no room for this call.')) };
    if (obstacle === undefined) return { first: nameOf(target) };
    if (obstacle.fault === 'client') return { first: null, refusal: obstacleOf(obstacle) };
    worst = obstacle;
  }
  const refusal = worst ?? new GatewayError('upstream_unavailable', 'Every target of this model has failed lately.');
  return { first: null, refusal: obstacleOf(refusal) };
}
