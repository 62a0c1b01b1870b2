import { describe, expect, it } from 'vitest';
import { type FakeToolsOptions, fakeCall, fakeExchange, fakeTools, seededRandom } from '../core/fakes.ts';
import type { Target } from '../core/strategy.ts';
import { latency } from './latency.ts';

const targets = (names: string): readonly Target[] => [...names].map((model) => ({ provider: 'p', model }));

function order(names: string, options: FakeToolsOptions, settings: object = {}, tools = fakeTools(options)): string {
  const ordered = latency.order(targets(names), latency.config.parse(settings), fakeCall({ model: 'm' }), fakeExchange(), tools);
  return (ordered as readonly Target[]).map(({ model }) => model).join('');
}

/** How often each target came first. */
function firsts(names: string, options: FakeToolsOptions, settings: object = {}, draws = 4_500): { readonly [name: string]: number } {
  const random = seededRandom(17);
  const seen: Record<string, number> = Object.fromEntries([...names].map((name) => [name, 0]));
  for (let index = 0; index < draws; index++) {
    const first = order(names, { ...options, random }, settings).slice(0, 1);
    seen[first] = (seen[first] ?? 0) + 1;
  }
  return seen;
}

const times = (ms: { readonly [name: string]: number }) =>
  Object.fromEntries(Object.entries(ms).map(([name, firstTokenMs]) => [`p/${name}`, { firstTokenMs, tokensPerSecond: 100 }]));

describe('latency', () => {
  it('puts the faster of two first, by first token and length of the answer', () => {
    const health = {
      'p/a': { firstTokenMs: 200, tokensPerSecond: 20 },
      'p/b': { firstTokenMs: 900, tokensPerSecond: 200 },
    };
    const tools = fakeTools({ health, size: { input: 1, output: 10 } });
    expect(order('ab', {}, {}, tools)).toBe('ab');
    expect(tools.explained).toEqual({ 'p/a': ['700 ms expected'], 'p/b': ['950 ms expected'] });
    expect(order('ab', { health, size: { input: 1, output: 1_000 } })).toBe('ba');
  });

  it('counts the calls that are under way', () => {
    const health = { 'p/a': { firstTokenMs: 300, inFlight: 3 }, 'p/b': { firstTokenMs: 1_000, inFlight: 0 } };
    expect(order('ab', { health })).toBe('ba');
  });

  it('draws two, so that not everybody runs to the fastest', () => {
    const health = times({ a: 100, b: 200, c: 300, d: 400 });
    const seen = firsts('abcd', { health }, { explore: 0 });
    // Of six pairs the fastest is in three, the next first in two, the third in one, the last in none.
    const expected: { readonly [name: string]: number } = { a: 2_250, b: 1_500, c: 750 };
    const chiSquare = Object.entries(expected).reduce((sum, [name, mean]) => sum + ((seen[name] ?? 0) - mean) ** 2 / mean, 0);
    // 2 degrees of freedom: passed by chance once in a thousand.
    expect(chiSquare).toBeLessThan(13.8);
    expect(seen.d).toBe(0);
  });

  it('orders the rest by time', () => {
    const health = times({ a: 400, b: 300, c: 200, d: 100 });
    const seen = new Set(Array.from({ length: 100 }, (_, seed) => order('abcd', { health, random: seededRandom(seed) })));
    expect([...seen].toSorted()).toEqual(['bdca', 'cdba', 'dcba']);
  });

  it('draws within the tolerance alone', () => {
    const health = times({ a: 100, b: 140, c: 160, d: 1_000 });
    const size = { input: 1, output: 0 };
    expect(firsts('abcd', { health, size }, { tolerance: 0.5, explore: 0 }, 300)).toEqual({ a: 300, b: 0, c: 0, d: 0 });
    const seen = firsts('abcd', { health, size }, { tolerance: 0.6, explore: 0 }, 900);
    expect(seen).toMatchObject({ c: 0, d: 0 });
    expect(seen.a).toBeGreaterThan(540);
    expect(seen.b).toBeGreaterThan(240);
    expect(firsts('abcd', { health, size }, { tolerance: 0, explore: 0 }, 100)).toMatchObject({ a: 100 });
  });

  it('tries what it does not know with a part of the calls, and keeps it behind otherwise', () => {
    const health = { ...times({ a: 100, b: 120 }), 'p/c': { inFlight: 1 }, 'p/d': {} };
    const seen = firsts('abcd', { health });
    // A tenth of 4,500, within three and a half standard deviations; of the two, where nothing is under way.
    expect(Math.abs((seen.d ?? 0) - 450)).toBeLessThan(70);
    expect(seen.c).toBe(0);
    expect(firsts('abcd', { health }, { explore: 0 }, 300)).toMatchObject({ a: 300, c: 0, d: 0 });
    expect(order('cabd', { health, random: () => 0.5 })).toBe('abdc');
  });

  it('looks at a slower one again now and then, which may have become faster', () => {
    const health = times({ a: 100, b: 1_000, c: 2_000 });
    const seen = firsts('abc', { health }, { explore: 1, tolerance: 0 });
    // A tenth of what is explored, shared by the two; four standard deviations.
    for (const name of ['b', 'c']) expect(Math.abs((seen[name] ?? 0) - 225), name).toBeLessThan(60);
    expect(firsts('ab', { health }, { explore: 0 }, 300)).toEqual({ a: 300, b: 0 });
  });

  it('does not go by the times of one that has been failing, and tries it anew', () => {
    const health = { ...times({ a: 100 }), 'p/b': { state: 'half-open', firstTokenMs: 1 } } as const;
    expect(order('ab', { health, random: () => 0.5 })).toBe('ab');
    const tools = fakeTools({ health, random: () => 0.05 });
    expect(order('ab', {}, {}, tools)).toBe('ba');
    expect(tools.explained['p/b']).toEqual(['its time is not known: asked to learn it']);
  });

  it('learns anew where nothing is known at all: the least busy first', () => {
    expect(order('abc', { health: { 'p/a': { inFlight: 2 }, 'p/c': { inFlight: 1 } } })).toBe('bca');
    const seen = firsts('abc', {}, { explore: 0 }, 3_000);
    for (const name of 'abc') expect(Math.abs((seen[name] ?? 0) - 1_000), name).toBeLessThan(100);
  });

  it('takes the best speed for one that is not known yet', () => {
    const health = { 'p/a': { firstTokenMs: 100, tokensPerSecond: 50 }, 'p/b': { firstTokenMs: 90 } };
    const tools = fakeTools({ health, size: { input: 1, output: 100 } });
    expect(order('ab', {}, {}, tools)).toBe('ba');
    expect(tools.explained).toEqual({ 'p/a': ['2100 ms expected'], 'p/b': ['2090 ms expected'] });
  });

  it('has what is failing last, whatever its times', () => {
    const health = { 'p/a': { state: 'open', firstTokenMs: 1 }, 'p/b': { firstTokenMs: 500 }, 'p/c': {} } as const;
    expect(order('abc', { health, random: () => 0.5 })).toBe('bca');
  });
});
