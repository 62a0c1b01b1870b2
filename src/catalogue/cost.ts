import type { Usage } from '../core/chat.ts';
import { type NanoUsd, nanoUsd } from '../core/money.ts';
import type { PlanProvider } from '../core/plan.ts';
import type { DatedPrice, ModelCard } from '../core/price.ts';
import { catalogueHead, findModel, priceAt } from './catalogue.ts';
import { priceOf } from './price.ts';

/** What a request cost, and by which price. */
export interface Cost {
  readonly cost: NanoUsd;
  /** `2026-09-23+359e32` of the catalogue, `config:7` of the configuration's revision 7. */
  readonly priceVersion: string;
}

/** A model as it is priced and limited here: the configuration's word over the catalogue's. */
export interface PricedModel {
  readonly card: ModelCard;
  /** The price that holds at the time asked for; absent where none is known. */
  readonly price?: DatedPrice;
  readonly priceVersion: string;
}

/** What is known of a provider's model at a time, in milliseconds since the epoch. */
export function modelAt(
  { prices: list, provider }: Pick<PlanProvider, 'prices' | 'provider'>,
  model: string,
  at: number,
): PricedModel | undefined {
  const listed = findModel(list?.catalogue ?? provider.id, model);
  const name = model.toLowerCase();
  const own = list?.exact.get(name) ?? list?.prefixes.find(({ prefix }) => name.startsWith(prefix))?.card;
  if (own === undefined && listed === undefined) return undefined;
  // A price is taken whole from one place: rates of two would make one that nobody charges.
  const isOwnPrice = own?.prices !== undefined;
  const card = own === undefined || listed === undefined ? (own ?? listed) : over(own, listed);
  if (card === undefined) return undefined;
  const price = priceAt(card.prices, at);
  return {
    card,
    ...(price === undefined ? {} : { price }),
    priceVersion: isOwnPrice && list !== undefined ? list.version : catalogueHead().version,
  };
}

function over(own: ModelCard, listed: ModelCard): ModelCard {
  const { factors, ...rest } = listed;
  const kept = own.prices === undefined && factors !== undefined ? { ...rest, factors } : rest;
  return { ...kept, ...own };
}

/** What an answer cost; `undefined` where the price is not known, which is not the same as nothing. */
export function costOf(
  provider: Pick<PlanProvider, 'prices' | 'provider'>,
  model: string,
  usage: Usage,
  at: number,
  way?: string,
): Cost | undefined {
  return costAs(modelAt(provider, model, at), usage, way);
}

/** What a vendor's prompt cache did to the price of an answer, in nano-USD. */
export interface CacheSaving {
  /** What the input that was read from it would have cost more without it. */
  readonly saved: NanoUsd;
  /** What was charged on top for writing to it. */
  readonly surcharge: NanoUsd;
}

/** `undefined` where no cache had a part in it, or the price is not known. */
export function cacheSavingOf(
  provider: Pick<PlanProvider, 'prices' | 'provider'>,
  model: string,
  usage: Usage,
  at: number,
  way?: string,
): CacheSaving | undefined {
  if ((usage.cacheRead ?? 0) <= 0 && (usage.cacheWrite ?? 0) <= 0) return undefined;
  const found = modelAt(provider, model, at);
  const { cacheRead: _, ...unread } = usage;
  const { cacheWrite: __, cacheWrite1h: ___, ...plain } = unread;
  const [asItWas, withoutReads, without] = [usage, unread, plain].map((each) => costAs(found, each, way)?.cost);
  if (asItWas === undefined || withoutReads === undefined || without === undefined) return undefined;
  const most = (amount: number) => nanoUsd(Math.max(0, amount));
  return { saved: most(withoutReads - asItWas), surcharge: most(withoutReads - without) };
}

/** The same of a model that was looked up. */
export function costAs(found: PricedModel | undefined, usage: Usage, way?: string): Cost | undefined {
  if (found?.price === undefined) return undefined;
  const cost = priceOf(usage, found.price, { factors: found.card.factors, ...(way === undefined ? {} : { way }) });
  return cost === undefined ? undefined : { cost, priceVersion: found.priceVersion };
}
