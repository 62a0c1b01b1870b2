import { describe, expect, it } from 'vitest';
import { fakeTools } from './fakes.ts';
import { distinctIdentities, drawn, healthyFirst, weightOf, withHealth } from './ordering.ts';

const target = (model: string, weight?: number) => ({ provider: 'p', model, ...(weight === undefined ? {} : { weight }) });

describe('healthyFirst', () => {
  it('puts what is not asked at present behind the rest, and keeps the order of both', () => {
    const tools = fakeTools({ health: { 'p/a': { state: 'open' }, 'p/c': { state: 'half-open' }, 'p/d': { state: 'open' } } });
    const placed = withHealth(
      ['a', 'b', 'c', 'd'].map((model) => target(model)),
      tools,
    ).map((each) => ({ ...each, why: 'so' }));
    expect(healthyFirst(placed, tools).map(({ model }) => model)).toEqual(['b', 'c', 'a', 'd']);
    expect(tools.explained).toEqual({
      'p/a': ['so; behind the others, as it has been failing'],
      'p/b': ['so'],
      'p/c': ['so'],
      'p/d': ['so; behind the others, as it has been failing'],
    });
  });
});

describe('drawn', () => {
  it('asks each for its point, and orders by -ln(1-u)/w', () => {
    const points = [0.5, 0.9, 0.1, 0.2];
    // 0.693/2, 2.303/10, 0.105/1, 0.223/1
    const ordered = drawn([target('a', 2), target('b', 10), target('c'), target('d')], (_target, index) => points[index] ?? 0);
    expect(ordered.map(({ model }) => model)).toEqual(['c', 'd', 'b', 'a']);
  });

  it('keeps the listed order of those that are equal, also beyond all bounds', () => {
    const targets = ['a', 'b', 'c'].map((model) => target(model, 5e-324));
    expect(drawn(targets, () => 0.5)).toEqual(targets);
  });
});

it('weights that are none weigh nothing', () => {
  expect(
    [undefined, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2.5].map((weight) =>
      weightOf({ provider: 'p', model: 'm', ...(weight === undefined ? {} : { weight }) }),
    ),
  ).toEqual([1, 0, 0, 0, 0, 2.5]);
});

it('identities tell targets apart, by their own names where they have one', () => {
  const targets = [target('a'), target('a', 2), { ...target('a'), provider: 'q' }, { ...target('a'), name: 'main' }];
  expect([...distinctIdentities(targets).values()]).toEqual(['p/a', 'p/a#2', 'q/a', 'main']);
});
