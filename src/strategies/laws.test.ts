import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fakeCall, fakeExchange, seededRandom } from '../core/fakes.ts';
import type { Target } from '../core/strategy.ts';
import { strategies } from './index.ts';

const target: fc.Arbitrary<Target> = fc.record(
  {
    provider: fc.constantFrom('openai', 'anthropic', 'own'),
    model: fc.string({ minLength: 1 }),
    weight: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e6, noNaN: true })),
  },
  { requiredKeys: ['provider', 'model'] },
);

const cases = strategies.flatMap((strategy) =>
  strategy.examples.map((example) => ({ name: strategy.name, strategy, written: example, settings: strategy.config.parse(example) })),
);

it('every strategy has a name of its own and an example', () => {
  expect(new Set(strategies.map(({ name }) => name)).size).toBe(strategies.length);
  for (const { name, examples } of strategies) {
    expect(name).toMatch(/^[a-z][a-z0-9-]*$/);
    expect(examples.length, `give "${name}" an example of its settings`).toBeGreaterThan(0);
  }
});

describe.each(cases)('$name with $written', ({ strategy, settings, written }) => {
  const order = async (targets: readonly Target[], seed: number) =>
    strategy.order(targets, settings, fakeCall({ model: 'm', messages: ['Hi'] }), fakeExchange(), seededRandom(seed));

  it('gives some of the targets, each once, and at least one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(target, { minLength: 1, maxLength: 12 }), fc.nat(), async (targets, seed) => {
        const before = structuredClone(targets);
        const ordered = await order(targets, seed);
        expect(ordered.length).toBeGreaterThan(0);
        expect(new Set(ordered).size).toBe(ordered.length);
        expect(ordered.every((each) => targets.includes(each))).toBe(true);
        expect(targets).toEqual(before);
      }),
    );
  });

  it('gives nothing for nothing', async () => {
    expect(await order([], 1)).toEqual([]);
  });

  it('gives the same order for the same random numbers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(target, { maxLength: 12 }), fc.nat(), async (targets, seed) => {
        expect(await order(targets, seed)).toEqual(await order(targets, seed));
      }),
    );
  });

  it('refuses settings that it does not know, and has a JSON Schema', () => {
    expect(strategy.config.safeParse({ ...written, unknownSetting: 1 }).success).toBe(false);
    expect(z.toJSONSchema(strategy.config, { io: 'input' })).toMatchObject({ type: 'object' });
  });
});
