import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RollingWindow } from './window.ts';

const NOW = 1_800_000_000_000;

it('counts what happened within it, and forgets it a tenth at a time', () => {
  const window = new RollingWindow(10_000);
  window.add(3, 1, NOW);
  window.add(0, 2, NOW + 5_000);
  expect(window.sum(NOW + 9_999)).toEqual({ calls: 6, failed: 3 });
  expect(window.sum(NOW + 10_000)).toEqual({ calls: 2, failed: 2 });
  expect(window.sum(NOW + 15_000)).toEqual({ calls: 0, failed: 0 });
});

it('counts everything of the last nine tenths and nothing older than itself, whatever the sequence', () => {
  const events = fc.array(fc.tuple(fc.nat(3_000), fc.boolean()), { maxLength: 200 });
  fc.assert(
    fc.property(events, fc.integer({ min: 20, max: 20_000 }), (steps, width) => {
      const window = new RollingWindow(width);
      const seen: number[] = [];
      let now = NOW;
      for (const [step, isFailed] of steps) {
        now += step;
        window.add(isFailed ? 0 : 1, isFailed ? 1 : 0, now);
        seen.push(now);
        const { calls, failed } = window.sum(now);
        const least = seen.filter((at) => now - at < width * 0.9 - 1).length;
        const most = seen.filter((at) => now - at <= width).length;
        expect(calls).toBeGreaterThanOrEqual(least);
        expect(calls).toBeLessThanOrEqual(most);
        expect(failed).toBeLessThanOrEqual(calls);
      }
    }),
  );
});
