import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeCall, fakeExchange, fakeTools, seededRandom } from '../core/fakes.ts';
import type { Target } from '../core/strategy.ts';
import { weighted } from './weighted.ts';

const target = (model: string, weight?: number): Target => ({ provider: 'p', model, ...(weight !== undefined && { weight }) });

function order(targets: readonly Target[], random: () => number): string {
  const ordered = weighted.order(targets, {}, fakeCall({ model: 'm' }), fakeExchange(), fakeTools({ random }));
  return (ordered as readonly Target[]).map(({ model }) => model).join('');
}

const neverDrawn = () => {
  throw new Error('a call that sticks is not drawn');
};

function orderFor(user: string, targets: readonly Target[]): readonly Target[] {
  const call = fakeCall({ model: 'm', user });
  const tools = fakeTools({ random: neverDrawn });
  return weighted.order(targets, { stick: 'user' }, call, fakeExchange(), tools) as readonly Target[];
}

/** Pearson's statistic of how often each outcome came, against its probability. */
function chiSquare(expected: Readonly<Record<string, number>>, draws: number, draw: (index: number) => string): number {
  const seen = new Map<string, number>();
  for (let index = 0; index < draws; index++) {
    const outcome = draw(index);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  expect([...seen.keys()].toSorted()).toEqual(Object.keys(expected).toSorted());
  return Object.entries(expected).reduce((sum, [outcome, probability]) => {
    const mean = probability * draws;
    return sum + ((seen.get(outcome) ?? 0) - mean) ** 2 / mean;
  }, 0);
}

// Each order's probability is the product of its draws: first of ten, then of what is left.
const SIX_THREE_ONE = {
  abc: (6 / 10) * (3 / 4),
  acb: (6 / 10) * (1 / 4),
  bac: (3 / 10) * (6 / 7),
  bca: (3 / 10) * (1 / 7),
  cab: (1 / 10) * (6 / 9),
  cba: (1 / 10) * (3 / 9),
};
/** Passed by chance once in a thousand, with 5 degrees of freedom; the seed makes it one outcome for ever. */
const MOST = 20.5;

describe('weighted, by chance', () => {
  it('asks each target first as often as its weight says, and shares the second place among the rest likewise', () => {
    const random = seededRandom(11);
    const targets = [target('a', 6), target('b', 3), target('c', 1)];
    expect(chiSquare(SIX_THREE_ONE, 4_000, () => order(targets, random))).toBeLessThan(MOST);
  });

  it('takes a target without a weight for one of weight 1', () => {
    const random = seededRandom(7);
    const targets = [target('a', 5), target('b'), target('c', 0), target('d', 4)];
    const first = () => order(targets, random).slice(0, 1);
    // 2 degrees of freedom.
    expect(chiSquare({ a: 0.5, b: 0.1, d: 0.4 }, 4_000, first)).toBeLessThan(13.8);
  });

  it('puts weight 0 last, as listed', () => {
    expect(order([target('x', 0), target('a', 2), target('y', 0), target('z', 0)], () => 0.999)).toBe('axyz');
  });

  it.each([0, 1 - Number.EPSILON / 2])('orders all of them where chance is at its bound, %d', (bound) => {
    expect(order([target('a', 5e-324), target('b', 1e6), target('c')], () => bound)).toHaveLength(3);
  });

  it('draws a call that does not say whose it is', () => {
    const call = fakeCall({ model: 'm' });
    const tools = fakeTools({ random: seededRandom(5) });
    const first = () => {
      const ordered = weighted.order([target('a'), target('b')], { stick: 'user' }, call, fakeExchange(), tools);
      return (ordered as readonly Target[])[0]?.model ?? '';
    };
    expect(chiSquare({ a: 0.5, b: 0.5 }, 1_000, first)).toBeLessThan(10.8);
  });

  it('says what share a target has', () => {
    const tools = fakeTools();
    weighted.order([target('a', 3), target('b'), target('c', 0)], {}, fakeCall({ model: 'm' }), fakeExchange(), tools);
    expect(tools.explained).toEqual({
      'p/a': ['drawn: 75 % of the weight'],
      'p/b': ['drawn: 25 % of the weight'],
      'p/c': ['weight 0: comes last'],
    });
  });
});

describe('weighted, with stick', () => {
  // For ever: whoever changes these sends users elsewhere at the next deployment.
  it.each([
    ['alice', 'bac'],
    ['bob', 'acb'],
    ['carol', 'abc'],
    ['dave', 'abc'],
    ['用户', 'abc'],
  ])('keeps the order of %s through releases', (user, kept) => {
    const targets = [target('a', 6), target('b', 3), target('c', 1)];
    expect(
      orderFor(user, targets)
        .map(({ model }) => model)
        .join(''),
    ).toBe(kept);
  });

  it('gives each target the users that its weight says', () => {
    const targets = [target('a', 6), target('b', 3), target('c', 1)];
    const orderOf = (index: number) =>
      orderFor(`user-${index}`, targets)
        .map(({ model }) => model)
        .join('');
    expect(chiSquare(SIX_THREE_ONE, 4_000, orderOf)).toBeLessThan(MOST);
  });

  const some = fc.uniqueArray(
    fc.record({ provider: fc.constantFrom('p', 'q'), model: fc.string({ minLength: 1 }), weight: fc.double({ min: 0.001, max: 1e6 }) }),
    { minLength: 1, maxLength: 12, selector: ({ provider, model }) => `${provider}/${model}` },
  );

  it('moves nobody but those of a target that goes away', () => {
    fc.assert(
      fc.property(some, fc.string({ minLength: 1 }), fc.nat(), (targets, user, at) => {
        const gone = targets[at % targets.length];
        const without = targets.filter((each) => each !== gone);
        expect(orderFor(user, without)).toEqual(orderFor(user, targets).filter((each) => each !== gone));
      }),
    );
  });

  it('does not mind in which order targets are listed', () => {
    fc.assert(
      fc.property(some, fc.string({ minLength: 1 }), (targets, user) => {
        expect(orderFor(user, targets.toReversed())).toEqual(orderFor(user, targets));
      }),
    );
  });

  it('tells a target that is listed twice from itself', () => {
    const twice = [target('a'), target('a')];
    const [first, second] = twice;
    const firsts = Array.from({ length: 1_000 }, (_, index) => orderFor(`user-${index}`, twice)[0]);
    expect(firsts.filter((each) => each === first).length).toBeGreaterThan(400);
    expect(firsts.filter((each) => each === second).length).toBeGreaterThan(400);
  });

  it('refuses what is no subject', () => {
    for (const stick of ['', 'users', 'metadata.', 'header.', 'header.a b', 'ip'])
      expect(weighted.config.safeParse({ stick }).success).toBe(false);
    for (const stick of ['user', 'conversation', 'metadata.customer id', 'header.x-tenant']) {
      expect(weighted.config.safeParse({ stick }).success, stick).toBe(!stick.includes(' '));
    }
  });
});
