import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LearnedOutput } from './usual-output.ts';

it('says nothing before enough answers were seen', () => {
  const learned = new LearnedOutput();
  for (let at = 0; at < 19; at++) learned.note('app', 'model', 100);
  expect(learned.of('app', 'model')).toBeUndefined();
  learned.note('app', 'model', 100);
  expect(learned.of('app', 'model')).toBeGreaterThanOrEqual(100);
  expect(learned.of('app', 'other')).toBeUndefined();
  expect(learned.of('other', 'model')).toBeUndefined();
});

it('bounds 19 of 20 answers from above, by a quarter at most', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 20, maxLength: 199 }), (outputs) => {
      const learned = new LearnedOutput();
      for (const output of outputs) learned.note('app', 'model', output);
      const bound = learned.of('app', 'model') ?? 0;
      const within = outputs.filter((output) => output <= bound).length;
      expect(within / outputs.length).toBeGreaterThanOrEqual(0.95);
      const sorted = outputs.toSorted((a, b) => a - b);
      const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
      expect(bound).toBeLessThanOrEqual(Math.max(16, p95 * 1.25) + 1);
    }),
  );
});

it('follows answers that become shorter', () => {
  const learned = new LearnedOutput();
  for (let at = 0; at < 150; at++) learned.note('app', 'model', 50_000);
  for (let at = 0; at < 2_000; at++) learned.note('app', 'model', 100);
  expect(learned.of('app', 'model')).toBeLessThan(200);
});
