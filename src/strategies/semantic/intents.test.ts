import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wordVector } from './fake-embedder.ts';
import { Intents } from './intents.ts';

const BILLING = [
  'charged twice for my order',
  'refund my order please',
  'my invoice shows a wrong charge',
  'please refund the wrong charge',
];
const TRAVEL = ['book a flight to rome', 'which flight goes to paris', 'book a hotel in rome', 'a hotel near the paris airport'];

const of = (...routes: readonly (readonly string[])[]) =>
  new Intents(
    routes.map((texts) => texts.map(wordVector)),
    wordVector('').length,
  );

describe('a text', () => {
  const intents = of(BILLING, TRAVEL);

  it('belongs where its words are used', () => {
    expect(intents.match(wordVector('refund the charge of my order'))).toMatchObject({ route: 0 });
    expect(intents.match(wordVector('a flight to rome and a hotel'))).toMatchObject({ route: 1 });
  });

  it('is nearest to the example that it is', () => {
    const match = intents.match(wordVector(BILLING[2] ?? ''));
    expect(match).toMatchObject({ route: 0, example: 2 });
    expect(match?.score).toBeGreaterThan(0.7);
    expect(match?.score).toBeLessThan(1);
    expect(match?.margin).toBeGreaterThan(0.3);
  });

  it('of which nothing is known belongs nowhere', () => {
    expect(intents.match(new Int8Array(wordVector('').length))).toBeUndefined();
  });

  it('has no margin where there is one route', () => {
    expect(of(BILLING).match(wordVector('refund'))).not.toHaveProperty('margin');
  });
});

describe('the threshold', () => {
  const inside = 'please refund my wrong order';
  const outside = 'sing me the song that whales know';

  it.each([
    ['of two routes', of(BILLING, TRAVEL)],
    ['of one route', of(BILLING)],
  ])('%s lies between what is like the examples and what is not', (_name, intents) => {
    expect(intents.match(wordVector(inside))?.score).toBeGreaterThan(intents.threshold);
    expect(intents.match(wordVector(outside))?.score).toBeLessThan(intents.threshold);
  });

  it('does not go by what an example comes to with itself: that is always more', () => {
    // Nothing in common within the route: left out, each comes to what the other route is to it.
    const scattered = of(['alpha beta', 'gamma delta', 'epsilon zeta'], ['eta theta', 'iota kappa', 'lambda mu']);
    expect(scattered.threshold).toBeLessThan(0.1);
  });

  it('is out of reach where no example says anything', () => {
    expect(of(['', ''], ['', '']).threshold).toBe(1);
    expect(of(['', '']).threshold).toBe(1);
  });

  it('is the same for the same examples, in whatever order they and the routes stand', () => {
    const texts = fc.array(
      fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1, maxLength: 4 }).map((words) => words.join(' ')),
      {
        minLength: 2,
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 4 }), (routes) => {
        const { threshold } = of(...routes);
        expect(Number.isFinite(threshold)).toBe(true);
        expect(of(...routes).threshold).toBe(threshold);
        expect(of(...[...routes].reverse().map((each) => [...each].reverse())).threshold).toBeCloseTo(threshold, 9);
      }),
    );
  });

  it('is fitted by a part of the examples where all would take too long', () => {
    const many = Array.from({ length: 2_000 }, (_, step) => new Int8Array(1_536).fill(1 + (step % 100), step % 7, 700));
    const intents = new Intents([many.slice(0, 1_000), many.slice(1_000)], 1_536);
    expect(Number.isFinite(intents.threshold)).toBe(true);
    expect(intents.tried).toBe(32);
    expect(of(BILLING, TRAVEL).tried).toBe(8);
  });
});
