import type { LlmCall } from '../../../core/call.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { type Place, placeName } from '../../../core/health.ts';
import type { OperationCall } from '../../../core/operation.ts';
import type { NestedModel, Plan, PlanOption, Requirement, Timeouts } from '../../../core/plan.ts';
import type { Awaitable } from '../../../core/policy.ts';
import { Decision } from '../../../core/routing/decision.ts';
import { isEmpty } from '../../../core/routing/require.ts';
import { type CallSize, nameOf, type Target } from '../../../core/strategy.ts';
import { type Resolved, resolveModel } from '../resolve.ts';
import { affinityOf } from './affinity.ts';
import { firstUnmet, requiredBy } from './permitted.ts';
import { type CallTools, strategyTools } from './tools.ts';

/** Where a call may be answered, in which order, and by which rules each target is tried. */
export interface Routed {
  readonly resolved: Resolved;
  readonly targets: readonly Target[];
  /** The innermost virtual model that names a target: its retries, timeouts and breaker are the target's. */
  rulesOf(target: Target): Resolved;
  /** Where calls go that this one belongs to; `last` is where one of them was answered. */
  readonly affinity?: { readonly last: Place | undefined; keep(place: Place): void };
  /** Tokens of the call, where somebody has worked them out. */
  readonly size?: CallSize | undefined;
  /** Whether a target may be asked at all, also one that stands in no list. */
  permits(target: Target, model: Resolved): string | undefined;
  readonly decision: Decision;
  /** Whether the caller gives less time than the operator does. */
  readonly isHurried?: true;
}

interface Leaf {
  readonly target: Target;
  readonly model: Resolved;
}

interface Routing {
  readonly call: LlmCall | OperationCall;
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly decision: Decision;
  readonly tools: CallTools;
}

/**
 * Finds the way of a call: what its model stands for, ordered by its strategy, and those within it by theirs, without
 * what may not answer it. Throws `model_not_found`, `model_not_allowed`, `invalid_request`.
 */
export function routeCall(call: LlmCall | OperationCall, exchange: Exchange, plan: Plan): Awaitable<Routed> {
  return ROUTED.get(call) ?? findWay(call, exchange, plan);
}

/** As `routeCall`, for who must know the way before the call is served: the same call then goes that very way. */
export async function routeEarly(call: LlmCall | OperationCall, exchange: Exchange, plan: Plan): Promise<Routed> {
  const routed = await routeCall(call, exchange, plan);
  ROUTED.set(call, routed);
  return routed;
}

/** Calls live as long as their exchange, and so does what was found out for them. */
const ROUTED = new WeakMap<LlmCall | OperationCall, Routed>();

function findWay(call: LlmCall | OperationCall, exchange: Exchange, plan: Plan): Awaitable<Routed> {
  const resolved = withCallerLimit(resolveModel(plan, call.head.model), call);
  const decision = new Decision(call.head.model, exchange.ports.clock.now());
  exchange.decided?.(decision);
  const [only] = resolved.options;
  const required = requiredBy(exchange, plan);
  if (resolved.options.length === 1 && only !== undefined && !isNested(only)) {
    const reason = firstUnmet(only, plan, [...required, resolved.require]);
    if (reason !== undefined) {
      decision.drop(only, reason);
      throw nowhere(resolved, [reason]);
    }
    const routed = routedTo([{ target: only, model: resolved }], resolved, decision, required, plan, call);
    // One target with one credential is one place: there is nowhere to come back to.
    return (plan.providers.get(only.provider)?.credentials.length ?? 1) < 2 ? routed : withAffinity(routed, call, exchange, plan);
  }
  const routing: Routing = { call, exchange, plan, decision, tools: strategyTools(call, exchange, plan, decision) };
  return leavesOf(resolved, routing, required).then(({ leaves, reasons }) => {
    if (leaves.length === 0) throw nowhere(resolved, reasons);
    const routed = routedTo(leaves, resolved, decision, required, plan, call);
    const isMeasured = leaves.some(({ target }) => target.capacity !== undefined);
    const size = isMeasured ? routing.tools.size() : routing.tools.known();
    return withAffinity(size === undefined ? routed : { ...routed, size }, call, exchange, plan);
  });
}

/** Puts the target first that has answered what the call belongs to. */
async function withAffinity(routed: Routed, call: LlmCall | OperationCall, exchange: Exchange, plan: Plan): Promise<Routed> {
  const affinity = affinityOf(routed.resolved, call, exchange, plan);
  if (affinity === undefined) return routed;
  const last = await affinity.place();
  const kept = { ...routed, affinity: { last, keep: (place: Place) => affinity.keep(place) } };
  const own =
    last === undefined ? undefined : routed.targets.find(({ provider, model }) => last.startsWith(placeName(provider, model, '')));
  if (own === undefined) return kept;
  const targets = [own, ...routed.targets.filter((target) => target !== own)];
  routed.decision.order(targets);
  routed.decision.explain(own, 'has answered what this call belongs to');
  return { ...kept, targets };
}

const isNested = (option: PlanOption): option is NestedModel => 'virtual' in option;

function routedTo(
  leaves: readonly Leaf[],
  resolved: Resolved,
  decision: Decision,
  required: readonly Requirement[],
  plan: Plan,
  call: LlmCall | OperationCall,
): Routed {
  const targets = leaves.map(({ target }) => target);
  decision.order(targets);
  const models = new Map(leaves.map(({ target, model }) => [target, model === resolved ? resolved : withCallerLimit(model, call)]));
  return {
    resolved,
    targets,
    decision,
    rulesOf: (target) => models.get(target) ?? resolved,
    permits: (target, model) => firstUnmet(target, plan, [...required, resolved.require, model.require]),
    ...(call.headers.has('x-weir-timeout') ? { isHurried: true } : {}),
  };
}

/** The targets of a model in the order of its strategy, each once. */
async function leavesOf(
  model: Resolved,
  routing: Routing,
  above: readonly Requirement[],
): Promise<{ readonly leaves: readonly Leaf[]; readonly reasons: readonly string[] }> {
  const { call, exchange, plan, decision, tools } = routing;
  const required = isEmpty(model.require) ? above : [...above, model.require];
  /** What the strategy is shown of an option, and what it stands for. */
  const standFor = new Map<Target, readonly Leaf[]>();
  const reasons: string[] = [];
  for (const option of model.options) {
    if (isNested(option)) {
      const nested = await leavesOf(option.virtual, routing, required);
      reasons.push(...nested.reasons);
      const [first] = nested.leaves;
      if (first === undefined) continue;
      const { weight: _, ...target } = first.target;
      const named = { ...target, name: option.virtual.name };
      const shown = option.weight === undefined ? named : { ...named, weight: option.weight };
      decision.standsFor(shown, option.virtual.name);
      standFor.set(shown, nested.leaves);
      continue;
    }
    const reason = firstUnmet(option, plan, required);
    if (reason === undefined) standFor.set(option, [{ target: option, model }]);
    else {
      decision.drop(option, reason);
      reasons.push(reason);
    }
  }
  const options = [...standFor.keys()];
  const { strategy, settings } = model;
  const ordered = strategy === undefined ? options : await strategy.order(options, settings, call, exchange, tools);
  if (strategy !== undefined) decision.by(`${model.name}: ${strategy.name}`);
  for (const option of options) if (!ordered.includes(option)) decision.drop(option, 'left out by the strategy');
  return {
    leaves: distinct(
      ordered.flatMap((option) => standFor.get(option) ?? []),
      decision,
    ),
    reasons,
  };
}

/** A target that is named twice is asked where it stands first. */
function distinct(leaves: readonly Leaf[], decision: Decision): readonly Leaf[] {
  const seen = new Set<string>();
  return leaves.filter(({ target }) => {
    const name = nameOf(target);
    if (seen.has(name)) {
      decision.drop(target, 'stands further up already');
      return false;
    }
    seen.add(name);
    return true;
  });
}

const nowhere = ({ name }: Resolved, reasons: readonly string[]) =>
  new GatewayError(
    'model_not_allowed',
    `No target of the model "${name.slice(0, 200)}" may answer this call${reasons[0] === undefined ? '' : `: ${reasons[0]}`}.`,
    { param: 'model' },
  );

/** `x-weir-timeout`: how long the caller is willing to wait for the first token (or a whole JSON answer), in ms. */
function withCallerLimit(resolved: Resolved, call: Pick<LlmCall, 'head' | 'headers'>): Resolved {
  const limit = callerLimit(call);
  return limit === undefined ? resolved : { ...resolved, timeout: within(resolved.timeout, limit, call.head.stream) };
}

function callerLimit({ headers }: Pick<LlmCall, 'headers'>): number | undefined {
  const header = headers.get('x-weir-timeout');
  if (header === null) return undefined;
  const ms = Number(header);
  if (Number.isInteger(ms) && ms >= 1) return ms;
  throw new GatewayError('invalid_request', 'x-weir-timeout is a whole number of milliseconds from 1.', { param: 'x-weir-timeout' });
}

function within(timeout: Timeouts, limit: number, stream: boolean): Timeouts {
  const total = stream ? timeout.total : Math.min(limit, timeout.total);
  return { ...timeout, firstToken: Math.min(limit, timeout.firstToken), total };
}
