import { describe, expect, it } from 'vitest';
import { FACTORS, factorOf } from './factors.ts';

describe('factors of other vocabularies', () => {
  it.each([
    ['claude-sonnet-4-5-20250929', 1.22],
    ['anthropic.claude-3-haiku-20240307-v1:0', 1.22],
    ['claude-opus-4-6', 1.22],
    ['claude-opus-4-8', 1.59],
    ['anthropic/claude-sonnet-5', 1.59],
    ['meta-llama/Llama-3.3-70B-Instruct', 1.01],
    ['gpt-5', 1],
  ])('knows %s', (model, factor) => expect(factorOf(model).factor).toBe(factor));

  it('says so where nothing is known', () => {
    expect(factorOf('command-a-03-2025')).toMatchObject({ factor: 1, basis: 'unknown' });
  });

  it('says of each what it rests on, and of what was measured how far it was off', () => {
    for (const { family, factor, basis, error, source } of FACTORS) {
      expect(source, family).not.toBe('');
      expect(error !== undefined, family).toBe(basis === 'measured');
      expect(factor, family).toBeGreaterThan(0.5);
      expect(factor, family).toBeLessThan(2);
    }
  });
});
