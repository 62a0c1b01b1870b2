import { type Cost, costOf } from '../../../catalogue/cost.ts';
import type { Usage } from '../../../core/chat.ts';
import { estimateTokens } from '../../../core/estimate.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { OperationCall } from '../../../core/operation.ts';
import type { Plan } from '../../../core/plan.ts';
import type { Target } from '../../../core/strategy.ts';
import { unsaidUsage } from '../limits/foresee-operation.ts';
import type { Operation } from './operation.ts';

/** What an answer cost at the provider that gave it; nothing where no price is known. */
export function chargeFor(plan: Plan, { provider, model }: Target, usage: Usage | undefined, at: number): Partial<Cost> {
  const planned = plan.providers.get(provider);
  return planned === undefined || usage === undefined ? {} : (costOf(planned, model, usage, at) ?? {});
}

/** What of usage is not tokens, and so has no column of its own in the log. */
const UNITS = ['images', 'seconds', 'characters', 'searches'] as const;

/** Usage of a call, by what the provider said; where it said nothing, by the texts that went and came. */
export function settleUsage(
  operation: Operation,
  call: OperationCall,
  said: Usage | undefined,
  answered: string,
  exchange: Exchange,
): Usage {
  const asked = operation.asked?.(call.wire.json()) ?? {};
  const unsaid = unsaidUsage(call);
  const seconds = unsaid.seconds === undefined ? {} : { seconds: unsaid.seconds };
  const usage: Usage =
    said === undefined
      ? {
          ...asked,
          ...unsaid,
          input: (unsaid.input ?? 0) + estimateInput(call),
          output: (unsaid.output ?? 0) + estimateTokens(answered),
          estimated: true,
        }
      : { ...asked, ...seconds, ...said };
  for (const unit of UNITS) {
    const value = usage[unit];
    if (value !== undefined) exchange.note(unit, value);
  }
  return usage;
}

function estimateInput(call: OperationCall): number {
  let tokens = 0;
  call.texts((text) => {
    tokens += estimateTokens(text);
    return text;
  });
  return tokens;
}
