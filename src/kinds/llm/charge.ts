import { type Cost, costOf } from '../../catalogue/cost.ts';
import type { LlmCall } from '../../core/call.ts';
import type { Usage } from '../../core/chat.ts';
import type { Answered, Ask } from './ask.ts';

/** What an answer cost at the provider that gave it; `undefined` where no price is known, which is not the same as nothing. */
export function charge({ call, plan, exchange }: Ask, { target, dispatch }: Answered, usage: Usage | undefined): Cost | undefined {
  const provider = plan.providers.get(target.provider);
  if (provider === undefined || usage === undefined) return undefined;
  const way = dispatch.dialect.id === call.dialect.id ? wayOf(call) : undefined;
  return costOf(provider, target.model, usage, exchange.ports.clock.now(), way);
}

/**
 * The way of serving that was asked for, where the call was forwarded with it: `service_tier` of OpenAI and Anthropic,
 * `speed` of Anthropic.
 */
function wayOf({ wire }: LlmCall): string | undefined {
  const way = wire.fields.get('service_tier') ?? wire.fields.get('speed');
  return typeof way === 'string' ? way : undefined;
}
