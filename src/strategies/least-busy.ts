import { z } from 'zod';
import { drawn, healthyFirst, rising, weightOf, withHealth } from '../core/ordering.ts';
import { defineStrategy } from '../core/strategy.ts';

/**
 * Where the fewest calls are under way for its weight comes first; among equals, drawn by weight. Calls are counted in
 * the isolate that asks. A target of weight 0 comes last.
 */
export const leastBusy = defineStrategy({
  name: 'least-busy',
  config: z.strictObject({}),
  examples: [{}],
  order(targets, _config, _call, _exchange, tools) {
    const seen = withHealth(drawn(targets, tools.random), tools).map(({ target, health }) => {
      const weight = weightOf(target);
      return {
        target,
        health,
        load: weight === 0 ? Number.POSITIVE_INFINITY : health.inFlight / weight,
        why: weight === 1 ? `${health.inFlight} in flight` : `${health.inFlight} in flight, weight ${weight}`,
      };
    });
    return healthyFirst(
      seen.sort((a, b) => rising(a.load, b.load)),
      tools,
    );
  },
});
