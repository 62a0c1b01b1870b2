import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RetryBudgets } from './retry-budget.ts';

const NOW = 1_800_000_000_000;

it('gives ten a second and a fifth of the calls, and no more', () => {
  const budgets = new RetryBudgets();
  for (let call = 0; call < 1_000; call++) budgets.call('m', NOW);
  let taken = 0;
  while (budgets.take('m', NOW)) taken += 1;
  expect(taken).toBe(300);
  expect(budgets.take('m', NOW + 99)).toBe(false);
  expect(budgets.take('m', NOW + 100)).toBe(true);
  expect(budgets.take('m', NOW + 100)).toBe(false);
});

it('does not pay for an outage with the calls of an hour ago', () => {
  const budgets = new RetryBudgets();
  for (let call = 0; call < 100_000; call++) budgets.call('m', NOW);
  let taken = 0;
  while (budgets.take('m', NOW + 3_600_000)) taken += 1;
  expect(taken).toBe(100);
});

it('keeps models apart', () => {
  const budgets = new RetryBudgets();
  while (budgets.take('one', NOW));
  expect(budgets.take('other', NOW)).toBe(true);
});

it('never gives more than 0.2 for each call and ten a second, with ten seconds saved up', () => {
  const step = fc.oneof(fc.record({ calls: fc.nat(50) }), fc.record({ tries: fc.nat(200) }), fc.record({ wait: fc.nat(5_000) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const budgets = new RetryBudgets();
      let now = NOW;
      let calls = 0;
      let taken = 0;
      for (const each of steps) {
        if ('wait' in each) now += each.wait;
        else if ('calls' in each) {
          for (let call = 0; call < each.calls; call++) budgets.call('m', now);
          calls += each.calls;
        } else for (let trial = 0; trial < each.tries; trial++) if (budgets.take('m', now)) taken += 1;
        expect(taken).toBeLessThanOrEqual(0.2 * calls + 10 * ((now - NOW) / 1_000 + 10) + 1e-6);
      }
    }),
  );
});
