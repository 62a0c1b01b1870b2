import { z } from 'zod';
import { defineStrategy } from '../core/strategy.ts';

/** The targets as they are listed: the first one answers as long as it can. */
export const failover = defineStrategy({
  name: 'failover',
  config: z.strictObject({}),
  examples: [{}],
  order: (targets) => targets,
});
