import { z } from 'zod';
import { matchesGlob } from '../../core/glob.ts';
import { NANO_PER_USD, type NanoUsd, nanoUsd } from '../../core/money.ts';

/** Patterns of one route, and dollars of one call. */
const MOST_PRICES = 500;
const DEAREST = 1_000_000;
/** Nano-dollars, as decimals of a dollar. */
const DECIMALS = 9;

const price = z
  .number()
  .min(0)
  .max(DEAREST)
  .refine((usd) => Number(usd.toFixed(DECIMALS)) === usd, { error: `has more than ${DECIMALS} decimals` });

/** What calls of a route's tools cost: US dollars by the name that clients see, or a pattern of such names. */
export const toolPrices = z
  .record(z.string().min(1).max(128), price)
  .refine((prices) => Object.keys(prices).length <= MOST_PRICES, { error: `has more than ${MOST_PRICES} entries` });

export type ToolPrices = z.output<typeof toolPrices>;

/**
 * What one call of a tool costs; `undefined` where nothing is said of it. Of several patterns that fit, the one with the
 * most letters besides `*` holds, and of these the first in the order of the alphabet.
 */
export function priceOf(prices: ToolPrices, tool: string): NanoUsd | undefined {
  const name = tool.toLowerCase();
  let found: string | undefined;
  for (const pattern of Object.keys(prices)) {
    if (matchesGlob(pattern, name) && (found === undefined || isCloser(pattern, found))) found = pattern;
  }
  const usd = found === undefined ? undefined : prices[found];
  return usd === undefined ? undefined : nanoUsd(Math.round(usd * NANO_PER_USD));
}

const lettersOf = (pattern: string) => pattern.replaceAll('*', '').length;

function isCloser(pattern: string, than: string): boolean {
  const more = lettersOf(pattern) - lettersOf(than);
  return more === 0 ? pattern < than : more > 0;
}
