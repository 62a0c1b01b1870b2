import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelCard, PriceList } from '../core/price.ts';
import type { Provider } from '../core/provider.ts';
import { cacheSavingOf, costOf } from './cost.ts';

const provider: Provider = { id: 'own', name: 'own', dialects: {}, baseUrl: 'https://own.example', auth: { scheme: 'none' } };
const priced = (rates: NonNullable<ModelCard['prices']>[number]) => {
  const prices: PriceList = { catalogue: 'own', version: 'config:1', exact: new Map([['m', { id: 'm', prices: [rates] }]]), prefixes: [] };
  return { provider, prices };
};
const CLAUDE = priced({ input: 3, output: 15, cacheRead: 0.3, cacheWrite5m: 3.75, cacheWrite1h: 6 });
const usage = { input: 10_000, output: 100 };

describe('what a prompt cache saved', () => {
  it('is what reading cost less, and apart from it what writing cost more', () => {
    expect(cacheSavingOf(CLAUDE, 'm', { ...usage, cacheRead: 8_000 }, 0)).toEqual({ saved: 8_000 * 2_700, surcharge: 0 });
    expect(cacheSavingOf(CLAUDE, 'm', { ...usage, cacheWrite: 8_000 }, 0)).toEqual({ saved: 0, surcharge: 8_000 * 750 });
    expect(cacheSavingOf(CLAUDE, 'm', { ...usage, cacheRead: 5_000, cacheWrite: 3_000, cacheWrite1h: 1_000 }, 0)).toEqual({
      saved: 5_000 * 2_700,
      surcharge: 2_000 * 750 + 1_000 * 3_000,
    });
  });

  it('is not told where no cache had a part in it, or the price is not known', () => {
    expect(cacheSavingOf(CLAUDE, 'm', usage, 0)).toBeUndefined();
    expect(cacheSavingOf(CLAUDE, 'm', { ...usage, cacheRead: 0 }, 0)).toBeUndefined();
    expect(cacheSavingOf(CLAUDE, 'other', { ...usage, cacheRead: 10 }, 0)).toBeUndefined();
  });

  it('and the price are together what it would have cost without, for any usage', () => {
    const count = fc.nat(1_000_000);
    const any = fc.record({ input: count, output: count, cacheRead: count, cacheWrite: count, cacheWrite1h: count });
    fc.assert(
      fc.property(any, (of) => {
        const saving = cacheSavingOf(CLAUDE, 'm', of, 0);
        const cost = costOf(CLAUDE, 'm', of, 0)?.cost ?? 0;
        const without = costOf(CLAUDE, 'm', { input: of.input, output: of.output }, 0)?.cost ?? 0;
        expect(cost + (saving?.saved ?? 0) - (saving?.surcharge ?? 0)).toBe(without);
        expect(Math.min(saving?.saved ?? 0, saving?.surcharge ?? 0)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
