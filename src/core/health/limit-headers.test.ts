import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { familyOf, readLimits, readReset } from './limit-headers.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');

function read(headers: Record<string, string>) {
  const sent = new Headers(headers);
  const family = familyOf(sent);
  return family === undefined ? undefined : readLimits(sent, family, NOW);
}

describe('what vendors tell of their limits', () => {
  it('OpenAI, Azure, Groq: durations as Go writes them', () => {
    const told = read({
      'x-ratelimit-limit-requests': '10000',
      'x-ratelimit-remaining-requests': '9998',
      'x-ratelimit-reset-requests': '12ms',
      'x-ratelimit-limit-tokens': '2000000',
      'x-ratelimit-remaining-tokens': '1999220',
      'x-ratelimit-reset-tokens': '6m0s',
    });
    expect(told).toEqual([
      { unit: 'requests', remaining: 9998, limit: 10000, resetAt: NOW + 12 },
      { unit: 'tokens', remaining: 1999220, limit: 2000000, resetAt: NOW + 360_000 },
    ]);
  });

  it('Anthropic: dates, and the scarcest of its kinds of tokens', () => {
    const told = read({
      'anthropic-ratelimit-requests-limit': '4000',
      'anthropic-ratelimit-requests-remaining': '3999',
      'anthropic-ratelimit-requests-reset': '2026-11-21T12:00:01Z',
      'anthropic-ratelimit-input-tokens-limit': '400000',
      'anthropic-ratelimit-input-tokens-remaining': '399000',
      'anthropic-ratelimit-input-tokens-reset': '2026-11-21T12:00:02Z',
      'anthropic-ratelimit-output-tokens-limit': '80000',
      'anthropic-ratelimit-output-tokens-remaining': '7000',
      'anthropic-ratelimit-output-tokens-reset': '2026-11-21T12:00:55Z',
    });
    expect(told).toEqual([
      { unit: 'requests', remaining: 3999, limit: 4000, resetAt: NOW + 1_000 },
      { unit: 'tokens', remaining: 7000, limit: 80000, resetAt: NOW + 55_000 },
    ]);
  });

  it('Mistral: by the minute, without resets', () => {
    const told = read({
      'x-ratelimit-limit-req-minute': '60',
      'x-ratelimit-remaining-req-minute': '59',
      'x-ratelimit-limit-tokens-minute': '50000',
      'x-ratelimit-remaining-tokens-minute': '47196',
    });
    expect(told).toEqual([
      { unit: 'requests', remaining: 59, limit: 60, resetAt: NOW + 60_000 },
      { unit: 'tokens', remaining: 47196, limit: 50000, resetAt: NOW + 60_000 },
    ]);
  });

  it('Cerebras: resets in seconds', () => {
    const told = read({
      'x-ratelimit-limit-requests-day': '14400',
      'x-ratelimit-remaining-requests-day': '13693',
      'x-ratelimit-reset-requests-day': '11726.25',
      'x-ratelimit-limit-tokens-minute': '60000',
      'x-ratelimit-remaining-tokens-minute': '60000',
      'x-ratelimit-reset-tokens-minute': '26.5',
    });
    expect(told).toEqual([
      { unit: 'requests', remaining: 13693, limit: 14400, resetAt: NOW + 11_726_250 },
      { unit: 'tokens', remaining: 60000, limit: 60000, resetAt: NOW + 26_500 },
    ]);
  });

  it('Fireworks: both sides of a call apart', () => {
    const told = read({ 'x-ratelimit-remaining-tokens-prompt': '7193993', 'x-ratelimit-remaining-tokens-generated': '69338' });
    expect(told).toEqual([{ unit: 'tokens', remaining: 69338, resetAt: NOW + 60_000 }]);
  });

  it('Together: names of its own', () => {
    const told = read({
      'x-ratelimit-remaining': '9',
      'x-ratelimit-limit': '10',
      'x-ratelimit-reset': '1',
      'x-tokenlimit-remaining': '1800',
    });
    expect(told).toEqual([
      { unit: 'requests', remaining: 9, limit: 10, resetAt: NOW + 1_000 },
      { unit: 'tokens', remaining: 1800, resetAt: NOW + 1_000 },
    ]);
  });

  it('nothing, where there is no such header', () => {
    expect(read({ 'content-type': 'application/json' })).toBeUndefined();
  });

  it.each(['-1', 'NaN', '', '1e15', 'unlimited', 'Infinity'])('nothing, where what is left is %j', (value) => {
    expect(read({ 'x-ratelimit-remaining-tokens': value }) ?? []).toEqual([]);
  });

  it('never more than the limit', () => {
    expect(read({ 'x-ratelimit-remaining-tokens': '500', 'x-ratelimit-limit-tokens': '100' })).toMatchObject([{ remaining: 100 }]);
  });
});

describe('when a limit is back', () => {
  it.each([
    ['1s', 1_000],
    ['20ms', 20],
    ['1m26.4s', 86_400],
    ['23h59m', 86_340_000],
    ['0s', 0],
    ['30', 30_000],
    [String(NOW + 5_000), 5_000],
    [String(NOW / 1_000 + 7), 7_000],
    ['2026-11-21T12:01:00Z', 60_000],
    ['2026-11-21T11:59:00Z', 0],
  ])('%s is %s ms from now', (text, later) => {
    expect(readReset(text, NOW)).toBe(NOW + later);
  });

  it.each(['', 'soon', '-5s', '5x', '99999h', 'Infinity', '2096-11-21T12:01:00Z', '1s,2s'])('is not known from %j', (text) => {
    expect(readReset(text, NOW)).toBeUndefined();
  });

  it('is never before now nor more than a month away, whatever is written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9hms.µund]{0,12}$/), fc.double().map(String)), (text) => {
        const at = readReset(text, NOW);
        if (at === undefined) return;
        expect(at).toBeGreaterThanOrEqual(NOW);
        expect(at).toBeLessThanOrEqual(NOW + 31 * 86_400_000);
      }),
    );
  });
});
