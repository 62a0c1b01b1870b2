import { z } from 'zod';
import { refusalKinds } from '../core/plan.ts';
import type { Strategy } from '../core/strategy.ts';
import { subjectForms, subjectPattern } from '../core/subject.ts';
import { HOUR, milliseconds, name, onDisconnect, region, strict } from './schema-pieces.ts';

/** The strategy of a model that names none. */
export const DEFAULT_STRATEGY = 'failover';

export const target = z
  .union(
    [
      z.string(),
      z.strictObject({
        model: z.string().describe('provider/model, or the name of another virtual model.'),
        name: name('target').optional().describe('What rules and explanations call it; its model when absent.'),
        weight: z.number().min(0).max(1_000_000).optional().describe('Relative share; 1 when absent.'),
        region: region.optional().describe("Where it runs; the provider's when absent."),
        zeroRetention: z.boolean().optional().describe("Whether nothing of a call is kept there; the provider's when absent."),
        capacity: z
          .strictObject({ tokens: z.int().min(1).optional(), requests: z.int().min(1).optional() })
          .optional()
          .describe('Throughput that was bought, per minute.'),
      }),
    ],
    { error: 'must be "provider/model", a virtual model, or {"model": "provider/model", "weight": 1}' },
  )
  .describe('A provider and its own name of the model, as provider/model; or another virtual model.');

export const requirement = z
  .strictObject({
    regions: z
      .array(region)
      .min(1)
      .max(32)
      .optional()
      .describe('Regions of which the target’s must be one, or lie within: eu holds eu-west-1.'),
    zeroRetention: z.literal(true).optional().describe('Only where nothing of a call is kept.'),
  })
  .describe('What every target must fulfil, whatever fails. What is not known of a target counts as not fulfilled.');

const breaker = z
  .strictObject({
    failures: z
      .int()
      .min(1)
      .max(1_000)
      .optional()
      .describe('Failures in a row after which a target is not asked for a while; 5 when absent.'),
    rate: z.number().min(0.01).max(1).optional().describe('Part of the calls in the window whose failure does the same; 0.5 when absent.'),
    least: z.int().min(1).max(100_000).optional().describe('Calls in the window from which on the rate counts; 10 when absent.'),
    window: milliseconds(HOUR, 100).optional().describe('Milliseconds that are looked back on; 10,000 when absent.'),
    slow: milliseconds(HOUR).optional().describe('Milliseconds to the first content over which an answer counts as a failure.'),
    cooldown: milliseconds(HOUR, 10)
      .optional()
      .describe('Milliseconds until one call finds out whether it may be asked again; 5,000 when absent.'),
    mostCooldown: milliseconds(HOUR, 10).optional().describe('What that grows to while it goes on failing; 60,000 when absent.'),
  })
  .describe('When a target is no longer asked, and when again.');

export const modelOption = (strategy: Strategy) => {
  const literal = z.literal(strategy.name);
  return z.strictObject({
    strategy: strategy.name === DEFAULT_STRATEGY ? literal.optional() : literal,
    targets: z.array(target).min(1, { error: 'must name at least one target' }),
    retry: z
      .strictObject({
        attempts: z.int().min(1).max(10).optional().describe('Calls to one target, the first included.'),
        on: z
          .array(z.enum(refusalKinds))
          .max(refusalKinds.length)
          .optional()
          .describe('Refusals of the call itself after which the next target is asked all the same; none when absent.'),
      })
      .optional(),
    require: requirement.optional(),
    breaker: breaker.optional(),
    hedge: z
      .strictObject({ after: z.union([z.literal('p95'), milliseconds(HOUR)]) })
      .optional()
      .describe(
        'A second target is asked beside a first one that has not begun to answer: after so many milliseconds, or after what 19 of 20 of its answers stay within.',
      ),
    affinity: z
      .union([
        z.literal(false),
        z.strictObject({
          by: z
            .string()
            .regex(subjectPattern, { error: `must be ${subjectForms}` })
            .describe(`What calls belong to: ${subjectForms}.`),
          seconds: z.int().min(1).max(86_400).optional().describe('Seconds from the last answer on; 300 when absent.'),
        }),
      ])
      .optional()
      .describe(
        'Calls that belong together go where the first of them was answered, as long as that does well; `false`: also with promptCache not.',
      ),
    promptCache: z
      .union([
        z.boolean(),
        z.strictObject({
          ttl: z.literal('1h').optional().describe('How long it is kept where the vendor lets one choose; five minutes when absent.'),
        }),
      ])
      .optional()
      .describe('The stable beginning of calls is marked for the prompt cache of the vendor, and calls come back to where it is kept.'),
    mirror: z
      .strictObject({
        to: target.describe('Where calls go a second time.'),
        share: z.number().min(0).max(1).describe('Part of the calls, from 0 to 1.'),
        budget: z.number().min(0).max(1_000_000).describe('US dollars a day that it may cost.'),
      })
      .optional()
      .describe('A part of the calls goes to another target too, unseen by the caller.'),
    onDisconnect: onDisconnect.optional(),
    timeout: z
      .strictObject({
        firstToken: milliseconds(HOUR).optional().describe('Milliseconds to the first content.'),
        answer: milliseconds(HOUR)
          .optional()
          .describe(
            'Milliseconds for a whole answer from one target, so that the next one can be asked; what is left of total when absent.',
          ),
        idle: milliseconds(HOUR).optional().describe('Milliseconds between two pieces of a stream.'),
        total: milliseconds(24 * HOUR)
          .optional()
          .describe('Milliseconds from the request to the end.'),
      })
      .optional(),
    settings: strict(strategy.config).optional().describe("The strategy's own settings."),
  });
};

/** A virtual model as the schema makes it, in its longest form. */
export type ModelDocument = z.output<ReturnType<typeof modelOption>>;
/** One option of a virtual model as a document writes it. */
export type TargetDocument = z.input<typeof target>;
