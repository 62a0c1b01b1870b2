import { z } from 'zod';
import { doubts, needsOf, unmet } from '../core/capable.ts';
import type { TargetHealth } from '../core/health.ts';
import { formatUsd, type NanoUsd } from '../core/money.ts';
import { healthyFirst, rising, withHealth } from '../core/ordering.ts';
import { defineStrategy, type Target } from '../core/strategy.ts';
import { chatOf } from '../core/subject.ts';

const config = z.strictObject({
  tolerance: z
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe('Prices at most so much above the lowest count as equal, and the least busy comes first: 0.1 is a tenth more.'),
});

interface Offer {
  readonly target: Target;
  readonly health: TargetHealth;
  readonly index: number;
  /** Why it is not certain that it can do the job. */
  readonly doubt?: string;
  readonly cost?: NanoUsd;
}

/**
 * What the call costs least at comes first, of those that can do the job: what cannot is left out, unless nothing else is
 * left, since what is known of it may be wrong. Those that are not certain to do it, and those whose price is not known,
 * come last.
 */
export const cost = defineStrategy({
  name: 'cost',
  config,
  examples: [{}, { tolerance: 0.1 }],
  order(targets, { tolerance }, call, _exchange, tools) {
    const chat = chatOf(call);
    const needs = chat === undefined ? undefined : needsOf(chat);
    const size = tools.size();
    const seen = withHealth(targets, tools).map(({ target, health }, index) => {
      const card = needs === undefined ? undefined : tools.card(target);
      const lack = needs === undefined ? undefined : unmet(needs, card, size);
      const doubt = needs === undefined ? undefined : doubts(needs, card);
      return { target, health, index, lack, ...(doubt === undefined ? {} : { doubt }), ...present(tools.cost(target)) };
    });
    const able = seen.filter(({ lack }) => lack === undefined);
    if (able.length === 0)
      return healthyFirst(
        seen.map((each) => ({ ...each, why: `as listed: none is known to do the job (${each.lack})` })),
        tools,
      );
    for (const { target, lack } of seen) if (lack !== undefined) tools.explain(target, `left out: ${lack}`);
    const lowest = Math.min(...able.flatMap(({ cost: known }) => (known === undefined ? [] : [known])));
    return healthyFirst(
      ranked(able, tolerance).map((each) => ({ ...each, why: whyOf(each, lowest) })),
      tools,
    );
  },
});

const present = (known: NanoUsd | undefined) => (known === undefined ? {} : { cost: known });

/** Cheapest first; of those that count as equal, the least busy; of those, as listed. */
function ranked(offers: readonly Offer[], tolerance: number): readonly Offer[] {
  const priced = offers.filter(({ doubt, cost: known }) => doubt === undefined && known !== undefined);
  const doubtful = offers.filter(({ doubt, cost: known }) => doubt !== undefined && known !== undefined);
  const unpriced = offers.filter(({ cost: known }) => known === undefined);
  return [...byCost(priced, tolerance), ...byCost(doubtful, tolerance), ...unpriced];
}

function byCost(offers: readonly Offer[], tolerance: number): readonly Offer[] {
  let lowest = Number.NEGATIVE_INFINITY;
  let group = 0;
  const grouped = offers
    .toSorted((a, b) => rising(costOf(a), costOf(b)) || a.index - b.index)
    .map((offer) => {
      if (costOf(offer) > lowest * (1 + tolerance)) {
        lowest = costOf(offer);
        group++;
      }
      return { offer, group };
    });
  if (tolerance > 0) {
    grouped.sort((a, b) => a.group - b.group || a.offer.health.inFlight - b.offer.health.inFlight || a.offer.index - b.offer.index);
  }
  return grouped.map(({ offer }) => offer);
}

const costOf = ({ cost: known }: Offer): number => known ?? 0;

function whyOf({ cost: known, doubt }: Offer, lowest: number): string {
  const price = known === undefined ? 'its price is not known' : `${known === lowest ? 'cheapest:' : 'costs'} $${formatUsd(known)}`;
  return doubt === undefined ? price : `${price}; ${doubt}`;
}
