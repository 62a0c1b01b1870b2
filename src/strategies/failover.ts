import { z } from 'zod';
import { defineStrategy } from '../core/strategy.ts';

/** The targets as they are listed: the first one answers as long as it can. */
export const failover = defineStrategy({
  name: 'failover',
  config: z.strictObject({}),
  examples: [{}],
  order(targets, _config, _call, _exchange, tools) {
    for (const [index, target] of targets.entries()) tools.explain(target, `number ${index + 1} of the list`);
    return targets;
  },
});
