import { describe, expect, it } from 'vitest';
import { type FakeToolsOptions, fakeCall, fakeExchange, fakeTools, seededRandom } from '../core/fakes.ts';
import type { Target } from '../core/strategy.ts';
import { leastBusy } from './least-busy.ts';

const target = (model: string, weight?: number): Target => ({ provider: 'p', model, ...(weight === undefined ? {} : { weight }) });

function order(targets: readonly Target[], options: FakeToolsOptions = {}, tools = fakeTools(options)): string {
  const ordered = leastBusy.order(targets, {}, fakeCall({ model: 'm' }), fakeExchange(), tools);
  return (ordered as readonly Target[]).map(({ model }) => model).join('');
}

const busy = (counts: { readonly [name: string]: number }) =>
  Object.fromEntries(Object.entries(counts).map(([name, inFlight]) => [`p/${name}`, { inFlight }]));

describe('least-busy', () => {
  it('puts first where the fewest calls are under way', () => {
    const tools = fakeTools({ health: busy({ a: 3, b: 1, c: 2 }) });
    expect(order([target('a'), target('b'), target('c')], {}, tools)).toBe('bca');
    expect(tools.explained).toMatchObject({ 'p/b': ['1 in flight'] });
  });

  it('counts them for the weight', () => {
    expect(order([target('a', 1), target('b', 4)], { health: busy({ a: 2, b: 7 }) })).toBe('ba');
    expect(order([target('a', 1), target('b', 4)], { health: busy({ a: 2, b: 9 }) })).toBe('ab');
    expect(order([target('z', 0), target('a'), target('b')], { health: busy({ a: 2, b: 9 }) })).toBe('abz');
  });

  it('draws among equals, by weight', () => {
    const random = seededRandom(3);
    const firsts = Array.from(
      { length: 4_000 },
      () => order([target('a', 1), target('b', 3), target('c', 1)], { random, health: busy({ c: 1 }) })[0],
    );
    expect(Math.abs(firsts.filter((first) => first === 'a').length - 1_000)).toBeLessThan(100);
    expect(firsts).not.toContain('c');
  });

  it('spreads calls that stay evenly over the weights', () => {
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    const random = seededRandom(5);
    const targets = [target('a', 1), target('b', 2), target('c', 1)];
    for (let call = 0; call < 400; call++) {
      const [first = ''] = order(targets, { random, health: busy(counts) });
      counts[first] = (counts[first] ?? 0) + 1;
    }
    expect(counts).toEqual({ a: 100, b: 200, c: 100 });
  });

  it('has what is failing last: there nothing is under way', () => {
    const health = { ...busy({ b: 5, c: 7 }), 'p/a': { state: 'open', inFlight: 0 } as const };
    expect(order([target('a'), target('b'), target('c')], { health })).toBe('bca');
  });
});
