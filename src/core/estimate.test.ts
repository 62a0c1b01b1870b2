import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { lazyTokenizers } from '../state/vocabulary/index.ts';
import { estimateTokens } from './estimate.ts';
import type { Tokenizer } from './tokens/encoding.ts';
import samples from './tokens/fixtures/samples.json';

let exact: Tokenizer;
beforeAll(async () => {
  exact = await lazyTokenizers().of('o200k_base');
});

/** Relative; positive where the estimate is too high. */
const errorOf = (text: string) => estimateTokens(text) / exact.count(text) - 1;

describe('estimateTokens', () => {
  it.each(Object.entries(samples))('is within a third for %s', (_, text) => {
    expect(Math.abs(errorOf(text))).toBeLessThan(1 / 3);
  });

  it('is within a tenth on average over all kinds of text', () => {
    const errors = Object.values(samples).map((text) => Math.abs(errorOf(text)));
    expect(errors.reduce((sum, each) => sum + each, 0) / errors.length).toBeLessThan(0.1);
  });

  it('knows what chance wrote from what people name', () => {
    const bytes = Uint8Array.from({ length: 3000 }, (_, at) => (Math.imul(at + 1, 2654435761) >>> 13) & 0xff);
    expect(Math.abs(errorOf(btoa(String.fromCharCode(...bytes))))).toBeLessThan(0.1);
    const hexadecimal = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    expect(Math.abs(errorOf(hexadecimal))).toBeLessThan(0.1);
    expect(Math.abs(errorOf('const estimatedOutputTokens = readAnswerOf(upstreamResponse);\n'.repeat(20)))).toBeLessThan(0.15);
  });

  it('is nothing for an empty text, and something for every other', { timeout: 60_000 }, () => {
    expect(estimateTokens('')).toBe(0);
    fc.assert(fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => estimateTokens(text) >= 1));
  });

  it('is no less for two texts together than for the longer one', () => {
    fc.assert(
      fc.property(fc.lorem({ mode: 'sentences' }), fc.lorem({ mode: 'sentences' }), (first, second) => {
        expect(estimateTokens(`${first}\n${second}`)).toBeGreaterThanOrEqual(Math.max(estimateTokens(first), estimateTokens(second)));
      }),
    );
  });
});
