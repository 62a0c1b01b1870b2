import { z } from 'zod';

// Pieces that the schemas of several parts are made of.

export const name = (of: string) =>
  z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?$/, {
      error: `is not a name for a ${of}: use letters, digits and - . _ : between them`,
    });

export const milliseconds = (most: number, least = 1) => z.int().min(least).max(most);

export const HOUR = 3_600_000;

export const region = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/, { error: 'is not a region: use letters, digits and - . _ / between them' });

/** A settings schema with unknown keys refused, whether or not the item's own schema is strict. */
export const strict = (config: z.ZodType): z.ZodType => (config instanceof z.ZodObject ? z.strictObject(config.shape) : config);
