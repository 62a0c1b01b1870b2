import { costOf, modelAt } from '../../../catalogue/cost.ts';
import type { LlmCall } from '../../../core/call.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Headroom, TargetHealth } from '../../../core/health.ts';
import { OperationCall } from '../../../core/operation.ts';
import type { Plan } from '../../../core/plan.ts';
import type { Decision } from '../../../core/routing/decision.ts';
import type { CallSize, StrategyTools, Target } from '../../../core/strategy.ts';
import { outputLimit } from '../limits/asked-output.ts';
import { estimateInput } from '../whole.ts';
import { placeOf } from './place.ts';

/** Output tokens of an answer that nothing limits. */
const USUAL_OUTPUT = 1_024;
/** Bytes of JSON to a token, roughly. */
const BYTES_A_TOKEN = 4;
const UNSEEN: TargetHealth = { state: 'closed', inFlight: 0 };

export interface CallTools extends StrategyTools {
  /** The size of the call, where somebody has asked for it. */
  known(): CallSize | undefined;
}

/** What the strategies of one call go by. Nothing is worked out before somebody asks for it. */
export function strategyTools(call: LlmCall | OperationCall, exchange: Exchange, plan: Plan, decision: Decision): CallTools {
  const { clock, health, secrets } = exchange.ports;
  const now = clock.now();
  let size: CallSize | undefined;
  const sizeOf = () => {
    size ??= roughSize(call);
    return size;
  };
  const places = (target: Target) => {
    const planned = plan.providers.get(target.provider);
    return (planned?.credentials ?? []).map((credential) => placeOf(target, planned, credential, secrets));
  };
  return {
    random() {
      decision.drawn();
      return Math.random();
    },
    now,
    size: sizeOf,
    known: () => size,
    card(target) {
      const provider = plan.providers.get(target.provider);
      return provider === undefined ? undefined : modelAt(provider, target.model, now)?.card;
    },
    cost(target) {
      const provider = plan.providers.get(target.provider);
      return provider === undefined ? undefined : costOf(provider, target.model, sizeOf(), now)?.cost;
    },
    health: (target) => (health === undefined ? UNSEEN : best(places(target).map((place) => health.of(place)))),
    headroom: (target) =>
      health === undefined ? target.capacity : most(places(target).map((place) => health.headroom(place, target.capacity))),
    explain: (target, why) => decision.explain(target, why),
  };
}

/** A guess that costs little: orderings go by it, and nothing is charged by it. */
function roughSize(call: LlmCall | OperationCall): CallSize {
  if (call instanceof OperationCall) return { input: Math.ceil(call.wire.text.length / BYTES_A_TOKEN), output: 0 };
  return { input: estimateInput(call), output: Math.min(outputLimit(call.chat()) ?? USUAL_OUTPUT, USUAL_OUTPUT * 4) };
}

const RANK = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Of several credentials the one that does best stands for their target. */
function best(all: readonly TargetHealth[]): TargetHealth {
  let found: TargetHealth | undefined;
  for (const each of all) if (found === undefined || RANK[each.state] < RANK[found.state]) found = each;
  return found ?? UNSEEN;
}

function most(all: readonly (Headroom | undefined)[]): Headroom | undefined {
  let found: Headroom | undefined;
  for (const each of all) {
    // One of which nothing is known may be asked for anything.
    if (each === undefined) return undefined;
    if (found === undefined || (each.tokens ?? Number.POSITIVE_INFINITY) > (found.tokens ?? Number.POSITIVE_INFINITY)) found = each;
  }
  return found;
}
