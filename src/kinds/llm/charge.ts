import { type CacheSaving, type Cost, cacheSavingOf, costOf } from '../../catalogue/cost.ts';
import type { LlmCall } from '../../core/call.ts';
import type { Usage } from '../../core/chat.ts';
import type { Exchange } from '../../core/exchange.ts';
import { addUsd, formatUsd } from '../../core/money.ts';
import type { Answered, Ask } from './ask.ts';

/**
 * What an answer cost at the provider that gave it; `undefined` where no price is known, which is not the same as nothing.
 * What the vendor's prompt cache saved is noted.
 */
export function charge({ call, plan, exchange }: Ask, answered: Answered, usage: Usage | undefined): Cost | undefined {
  const { target, dispatch } = answered;
  const provider = plan.providers.get(target.provider);
  if (provider === undefined || usage === undefined) return undefined;
  const way = dispatch.dialect.id === call.dialect.id ? wayOf(call) : undefined;
  const now = exchange.ports.clock.now();
  noteSaving(exchange, answered, cacheSavingOf(provider, target.model, usage, now, way));
  return costOf(provider, target.model, usage, now, way);
}

/**
 * The way of serving that was asked for, where the call was forwarded with it: `service_tier` of OpenAI and Anthropic,
 * `speed` of Anthropic.
 */
function wayOf({ wire }: LlmCall): string | undefined {
  const way = wire.fields.get('service_tier') ?? wire.fields.get('speed');
  return typeof way === 'string' ? way : undefined;
}

/** By the parts of an answer, of which there are several where another target went on with it. */
const SAVINGS = new WeakMap<Exchange, Map<Answered, CacheSaving>>();

/** The fact `promptCache`: what it saved and what it cost on top, in decimal USD. An answer that is charged again counts once. */
function noteSaving(exchange: Exchange, answered: Answered, saving: CacheSaving | undefined): void {
  if (saving === undefined) return;
  const parts = SAVINGS.get(exchange) ?? new Map<Answered, CacheSaving>();
  SAVINGS.set(exchange, parts.set(answered, saving));
  const [first, ...others] = parts.values();
  let sum = first ?? saving;
  for (const each of others) sum = { saved: addUsd(sum.saved, each.saved), surcharge: addUsd(sum.surcharge, each.surcharge) };
  exchange.note('promptCache', { saved: formatUsd(sum.saved), surcharge: formatUsd(sum.surcharge) });
}
