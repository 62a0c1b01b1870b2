import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wilson } from './wilson.ts';

describe('the interval', () => {
  // By R's binom::binom.confint(method = "wilson").
  it.each([
    [0, 10, 0, 0.277_533],
    [1, 10, 0.017_876, 0.404_15],
    [5, 100, 0.021_543, 0.111_752],
    [0, 100, 0, 0.036_994],
    [10, 10, 0.722_467, 1],
  ])('of %i in %i', (count, total, low, high) => {
    const interval = wilson(count, total);
    expect(interval.low).toBeCloseTo(low, 5);
    expect(interval.high).toBeCloseTo(high, 5);
  });

  it('holds what was seen, within 0 and 1, and becomes narrower with what is seen', () => {
    const seen = fc.integer({ min: 1, max: 100_000 }).chain((total) => fc.tuple(fc.integer({ min: 0, max: total }), fc.constant(total)));
    fc.assert(
      fc.property(seen, ([count, total]) => {
        const { low, high } = wilson(count, total);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(count / total);
        expect(high).toBeGreaterThanOrEqual(count / total);
        const more = wilson(2 * count, 2 * total);
        expect(more.high - more.low).toBeLessThan(high - low);
      }),
    );
  });

  it('is everything where nothing was seen', () => {
    expect(wilson(0, 0)).toEqual({ low: 0, high: 1 });
  });
});
