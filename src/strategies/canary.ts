import { z } from 'zod';
import { identityOf } from '../core/ordering.ts';
import { pointOf } from '../core/stable-hash.ts';
import { defineStrategy } from '../core/strategy.ts';
import { subjectForms, subjectOf, subjectPattern } from '../core/subject.ts';

const share = z
  .union([
    z.number().min(0).max(1),
    z
      .string()
      .regex(/^(?:\d{1,2}(?:\.\d{1,6})?|100(?:\.0{1,6})?)\s?%$/, { error: 'must be a part from 0 to 1, or a percentage such as "5%"' })
      .transform((text) => Number.parseFloat(text) / 100),
  ])
  .describe('Who is sent to the canary first: a part from 0 to 1, or a percentage such as "5%".');

const config = z.strictObject({
  share,
  by: z
    .string()
    .regex(subjectPattern, { error: `must be ${subjectForms}` })
    .default('user')
    .describe(`Who is on one side with all of their calls: ${subjectForms}. A call that does not say is drawn on its own.`),
});

/**
 * The first target is the stable one, the second the canary: a part of the users is sent to the canary first, and has
 * the stable one behind it. A hash of user and canary decides, so that a larger share only adds users, and another
 * canary meets others.
 */
export const canary = defineStrategy({
  name: 'canary',
  config,
  examples: [{ share: 0.05 }, { share: '12.5%', by: 'session' }, { share: 0, by: 'header.x-beta' }],
  order(targets, { share, by }, call, exchange, tools) {
    const [stable, second, ...rest] = targets;
    if (stable === undefined || second === undefined) {
      for (const target of targets) tools.explain(target, 'stable');
      return targets;
    }
    const subject = subjectOf(by, call, exchange) ?? `request ${exchange.id}`;
    const isCanary = pointOf(`canary\n${identityOf(second)}\n${subject}`) < share;
    const whose = `${Number((share * 100).toPrecision(6))} % by ${by}`;
    tools.explain(stable, isCanary ? 'stable: behind the canary' : 'stable');
    tools.explain(second, isCanary ? `canary: one of ${whose}` : `canary: not one of ${whose}`);
    for (const target of rest) tools.explain(target, 'behind the canary and the stable one');
    return isCanary ? [second, stable, ...rest] : targets;
  },
});
