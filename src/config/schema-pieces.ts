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

/** Milliseconds for which an answer is read on where nothing else is said. */
export const DEFAULT_DRAIN = 300_000;

export const onDisconnect = z
  .union([z.enum(['abort', 'drain']), z.strictObject({ drain: z.int().min(1).max(3_600) })], {
    error: 'must be "abort", "drain", or {"drain": seconds}',
  })
  .describe(
    'What becomes of an answer whose caller leaves: the provider is hung up on ("abort"), or is heard out ("drain") for so many seconds, 300 where nothing is said.',
  );

/** Milliseconds for which an answer is read on, of what a document says. */
export function drainTime(written: z.output<typeof onDisconnect> | undefined): { readonly drain?: number } {
  if (written === undefined) return {};
  if (written === 'abort') return { drain: 0 };
  return { drain: written === 'drain' ? DEFAULT_DRAIN : written.drain * 1_000 };
}

export const region = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/, { error: 'is not a region: use letters, digits and - . _ / between them' });

/** A settings schema with unknown keys refused, whether or not the item's own schema is strict. */
export const strict = (config: z.ZodType): z.ZodType => (config instanceof z.ZodObject ? z.strictObject(config.shape) : config);
