import { describe, expect, it } from 'vitest';
import type { ModelCard } from '../core/price.ts';
import { catalogueHead, findModel, priceAt } from './catalogue.ts';
import text from './catalogue.txt';

const at = (time: string) => Date.parse(time);
const input = (provider: string, model: string, time = '2026-11-01T12:00:00Z') =>
  priceAt(findModel(provider, model)?.prices, at(time))?.input;

describe('looking a model up', () => {
  // Prices from the vendors' pages, so that a wrong entry is seen as well as a missing one.
  const found: readonly [string, string, number][] = [
    ['openai', 'gpt-4o', 2.5],
    ['openai', 'GPT-4o', 2.5],
    ['openai', 'gpt-4o-2024-08-06', 2.5],
    ['openai', 'gpt-4o-2024-05-13', 5],
    ['openai', 'gpt-4o-mini', 0.15],
    ['openai', 'gpt-4o-mini-2024-07-18', 0.15],
    ['openai', 'gpt-5.6-sol-2026-07-01', 4],
    ['anthropic', 'claude-sonnet-4-5-20250929', 3],
    ['anthropic', 'claude-opus-5-20260901', 5],
    ['anthropic', 'claude-haiku-4-5', 1],
    ['google', 'gemini-2.5-pro', 1.25],
    ['google', 'models/gemini-2.5-pro', 1.25],
    ['google', 'gemini-2.5-flash-lite', 0.1],
    ['vertex', 'claude-sonnet-4@20250514', 3],
    ['vertex', 'publishers/google/models/gemini-2.5-pro', 1.25],
    ['bedrock', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 3.3],
    ['bedrock', 'global.anthropic.claude-sonnet-4-5-20250929-v1:0', 3],
    ['bedrock', 'eu.amazon.nova-pro-v1:0', 0.8],
    ['bedrock', 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-5-haiku-20241022-v1:0', 0.8],
    ['azure', 'gpt-4o', 2.5],
    ['azure', 'o3', 2],
    ['azure', 'gpt-6-sol', 2],
    ['vertex', 'gemini-3.6-flash', 0.75],
    ['bedrock', 'us.deepseek.v3.2', 0.62],
    ['openrouter', 'openai/gpt-4o', 2.5],
    ['openrouter', 'anthropic/claude-sonnet-4.5', 3],
    ['xai', 'grok-4.3', 1.25],
    ['deepseek', 'deepseek-v4-flash', 0.22],
    ['sandbox', 'echo', 0],
  ];
  it.each(found)('%s %s costs %d a million tokens', (provider, model, price) => expect(input(provider, model)).toBe(price));

  it.each([
    ['openai', 'claude-sonnet-4-5'],
    ['openai', 'no-such-model'],
    ['openai', ''],
    ['openai', '*'],
    ['openai', `gpt-4o${'x'.repeat(400)}`],
    ['no-such-provider', 'gpt-4o'],
    ['"},{"', 'gpt-4o'],
    ['ollama', 'llama3'],
    ['nvidia', 'meta/llama-3.3-70b-instruct'],
    ['openrouter', 'openai/gpt-4o:floor'],
  ])('%s %s has no price', (provider, model) => {
    expect(input(provider, model)).toBeUndefined();
  });

  it('says what a model can do', () => {
    expect(findModel('openai', 'gpt-4o-2024-08-06')).toMatchObject({
      context: 128_000,
      maxOutput: 16_384,
      reads: expect.arrayContaining(['text', 'image']),
      writes: ['text'],
      can: expect.arrayContaining(['tools', 'structured']),
      factors: { batch: 0.5, flex: 0.5 },
    });
    expect(findModel('openai', 'gpt-5.4')?.factors).toEqual({ batch: 0.5, flex: 0.5, priority: 2 });
    expect(findModel('google', 'gemini-2.5-pro')?.reads).toContain('video');
  });

  it('remembers what it found, and not without end', () => {
    const first = findModel('openai', 'gpt-4o-2024-11-20');
    for (let at = 0; at < 1500; at++) findModel('openai', `strange-${at}`);
    expect(findModel('openai', 'gpt-4o-2024-11-20')).toBe(first);
  });
});

describe('the price at a time', () => {
  it.each([
    ['openai', 'o3', '2025-06-09T23:59:59Z', 10],
    ['openai', 'o3', '2025-06-10T00:00:00Z', 2],
    ['google', 'gemini-3.6-flash', '2027-01-01T00:00:00Z', 1.5],
    ['deepseek', 'deepseek-v4-flash', '2026-08-16T12:00:00Z', 0.14],
    ['deepseek', 'deepseek-v4-flash', '2026-08-17T12:00:00Z', 0.22],
    ['deepseek', 'deepseek-v4-flash', '2026-11-01T00:59:59Z', 0.22],
    ['deepseek', 'deepseek-v4-flash', '2026-11-01T01:00:00Z', 0.44],
    ['deepseek', 'deepseek-v4-flash', '2026-11-01T03:59:59Z', 0.44],
    ['deepseek', 'deepseek-v4-flash', '2026-11-01T04:00:00Z', 0.22],
  ])('of %s %s at %s is %d', (provider, model, time, price) => expect(input(provider, model, time)).toBe(price));

  it('knows hours around midnight', () => {
    const prices = [{ input: 1 }, { between: ['22:30', '02:00'] as const, input: 2 }];
    const costs = ['22:29', '22:30', '01:59', '02:00'].map((hour) => priceAt(prices, at(`2026-11-01T${hour}:00Z`))?.input);
    expect(costs).toEqual([1, 2, 2, 1]);
  });
});

describe('the vendored list', () => {
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const models: readonly (ModelCard & { readonly as?: readonly string[] })[] = lines.filter((line) => line.id !== undefined);

  it('carries its version, its sources and their licences', () => {
    expect(catalogueHead().version).toMatch(/^20\d\d-\d\d-\d\d\+[0-9a-f]{6}$/);
    expect(catalogueHead().sources.map(({ licence, copyright }) => licence !== '' && copyright !== '')).toEqual([true, true]);
    expect(models.length).toBeGreaterThan(2000);
  });

  it('holds nothing but what its types say', () => {
    const known = new Set(['id', 'as', 'context', 'maxOutput', 'reads', 'writes', 'can', 'prices', 'factors']);
    const ratesOf = ({ prices = [] }: ModelCard) =>
      prices.flatMap(({ from: _, between: __, tiers = [], ...base }) => [base, ...tiers.map(({ above: ___, ...more }) => more)]);
    const wrong = models.filter(
      (model) =>
        Object.keys(model).some((key) => !known.has(key)) ||
        model.id !== model.id.toLowerCase() ||
        [model.context, model.maxOutput].some((size) => size !== undefined && !(size > 0)) ||
        ratesOf(model).some((rates) => Object.values(rates).some((rate) => !(typeof rate === 'number' && rate >= 0))),
    );
    expect(wrong).toEqual([]);
  });

  it('charges more above a tier than below it', () => {
    const cheaper = models.flatMap(({ id, prices = [] }) =>
      prices.flatMap(({ tiers = [], input: below = 0 }) => tiers.filter((tier) => (tier.input ?? below) < below).map(() => id)),
    );
    expect(cheaper).toEqual([]);
  });
});
