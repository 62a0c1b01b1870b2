import { describe, expect, it } from 'vitest';
import { type FakeToolsOptions, fakeCall, fakeExchange, fakeTools } from '../core/fakes.ts';
import type { Target } from '../core/strategy.ts';
import { headroom } from './headroom.ts';

const targets = (names: string): readonly Target[] => [...names].map((model) => ({ provider: 'p', model }));

function order(
  options: FakeToolsOptions,
  list: readonly Target[] = targets('abc'),
  settings: object = {},
  tools = fakeTools(options),
): string {
  const ordered = headroom.order(list, headroom.config.parse(settings), fakeCall({ model: 'm' }), fakeExchange(), tools);
  return (ordered as readonly Target[]).map(({ model }) => model).join('');
}

// A call of 1,000 tokens.
const size = { input: 600, output: 400 };

describe('headroom', () => {
  it('leaves the order as it is listed while there is room', () => {
    expect(order({ size, headroom: { 'p/a': { tokens: 1e6, requests: 1 } } })).toBe('abc');
    expect(order({ size })).toBe('abc');
  });

  it('spills over before the provider has to refuse', () => {
    const tools = fakeTools({ size, headroom: { 'p/a': { tokens: 999, requests: 50 }, 'p/b': { tokens: 12_000 } } });
    expect(order({}, targets('abc'), { reserve: 0 }, tools)).toBe('bca');
    expect(tools.explained).toEqual({
      'p/a': ['room for 999 tokens, and 1,000 are needed'],
      'p/b': ['room for 12,000 tokens'],
      'p/c': ['no limit is known'],
    });
    expect(order({ size, headroom: { 'p/a': { tokens: 1e6, requests: 0 } } })).toBe('bca');
  });

  it('keeps a reserve, which is a part of the capacity where that is known', () => {
    // 2 % of what is left.
    expect(order({ size, headroom: { 'p/a': { tokens: 1_020 } } })).toBe('bca');
    expect(order({ size, headroom: { 'p/a': { tokens: 1_021 } } })).toBe('abc');
    const bought = [{ provider: 'p', model: 'a', capacity: { tokens: 100_000 } }, ...targets('bc')];
    expect(order({ size, headroom: { 'p/a': { tokens: 2_999 } } }, bought)).toBe('bca');
    expect(order({ size, headroom: { 'p/a': { tokens: 3_000 } } }, bought)).toBe('abc');
    expect(order({ size, headroom: { 'p/a': { tokens: 5_999 } } }, bought, { reserve: 5_000 })).toBe('bca');
    expect(order({ size, headroom: { 'p/a': { tokens: 6_000 } } }, bought, { reserve: 5_000 })).toBe('abc');
  });

  it('has those without room in the order of what they have left', () => {
    const left = { 'p/a': { tokens: 10 }, 'p/b': { tokens: 900 }, 'p/c': { tokens: 1e6, requests: 0 } };
    expect(order({ size, headroom: left })).toBe('bac');
  });

  it('says what limit it knows', () => {
    const tools = fakeTools({ size, headroom: { 'p/a': { requests: 7 }, 'p/b': { requests: 0, tokens: 5 } } });
    order({}, targets('ab'), {}, tools);
    expect(tools.explained).toEqual({ 'p/a': ['room for 7 requests'], 'p/b': ['no request is left'] });
  });

  it('has what is failing last', () => {
    expect(order({ size, headroom: { 'p/b': { tokens: 1 } }, health: { 'p/a': { state: 'open' } } })).toBe('cba');
  });
});
