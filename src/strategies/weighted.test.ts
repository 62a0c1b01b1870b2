import { describe, expect, it } from 'vitest';
import { fakeCall, fakeExchange, seededRandom } from '../core/fakes.ts';
import type { Target } from '../core/strategy.ts';
import { weighted } from './weighted.ts';

const call = fakeCall({ model: 'm' });
const exchange = fakeExchange();
const target = (model: string, weight?: number): Target => ({ provider: 'p', model, ...(weight !== undefined && { weight }) });

async function order(targets: readonly Target[], random: () => number): Promise<string> {
  return (await weighted.order(targets, {}, call, exchange, random)).map(({ model }) => model).join('');
}

/** Pearson's statistic of how often each outcome came, against its probability. */
async function chiSquare(expected: Readonly<Record<string, number>>, draws: number, draw: () => Promise<string>): Promise<number> {
  const seen = new Map<string, number>();
  for (let index = 0; index < draws; index++) {
    const outcome = await draw();
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  expect([...seen.keys()].toSorted()).toEqual(Object.keys(expected).toSorted());
  return Object.entries(expected).reduce((sum, [outcome, probability]) => {
    const mean = probability * draws;
    return sum + ((seen.get(outcome) ?? 0) - mean) ** 2 / mean;
  }, 0);
}

describe('weighted', () => {
  it('asks each target first as often as its weight says', async () => {
    const targets = [target('a', 5), target('b'), target('c', 0), target('d', 4)];
    const random = seededRandom(7);
    const first = async () => (await order(targets, random)).slice(0, 1);
    // 13.8 is passed by chance once in a thousand (2 degrees of freedom); the seed makes it one outcome for ever.
    expect(await chiSquare({ a: 0.5, b: 0.1, d: 0.4 }, 10_000, first)).toBeLessThan(13.8);
  });

  it('shares the second place among the rest by their weights', async () => {
    const targets = [target('a', 6), target('b', 3), target('c', 1)];
    const random = seededRandom(11);
    // Each order's probability is the product of its draws: first of ten, then of what is left. 5 degrees of freedom: 20.5.
    const expected = {
      abc: (6 / 10) * (3 / 4),
      acb: (6 / 10) * (1 / 4),
      bac: (3 / 10) * (6 / 7),
      bca: (3 / 10) * (1 / 7),
      cab: (1 / 10) * (6 / 9),
      cba: (1 / 10) * (3 / 9),
    };
    expect(await chiSquare(expected, 10_000, () => order(targets, random))).toBeLessThan(20.5);
  });

  it('puts weight 0 last, as listed', async () => {
    const targets = [target('x', 0), target('a', 2), target('y', 0), target('z', 0)];
    expect(await order(targets, () => 0.999)).toBe('axyz');
  });

  it('draws the last one where rounding leaves a hair of the line', async () => {
    const targets = [target('a', 0.8), target('b', 2.4), target('c', 1.1)];
    expect(await order(targets, () => 1 - Number.EPSILON / 2)).toBe('cba');
  });

  it('draws by nothing but the numbers it is given', async () => {
    const targets = [target('a', 1), target('b', 1)];
    expect(await order(targets, () => 0.49)).toBe('ab');
    expect(await order(targets, () => 0.5)).toBe('ba');
  });
});
