import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeCall, fakeExchange, fakeTools } from '../core/fakes.ts';
import type { Target } from '../core/strategy.ts';
import { canary } from './canary.ts';

const stable: Target = { provider: 'p', model: 'stable' };
const next: Target = { provider: 'p', model: 'next' };
const spare: Target = { provider: 'p', model: 'spare' };

function order(
  targets: readonly Target[],
  settings: object,
  body: { readonly user?: string } = {},
  id = 'req_1',
  tools = fakeTools(),
): readonly Target[] {
  const ordered = canary.order(targets, canary.config.parse(settings), fakeCall({ model: 'm', ...body }), fakeExchange({ id }), tools);
  return ordered as readonly Target[];
}

const isOnCanary = (user: string, share: number | string, canaryTarget = next) =>
  order([stable, canaryTarget, spare], { share }, { user })[0] === canaryTarget;

const users = Array.from({ length: 3_000 }, (_, index) => `user-${index}`);

describe('canary', () => {
  it('sends its share of users to the canary first, with the stable one behind it', () => {
    const seen = users.filter((user) => isOnCanary(user, 0.05)).length;
    // Three standard deviations of 3,000 draws at 5 %.
    expect(Math.abs(seen - 150)).toBeLessThan(36);
    for (const share of ['5%', '5.0 %']) expect(canary.config.parse({ share }).share).toBe(0.05);
    expect(order([stable, next, spare], { share: 1 })).toEqual([next, stable, spare]);
    expect(order([stable, next, spare], { share: 0 })).toEqual([stable, next, spare]);
  });

  it('only adds users where the share grows', () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), part, part, (user, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        expect(isOnCanary(user, less) && !isOnCanary(user, more)).toBe(false);
      }),
    );
  });

  // For ever, from an implementation in another language: alice's point is 0.2778, bob's 0.6458, carol's 0.4629.
  it('keeps its users through releases', () => {
    const second: Target = { provider: 'p', model: 'b' };
    const at = (share: number) => ['alice', 'bob', 'carol'].filter((user) => isOnCanary(user, share, second));
    expect([0.27, 0.28, 0.46, 0.47, 0.64, 0.65].map((share) => at(share).join())).toEqual([
      '',
      'alice',
      'alice',
      'alice,carol',
      'alice,carol',
      'alice,bob,carol',
    ]);
  });

  it('sends another canary to other users', () => {
    const both = users.filter((user) => isOnCanary(user, 0.1) && isOnCanary(user, 0.1, spare)).length;
    // A tenth of a tenth, give or take four standard deviations.
    expect(Math.abs(both - 30)).toBeLessThan(22);
  });

  it('draws a call that does not say whose it is by itself', () => {
    const seen = users.filter((id) => order([stable, next], { share: 0.2 }, {}, id)[0] === next).length;
    expect(Math.abs(seen - 600)).toBeLessThan(66);
  });

  it('goes by what it is told to', () => {
    const sides = new Set(users.slice(0, 100).map((user) => order([stable, next], { share: 0.5, by: 'app' }, { user })[0]));
    expect(sides.size).toBe(1);
  });

  it('says who is on which side, and names nobody', () => {
    const tools = fakeTools();
    order([stable, next, spare], { share: 1 }, { user: 'alice' }, 'req_1', tools);
    expect(tools.explained).toEqual({
      'p/stable': ['stable: behind the canary'],
      'p/next': ['canary: one of 100 % by user'],
      'p/spare': ['behind the canary and the stable one'],
    });
  });

  it('does with one target what can be done', () => {
    expect(order([stable], { share: 1 })).toEqual([stable]);
  });

  it.each([{}, { share: -0.1 }, { share: 1.1 }, { share: '101%' }, { share: '100.1%' }, { share: '5' }, { share: 0.1, by: 'ip' }])(
    'refuses %j',
    (settings) => {
      expect(canary.config.safeParse(settings).success).toBe(false);
    },
  );
});
