import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUsd, isNanoUsd, parseUsd } from '../../core/money.ts';
import { priceOf, toolPrices } from './prices.ts';

describe('the price of a tool', () => {
  it('is that of the pattern with the most letters, whatever the order', () => {
    const prices = { '*': 1, 'tickets__*': 2, 'tickets__search*': 3, tickets__search: 4, 'tickets__s*h': 5 };
    for (const written of [prices, Object.fromEntries(Object.entries(prices).reverse())]) {
      const of = (tool: string) => priceOf(written, tool);
      expect(['files__read', 'tickets__list', 'tickets__search_all', 'Tickets__Search', 'tickets__slosh'].map(of)).toEqual(
        [1, 2, 3, 4, 5].map((usd) => usd * 1_000_000_000),
      );
    }
    expect(priceOf({ 'a*': 1 }, 'b')).toBeUndefined();
    expect(priceOf({ a: 0 }, 'a')).toBe(0);
  });

  it('is exact to the last nano-dollar, and nothing finer is taken', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000_000 }).filter(isNanoUsd), (nano) => {
        const usd = Number(formatUsd(nano));
        expect(toolPrices.parse({ t: usd })).toEqual({ t: usd });
        expect(priceOf({ t: usd }, 't')).toBe(nano);
        expect(parseUsd(formatUsd(nano))).toBe(nano);
      }),
    );
    for (const wrong of [1e-10, 0.0000000015, -1, 1e7, '1', null]) expect(toolPrices.safeParse({ t: wrong }).success).toBe(false);
  });
});
