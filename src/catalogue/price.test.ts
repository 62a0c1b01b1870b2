import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Usage } from '../core/chat.ts';
import { formatUsd } from '../core/money.ts';
import type { Price, Rates } from '../core/price.ts';
import { findModel, priceAt } from './catalogue.ts';
import { priceOf } from './price.ts';

const usd = (usage: Usage, price: Price, way?: string) => {
  const cost = priceOf(usage, price, { factors: { batch: 0.5, priority: 2.5 }, ...(way === undefined ? {} : { way }) });
  return cost === undefined ? undefined : formatUsd(cost);
};

// Rates as the vendors print them, and what their own rules make of them, by hand.
const gpt4o: Price = { input: 2.5, cacheRead: 1.25, output: 10, perSearch: 0.01 };
const sonnet: Price = { input: 3, cacheRead: 0.3, cacheWrite5m: 3.75, cacheWrite1h: 6, output: 15 };
const geminiPro: Price = {
  input: 1.25,
  cacheRead: 0.125,
  output: 10,
  tiers: [{ above: 200_000, input: 2.5, cacheRead: 0.25, output: 15 }],
};
const sonar: Price = { input: 2, output: 8, reasoning: 3, perSearch: 0.005 };
const realtime: Price = { input: 4, cacheRead: 0.4, output: 16, audioInput: 32, audioOutput: 64, imageInput: 5 };

describe('prices of real vendors', () => {
  const cases: readonly [string, Usage, Price, string][] = [
    ['OpenAI', { input: 1000, output: 500 }, gpt4o, '0.0075'],
    ['OpenAI, cached input at half price', { input: 1000, cacheRead: 800, output: 500 }, gpt4o, '0.0065'],
    ['OpenAI, reasoning is output', { input: 1000, output: 500, reasoning: 400 }, gpt4o, '0.0075'],
    ['OpenAI, its own searches', { input: 1000, output: 500, searches: 3 }, gpt4o, '0.0375'],
    ['Anthropic, cache read', { input: 10_000, cacheRead: 9000, output: 100 }, sonnet, '0.0072'],
    ['Anthropic, cache written for 5 minutes', { input: 10_000, cacheWrite: 8000, output: 100 }, sonnet, '0.0375'],
    ['Anthropic, cache written for an hour', { input: 10_000, cacheWrite: 8000, cacheWrite1h: 8000, output: 100 }, sonnet, '0.0555'],
    ['Anthropic, both', { input: 10_000, cacheRead: 1000, cacheWrite: 8000, cacheWrite1h: 2000, output: 100 }, sonnet, '0.0393'],
    ['Gemini, at 200,000 tokens', { input: 200_000, output: 1000 }, geminiPro, '0.26'],
    ['Gemini, above: the whole request', { input: 200_001, output: 1000 }, geminiPro, '0.5150025'],
    ['Gemini, above because of what is cached', { input: 300_000, cacheRead: 200_000, output: 1000 }, geminiPro, '0.315'],
    ['Perplexity, reasoning and searches apart', { input: 100, output: 3000, reasoning: 2000, searches: 10 }, sonar, '0.0642'],
    ['OpenAI realtime, audio both ways', { input: 1000, audioInput: 900, output: 500, audioOutput: 400 }, realtime, '0.0564'],
    ['OpenAI realtime, cached tokens are text first', { input: 1000, audioInput: 900, cacheRead: 200, output: 0 }, realtime, '0.02568'],
    ['Whisper, by the second', { input: 0, output: 0, seconds: 90.5 }, { perSecond: 0.0001 }, '0.00905'],
    ['Sonar, by the request too', { input: 1000, output: 1000 }, { input: 1, output: 1, perRequest: 0.012 }, '0.014'],
    ['pictures, by the piece', { input: 20, output: 0, images: 2 }, { perImage: 0.04 }, '0.08'],
  ];
  it.each(cases)('%s', (_name, usage, price, cost) => expect(usd(usage, price)).toBe(cost));

  it('rounds once, half up', () => {
    expect(priceOf({ input: 1, output: 0 }, { input: 0.0005 })).toBe(1);
    expect(priceOf({ input: 1, output: 0 }, { input: 0.000499 })).toBe(0);
    expect(priceOf({ input: 1, output: 1 }, { input: 0.0004, output: 0.0004 })).toBe(1);
  });

  it('multiplies tokens, and nothing else, by the way of serving', () => {
    expect(usd({ input: 1000, output: 500, searches: 1 }, gpt4o, 'batch')).toBe('0.01375');
    expect(usd({ input: 1000, output: 500 }, gpt4o, 'priority')).toBe('0.01875');
    expect(usd({ input: 1000, output: 500 }, gpt4o, 'standard')).toBe('0.0075');
    expect(usd({ input: 1000, output: 500 }, gpt4o, 'turbo')).toBeUndefined();
  });
});

describe('an unknown price', () => {
  const cases: readonly [string, Usage, Price][] = [
    ['of output', { input: 10, output: 1 }, { input: 1 }],
    ['of input', { input: 10, output: 1 }, { output: 1 }],
    ['of pictures alone', { input: 0, output: 0, images: 1 }, { input: 5, output: 40 }],
    ['of seconds alone', { input: 0, output: 0, seconds: 3 }, { input: 5 }],
    ['of tokens, where only searches have one', { input: 10, output: 1, searches: 1 }, { perSearch: 0.01 }],
  ];
  it.each(cases)('%s is not zero', (_name, usage, price) => expect(priceOf(usage, price)).toBeUndefined());

  it('is not what a price of zero is', () => {
    expect(priceOf({ input: 10, output: 1 }, { input: 0, output: 0 })).toBe(0);
    expect(priceOf({ input: 0, output: 0 }, { input: 1, output: 1 })).toBe(0);
    expect(priceOf({ input: 10, output: 0 }, { input: 0.02 })).toBe(0.02 * 10_000);
  });
});

const rate = fc.integer({ min: 0, max: 600_000_000 }).map((millionth) => millionth / 1e6);
const count = fc.integer({ min: 0, max: 2_000_000 });
const rates: fc.Arbitrary<Rates> = fc.record(
  {
    input: rate,
    output: rate,
    cacheRead: rate,
    cacheWrite5m: rate,
    cacheWrite1h: rate,
    reasoning: rate,
    audioInput: rate,
    audioOutput: rate,
    imageInput: rate,
    imageOutput: rate,
  },
  { requiredKeys: ['input', 'output'] },
);
const usage: fc.Arbitrary<Usage> = fc.record(
  {
    input: count,
    output: count,
    cacheRead: count,
    cacheWrite: count,
    cacheWrite1h: count,
    audioInput: count,
    audioOutput: count,
    imageInput: count,
    imageOutput: count,
    reasoning: count,
  },
  { requiredKeys: ['input', 'output'] },
);
const costOf = (each: Usage, price: Price) => priceOf(each, price) ?? Number.NaN;

describe('every price', () => {
  it('is a whole number and never negative, whatever the counts', () => {
    const wild = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, -5, 1e308, Number.POSITIVE_INFINITY));
    const wildUsage = fc.record({ input: wild, output: wild, cacheRead: wild, cacheWrite: wild, cacheWrite1h: wild, reasoning: wild });
    fc.assert(
      fc.property(fc.oneof(usage, wildUsage), rates, (used, price) => {
        const cost = costOf(used, price);
        expect(Number.isSafeInteger(cost) && cost >= 0).toBe(true);
      }),
    );
  });

  it('never falls when tokens are added', () => {
    fc.assert(
      fc.property(usage, rates, count, count, (used, price, input, output) => {
        const more = { ...used, input: used.input + input, output: used.output + output };
        expect(costOf(more, price)).toBeGreaterThanOrEqual(costOf(used, price));
      }),
    );
  });

  it('lies between the cheapest and the dearest rate that could hold for each token', () => {
    fc.assert(
      fc.property(usage, rates, (used, price) => {
        const { output = 0, reasoning = output, audioOutput = output, imageOutput = output, input = 0, ...rest } = price;
        const { cacheRead = input, cacheWrite5m = input, cacheWrite1h = cacheWrite5m, audioInput = input, imageInput = input } = rest;
        const reading = [input, cacheRead, cacheWrite5m, cacheWrite1h, audioInput, imageInput];
        const writing = [output, reasoning, audioOutput, imageOutput];
        const bound = (pick: (...values: number[]) => number) => (used.input * pick(...reading) + used.output * pick(...writing)) * 1000;
        expect(costOf(used, price)).toBeGreaterThanOrEqual(bound(Math.min) - 1);
        expect(costOf(used, price)).toBeLessThanOrEqual(bound(Math.max) + 1);
      }),
    );
  });

  it('is what its halves cost together, but for the rounding of each', () => {
    fc.assert(
      fc.property(usage, rates, (used, price) => {
        const input = costOf({ ...used, output: 0 }, price);
        const output = costOf({ ...used, input: 0 }, price);
        expect(Math.abs(input + output - costOf(used, price))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('of the vendored list can be worked out', () => {
    const model = findModel('openai', 'gpt-4o');
    expect(usd({ input: 1_000_000, cacheRead: 500_000, output: 0 }, priceAt(model?.prices, 0) ?? {})).toBe('1.875');
  });
});
