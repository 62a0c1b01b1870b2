import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crossingsOf, isBudget } from './alerts.ts';
import type { Take } from './take.ts';
import type { Window } from './windows.ts';

const take = (limit: number, ...at: readonly number[]): Take => ({
  ...{ level: 'key', subject: 'key_1', unit: 'usd', limit, amount: 1, window: { kind: 'always' } },
  watched: [{ limit, at }],
});
const meter = (spent: number, told: readonly string[] = []) => ({ start: 0, spent, reserved: 0, told });

describe('a crossing', () => {
  it('is of every fraction that is reached and was not told, to the last unit', () => {
    expect(crossingsOf(take(10, 0.5, 0.8, 1), meter(4))).toEqual([]);
    expect(crossingsOf(take(10, 0.5, 0.8, 1), meter(8)).map(({ fraction }) => fraction)).toEqual([0.5, 0.8]);
    expect(crossingsOf(take(10, 0.5, 0.8, 1), meter(99, ['0.5', '0.8'])).map(({ fraction }) => fraction)).toEqual([1]);
    expect(crossingsOf(take(0, 1), meter(0))).toEqual([]);
  });

  it('is reached at the fraction exactly, however it is rounded', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 1, max: 9_000_000_000 }), (thousandths, thousands) => {
        const fraction = thousandths / 1000;
        const spent = thousandths * thousands;
        expect(crossingsOf(take(1000 * thousands, fraction), meter(spent))).toHaveLength(1);
        expect(crossingsOf(take(1000 * thousands, fraction), meter(spent - 1))).toHaveLength(0);
      }),
    );
  });

  it('of a soft limit is another than that of the limit that refuses', () => {
    const both: Take = {
      ...take(10, 1),
      watched: [
        { limit: 10, at: [1] },
        { limit: 5, at: [1], soft: true },
      ],
    };
    expect(crossingsOf(both, meter(10)).map(({ mark }) => mark)).toEqual(['1', 'soft 1']);
    expect(crossingsOf(both, meter(10, ['soft 1'])).map(({ limit }) => limit)).toEqual([10]);
  });
});

it.each<[boolean, Take['unit'], Window]>([
  [true, 'usd', { kind: 'calendar', unit: 'hour', zone: 'UTC' }],
  [true, 'tokens', { kind: 'calendar', unit: 'day', zone: 'UTC' }],
  [true, 'tool-calls', { kind: 'always' }],
  [false, 'tokens', { kind: 'calendar', unit: 'hour', zone: 'UTC' }],
  [false, 'requests', { kind: 'rate', milliseconds: 60_000 }],
  [false, 'concurrent', { kind: 'held' }],
])('%s: %s of this window is a budget', (expected, unit, window) => {
  expect(isBudget({ unit, window })).toBe(expected);
});
