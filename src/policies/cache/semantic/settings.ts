import { z } from 'zod';

const share = z.number().min(0).max(1);

export const semanticSettings = z.strictObject({
  mode: z
    .enum(['shadow', 'verify', 'on'])
    .describe(
      'shadow: gives nothing, and compares what it would have given with what the provider says. verify: gives, and has a part asked again to compare. on: gives.',
    ),
  threshold: z.number().min(0.5).max(1).default(0.8).describe('The least similarity of two questions that are compared at all: a cosine.'),
  certainty: share.default(0.7).describe('The least certainty that two questions want the same answer.'),
  domain: z
    .enum(['open', 'closed'])
    .default('open')
    .describe("open: questions of any kind. closed: a service's own questions, where what belongs together has one answer."),
  sample: share
    .default(0.05)
    .describe('In `verify`: the part of hits that is asked again behind the answer; all of them until there are `minChecks`.'),
  checksPerDay: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(1_000)
    .describe('In `verify`: how many of them in a day (UTC) of one organisation at most, about.'),
  maxWrong: z
    .number()
    .min(0.001)
    .max(1)
    .default(0.05)
    .describe('The share of wrong hits above which none is given: the upper end of its 95 % interval counts.'),
  minChecks: z
    .int()
    .min(1)
    .max(100_000)
    .default(100)
    .describe('Checks from which on that end counts. Before, a route stops only where surely too many were wrong.'),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .default(0.3)
    .describe('The highest temperature of calls that it looks at; a call that says none is looked at.'),
  embedding: z
    .string()
    .regex(/^[^/\s]+\/\S+$/)
    .max(256)
    .optional()
    .describe("`provider/model` that turns questions into vectors. Absent: the isolate's own, which asks nobody."),
  timeout: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Milliseconds that a call waits for it, and is a miss then: 100, or 1000 with `embedding`.'),
});

export type SemanticSettings = z.output<typeof semanticSettings>;
