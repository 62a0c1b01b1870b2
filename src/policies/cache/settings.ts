import { z } from 'zod';
import { semanticSettings } from './semantic/settings.ts';

const DAY = 86_400;

export const settings = z.strictObject({
  ttl: z
    .int()
    .min(1)
    .max(30 * DAY)
    .describe('Seconds for which an answer is given again.'),
  stale: z
    .int()
    .min(0)
    .max(30 * DAY)
    .default(0)
    .describe('Seconds after that for which it is given once more at once, and made anew behind that.'),
  maxBytes: z
    .int()
    .min(1_024)
    .max(16 * 1024 * 1024)
    .default(1024 * 1024)
    .describe('The largest answer that is kept, in bytes of memory.'),
  share: z
    .enum(['user', 'app', 'org'])
    .default('app')
    .describe("Who is given an answer again: the same end user of the app that asked for it, the app's callers, or the organisation's."),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe('The highest temperature of calls whose answers are kept; a call that says none counts as 1. Absent: any.'),
  pace: z
    .number()
    .min(1)
    .max(10_000)
    .optional()
    .describe(
      'Pieces of content a second in which a kept answer is streamed again, as its provider cut them; a caller may leave meanwhile. Absent: all at once.',
    ),
  semantic: semanticSettings
    .optional()
    .describe('Answers of questions that mean the same are given too. Absent: only of calls that ask for exactly the same.'),
  tags: z.array(z.string().min(1).max(64)).max(16).default([]).describe('Names by which the answers can be thrown away together.'),
});

export type CacheSettings = z.output<typeof settings>;
