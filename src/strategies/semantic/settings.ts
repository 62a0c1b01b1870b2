import { z } from 'zod';

const names = z.union([z.string().min(1).max(256), z.array(z.string().min(1).max(256)).min(1).max(64)]);

/** What no route's examples are like. */
export const OTHERWISE = 'otherwise';
/** Examples of all routes together. */
const MOST_EXAMPLES = 2_000;

const route = z.strictObject({
  // A token of RFC 9651, section 3.3.4, since answers carry it in a header.
  name: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, { error: 'must begin with a letter, and go on with letters, digits, `_`, `.` and `-`' })
    .describe('What explanations, the log and the header x-weir-intent call it.'),
  examples: z
    .array(z.string().trim().min(1).max(1_000))
    .min(2)
    .max(500)
    .describe('What users say who are meant by it: two at least, better ten.'),
  use: names.describe("Names of the model's own targets: one, or several in order."),
});

export const config = z
  .strictObject({
    routes: z.array(route).min(1).max(200).describe('What calls are told apart by.'),
    otherwise: names.optional().describe('For what is like no route; all targets as listed when absent.'),
    threshold: z
      .union([z.literal('auto'), z.number().min(0).max(1)])
      .default('auto')
      .describe('How alike a text must be to the examples of its route, from 0 to 1; `auto` works it out from the examples.'),
    embedding: z
      .string()
      .regex(/^[^/\s]+\/\S+$/, { error: 'must be "provider/model"' })
      .max(256)
      .optional()
      .describe('The model that turns texts into vectors, as provider/model; the one inside the gateway when absent.'),
    wait: z.int().min(1).max(10_000).default(300).describe('Milliseconds after which a call that is not placed goes to `otherwise`.'),
  })
  .superRefine(({ routes }, context) => {
    const seen = new Set<string>([OTHERWISE]);
    for (const [step, { name }] of routes.entries()) {
      if (seen.has(name)) context.addIssue({ code: 'custom', path: ['routes', step, 'name'], message: `there is another "${name}"` });
      seen.add(name);
    }
    const examples = routes.reduce((sum, each) => sum + each.examples.length, 0);
    if (examples > MOST_EXAMPLES) {
      context.addIssue({ code: 'custom', path: ['routes'], message: `has ${examples} examples, and ${MOST_EXAMPLES} is the most` });
    }
  });

export type Config = z.output<typeof config>;

export const listOf = (written: string | readonly string[] = []): readonly string[] => (typeof written === 'string' ? [written] : written);
