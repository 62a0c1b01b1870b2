import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { PlanRoute } from '../plan.ts';
import { definePolicy } from '../policy.ts';
import { type Checks, NO_CHECKS, type Proof, proofsOf, standingOf } from './checks.ts';

const proof: Proof = { mode: 'verify', maxWrong: 0.05, minChecks: 100 };
const seen = (wrong: number, checked: number): Checks => ({ ...NO_CHECKS, wrong, checked });

describe('a route', () => {
  it.each([
    ['nothing is known', 0, 0, true],
    ['two of the first three were wrong', 2, 3, true],
    ['three of the first twenty were', 3, 20, false],
    ['three of the first thirty were', 3, 30, true],
    ['none of enough was', 0, 100, true],
    ['one of a hundred was: the upper end is above 5 %', 1, 100, false],
    ['one of a hundred and twenty was', 1, 120, true],
    ['four of a hundred were', 4, 100, false],
    ['twenty of a thousand were', 20, 1_000, true],
    ['forty-five of a thousand were', 45, 1_000, false],
  ])('where %s', (_what, wrong, checked, serves) => {
    expect(standingOf(seen(wrong, checked), proof)).toMatchObject(serves ? { serves } : { serves, why: 'wrong' });
    expect(standingOf(seen(wrong, checked), { ...proof, mode: 'on' }).serves).toBe(serves);
    expect(standingOf(seen(wrong, checked), { ...proof, mode: 'shadow' })).toMatchObject({ serves: false, why: 'shadow' });
  });

  it('with enough checks serves exactly where the upper end is no higher than is allowed, and right ones never stop it', () => {
    const all = fc
      .integer({ min: 100, max: 5_000 })
      .chain((checked) => fc.tuple(fc.integer({ min: 0, max: checked }), fc.constant(checked)));
    fc.assert(
      fc.property(all, fc.double({ min: 0.001, max: 1, noNaN: true }), ([wrong, checked], maxWrong) => {
        const { serves, wrongShare } = standingOf(seen(wrong, checked), { ...proof, maxWrong });
        expect(serves).toBe(wrongShare.high <= maxWrong);
        if (serves) expect(standingOf(seen(wrong, checked + 1), { ...proof, maxWrong }).serves).toBe(true);
      }),
    );
  });

  it('has a proof where its policy says so', () => {
    const policy = (name: string, settings: unknown) => ({
      policy: definePolicy({ ...base, name }),
      settings,
      touches: 'nothing' as const,
    });
    const base = { config: z.unknown(), touches: 'nothing' as const, examples: [], open: () => ({}) };
    const route = (name: string, ...policies: PlanRoute['policies'][number][]) => ({ name, kind: 'llm' as const, require: {}, policies });
    const routes = [
      route('one', policy('other', { semantic: proof }), policy('cache', { ttl: 1, semantic: proof })),
      route('two', policy('cache', { ttl: 1 }), policy('cache', undefined), policy('cache', { semantic: true })),
      route('three', policy('other', { semantic: proof })),
    ];
    expect([...proofsOf({ routes })]).toEqual([['one', proof]]);
  });
});
