import { describe, expect, it } from 'vitest';
import { costOf, modelAt } from '../catalogue/cost.ts';
import { GatewayError } from '../core/errors.ts';
import { formatUsd } from '../core/money.ts';
import type { PlanProvider } from '../core/plan.ts';
import { compile } from './compile.ts';
import { fakeRolls as rolls } from './fake-rolls.ts';

const AT = Date.parse('2026-11-01');

function provider(entry: object, id = 'openai'): PlanProvider {
  const found = compile({ providers: { [id]: entry } }, { revision: 7, local: true, rolls }).providers.get(id);
  if (found === undefined) throw new Error(`no provider ${id}`);
  return found;
}

const cost = (of: PlanProvider, model: string, usage = { input: 1000, output: 1000 }) => {
  const found = costOf(of, model, usage, AT);
  return found === undefined ? undefined : [formatUsd(found.cost), found.priceVersion];
};

const VENDORED = expect.stringMatching(/^20\d\d-\d\d-\d\d\+[0-9a-f]{6}$/);

describe('prices', () => {
  it('are those of the catalogue where the document has none', () => {
    expect(cost(provider({}), 'gpt-4o')).toEqual(['0.0125', VENDORED]);
    const unlisted = compile({}, { revision: 7, local: true, rolls }).providers.get('openai');
    expect(unlisted && cost(unlisted, 'gpt-4o')).toEqual(['0.0125', VENDORED]);
  });

  it('of a copy are those of what it is like', () => {
    expect(cost(provider({ like: 'openai', baseUrl: 'http://127.0.0.1:9100/v1' }, 'mock'), 'gpt-4o')).toEqual(['0.0125', VENDORED]);
    const stranger = { baseUrl: 'http://127.0.0.1:9100/v1', dialects: ['openai-chat'] };
    expect(cost(provider(stranger, 'mock'), 'gpt-4o')).toBeUndefined();
  });

  it("are the document's, by the exact name before the longest beginning, with its revision as their version", () => {
    const prices = {
      'GPT-4o': { input: 1, output: 2 },
      'gpt-*': { input: 3, output: 4 },
      'gpt-4*': { input: 5, output: 6 },
      '*': { perRequest: 1 },
    };
    const priced = provider({ prices });
    expect(cost(priced, 'gpt-4o')).toEqual(['0.003', 'config:7']);
    expect(cost(priced, 'gpt-4.1')).toEqual(['0.011', 'config:7']);
    expect(cost(priced, 'GPT-5')).toEqual(['0.007', 'config:7']);
    expect(cost(priced, 'anything')).toEqual(['1', 'config:7']);
  });

  it('are never made of two lists', () => {
    const half = provider({ prices: { 'gpt-4o': { input: 1 } } });
    expect(cost(half, 'gpt-4o')).toBeUndefined();
    expect(cost(half, 'gpt-4o', { input: 1000, output: 0 })).toEqual(['0.001', 'config:7']);
    const flex = costOf(half, 'gpt-4o', { input: 1000, output: 0 }, AT, 'flex');
    expect(flex).toBeUndefined();
  });

  it('stay as they are where only the limits are given', () => {
    const limited = provider({ prices: { 'gpt-4o': { context: 8000, maxOutput: 100 } } });
    expect(cost(limited, 'gpt-4o')).toEqual(['0.0125', VENDORED]);
    expect(modelAt(limited, 'gpt-4o', AT)?.card).toMatchObject({ context: 8000, maxOutput: 100, writes: ['text'] });
    expect(modelAt(provider({ prices: { own: { context: 8000 } } }), 'own', AT)).toMatchObject({ card: { context: 8000 } });
  });

  it('stay as they are where only is said what a model can do', () => {
    const able = provider({ prices: { 'gpt-4o': { reads: ['text'], can: [] } } });
    expect(cost(able, 'gpt-4o')).toEqual(['0.0125', VENDORED]);
    expect(modelAt(able, 'gpt-4o', AT)?.card).toMatchObject({ reads: ['text'], can: [], writes: ['text'] });
  });

  it('may have tiers in any order, and factors', () => {
    const tiers = [
      { above: 2000, input: 3 },
      { above: 500, input: 2 },
    ];
    const tiered = provider({ prices: { own: { input: 1, output: 0, tiers, factors: { night: 0.5 } } } });
    expect([500, 501, 2001].map((input) => cost(tiered, 'own', { input, output: 0 })?.[0])).toEqual(['0.0005', '0.001002', '0.006003']);
    expect(costOf(tiered, 'own', { input: 500, output: 0 }, AT, 'night')?.cost).toBe(250_000);
  });

  it('in the sandbox are nothing, and known to be', () => {
    const sandbox = compile({}, { revision: 0, local: true, rolls }).providers.get('sandbox');
    expect(sandbox && cost(sandbox, 'echo')).toEqual(['0', VENDORED]);
  });

  it.each([
    [{ 'gpt-4o': { input: -1 } }, 'providers.openai.prices.gpt-4o.input'],
    [{ 'gpt-4o': { input: '1' } }, 'providers.openai.prices.gpt-4o.input'],
    [{ 'gpt-4o': { inputs: 1 } }, 'providers.openai.prices.gpt-4o.inputs'],
    [{ 'gpt-4o': { context: 0 } }, 'providers.openai.prices.gpt-4o.context'],
    [{ 'gpt-4o': { reads: ['smell'] } }, 'providers.openai.prices.gpt-4o.reads[0]'],
    [{ 'gpt-*o': { input: 1 } }, 'providers.openai.prices["gpt-*o"]'],
    [{ own: { tiers: [{ input: 1 }] } }, 'providers.openai.prices.own.tiers[0].above'],
    [{ own: { input: 1 }, OWN: { input: 1 } }, 'providers.openai.prices.OWN'],
  ])('refuses %j', (prices, path) => {
    let problems: readonly { readonly path: string }[] = [];
    try {
      provider({ prices });
    } catch (thrown) {
      if (thrown instanceof GatewayError) problems = thrown.details.problems ?? [];
    }
    expect(problems.map((problem) => problem.path)).toEqual([path]);
  });
});
