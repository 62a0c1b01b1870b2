import { z } from 'zod';
import type { DatedPrice, ModelCard, PriceList, Rates } from '../core/price.ts';
import { freezeData } from './freeze.ts';
import type { Path, Problems } from './problems.ts';

const perMillion = z.number().min(0).max(100_000).optional();
const each = z.number().min(0).max(1000).optional();

const rates = {
  input: perMillion.describe('USD per million tokens, as the nine that follow.'),
  output: perMillion,
  cacheRead: perMillion,
  cacheWrite5m: perMillion,
  cacheWrite1h: perMillion,
  reasoning: perMillion,
  audioInput: perMillion,
  audioOutput: perMillion,
  imageInput: perMillion,
  imageOutput: perMillion,
  perRequest: each.describe('USD each, as the four that follow.'),
  perSearch: each,
  perImage: each,
  perSecond: each,
  perCharacter: each,
} satisfies { readonly [rate in keyof Rates]-?: z.ZodType<Rates[rate]> };

const tokens = z.int().min(1).max(1_000_000_000);

const modelName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^*]*\*?$/, { error: 'may have one "*", at its end' });

const modelPrice = z.strictObject({
  ...rates,
  tiers: z
    .array(z.strictObject({ above: tokens.describe('Input tokens, cached ones included.'), ...rates }))
    .min(1)
    .optional()
    .describe('Other rates for the whole request once its input is longer.'),
  factors: z
    .record(z.string().min(1).max(64), z.number().min(0).max(100))
    .optional()
    .describe('What a way of serving costs (batch, flex, priority), as a multiple of the price of tokens.'),
  context: tokens.optional().describe('Tokens of input and output together.'),
  maxOutput: tokens.optional(),
  reads: z
    .array(z.enum(['text', 'image', 'audio', 'video', 'pdf']))
    .min(1)
    .optional()
    .describe('All that it reads, for strategies that leave out what cannot do the job.'),
  can: z
    .array(z.enum(['tools', 'reasoning', 'structured']))
    .optional()
    .describe('All that it can do of tools, reasoning and structured output, likewise.'),
});

/** `providers.<id>.prices` as a document writes it. */
export const pricesSchema = z.record(modelName, modelPrice);

type Written = z.output<typeof pricesSchema>;

/** What the document says of a provider's models; `catalogue` is whose prices hold for those it does not name. */
export function compilePrices(
  written: Written | undefined,
  { catalogue, revision, path, problems }: { catalogue: string; revision: number; path: Path; problems: Problems },
): PriceList {
  const exact = new Map<string, ModelCard>();
  const prefixes = new Map<string, ModelCard>();
  for (const [key, entry] of Object.entries(written ?? {})) {
    const name = key.toLowerCase();
    const isPrefix = name.endsWith('*');
    const [into, id] = isPrefix ? [prefixes, name.slice(0, -1)] : [exact, name];
    if (into.has(id)) problems.add([...path, 'prices', key], 'is there twice: models are found without regard to case');
    into.set(id, cardOf(key, entry));
  }
  const sorted = [...prefixes].map(([prefix, card]) => ({ prefix, card })).sort((a, b) => b.prefix.length - a.prefix.length);
  return Object.freeze({ catalogue, version: `config:${revision}`, exact, prefixes: Object.freeze(sorted) });
}

/** An entry without a single rate is about the model's limits, and leaves its price alone. */
function cardOf(id: string, { context, maxOutput, factors, tiers, reads, can, ...base }: Written[string]): ModelCard {
  const given = defined(base);
  const sorted = tiers?.map(({ above, ...more }) => ({ above, ...defined(more) })).sort((a, b) => a.above - b.above);
  const price: DatedPrice = { ...given, ...(sorted === undefined ? {} : { tiers: sorted }) };
  return freezeData({
    id,
    ...(context === undefined ? {} : { context }),
    ...(maxOutput === undefined ? {} : { maxOutput }),
    ...(reads === undefined ? {} : { reads }),
    ...(can === undefined ? {} : { can }),
    ...(factors === undefined ? {} : { factors }),
    ...(Object.keys(given).length === 0 ? {} : { prices: [price] }),
  });
}

function defined(values: { readonly [rate in keyof Rates]: Rates[rate] | undefined }): Rates {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
