import { z } from 'zod';
import { REDACTED } from './secret-name.ts';

/** A key that stands in the configuration itself: the form in which it is shown there is taken for none. */
export const literalKey = z
  .string()
  .min(1)
  .refine((value) => value !== REDACTED, {
    error: 'is the redacted form that reading the configuration shows: send the key itself, or {"secret": "NAME"}',
  })
  .optional()
  .describe('The key itself. Local runs only.');
