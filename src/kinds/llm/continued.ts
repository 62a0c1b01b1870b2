import type { LlmCall } from '../../core/call.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Plan } from '../../core/plan.ts';
import type { Awaitable } from '../../core/policy.ts';
import type { Target } from '../../core/strategy.ts';
import type { Keeper } from './continuity/keeper.ts';
import { forgetsSignatures, signatureKeeper, withSignatures } from './continuity/signatures.ts';
import { continueResponse } from './responses/continue.ts';
import { RESPONSES } from './responses/items.ts';
import { isTranslated } from './upstream.ts';

/** A call with what earlier ones left for it, and what it leaves for later ones. */
export interface Continued {
  readonly call: LlmCall;
  readonly targets: readonly Target[];
  /** Where a provider keeps what the call continues: the name of the credential it is kept under. */
  readonly credential?: string;
  readonly keepers: readonly Keeper[];
  /** What could not be kept or carried on, by name. */
  readonly loss: readonly string[];
}

/** Dialects in which every call says everything, and whose clients send back all they were told, pass untouched. */
export function continueCall(call: LlmCall, targets: readonly Target[], exchange: Exchange, plan: Plan): Awaitable<Continued> {
  const { id } = call.dialect;
  if (id === RESPONSES) return continueResponse(call, targets, exchange, plan);
  if (forgetsSignatures(id) && targets.some((target) => isTranslated(target, id, plan))) {
    return withSignatures(call, exchange).then((whole) => {
      const keeper = signatureKeeper(call, exchange, plan);
      return { call: whole, targets, keepers: keeper === undefined ? [] : [keeper], loss: [] };
    });
  }
  return { call, targets, keepers: [], loss: [] };
}
