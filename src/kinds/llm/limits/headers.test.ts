import { describe, expect, it } from 'vitest';
import type { Standing } from '../../../core/ledger/meters.ts';
import { standingHeaders } from './headers.ts';

const NOW = Date.UTC(2026, 10, 21, 12);

const standing = (parts: Partial<Standing>): Standing => ({
  level: 'key',
  subject: 'key_1',
  unit: 'requests',
  window: { kind: 'rate', milliseconds: 60_000 },
  limit: 10,
  used: 3,
  remaining: 7,
  resetsAt: NOW + 18_000,
  ...parts,
});

const all = [
  standing({}),
  standing({
    level: 'app',
    window: { kind: 'calendar', unit: 'day', zone: 'Europe/Berlin' },
    limit: 5,
    remaining: 2,
    resetsAt: NOW + 3_600_001,
  }),
  standing({ unit: 'tokens-in', window: { kind: 'calendar', unit: 'month', zone: 'UTC' }, limit: 900, remaining: 800 }),
  standing({ unit: 'usd', window: { kind: 'always' }, limit: 1_000, remaining: 4 }),
];

describe('what callers are told of their limits', () => {
  it('is in the fields of the draft, each limit by name', () => {
    const [policy, left] = [standingHeaders(all, NOW)['ratelimit-policy'], standingHeaders(all, NOW).ratelimit];
    expect(policy).toBe(
      '"key-requests-60000ms";q=10;w=60, "app-requests-day-Europe-Berlin";q=5;w=86400, "key-tokens-in-month-UTC";q=900;w=2592000, "key-usd-always";q=1000',
    );
    expect(left).toBe(
      '"key-requests-60000ms";r=7;t=18, "app-requests-day-Europe-Berlin";r=2;t=3601, "key-tokens-in-month-UTC";r=800;t=18, "key-usd-always";r=4;t=18',
    );
  });

  it('and the tightest of each kind as the caller’s SDKs read it, and as no others do', () => {
    expect(standingHeaders(all, NOW, 'openai-chat')).toEqual({
      'ratelimit-policy': expect.any(String),
      ratelimit: expect.any(String),
      'x-ratelimit-limit-requests': '5',
      'x-ratelimit-remaining-requests': '2',
      'x-ratelimit-reset-requests': '3601s',
      'x-ratelimit-limit-tokens': '900',
      'x-ratelimit-remaining-tokens': '800',
      'x-ratelimit-reset-tokens': '18s',
    });
    expect(standingHeaders([standing({})], NOW, 'anthropic')).toEqual({
      'ratelimit-policy': '"key-requests-60000ms";q=10;w=60',
      ratelimit: '"key-requests-60000ms";r=7;t=18',
      'anthropic-ratelimit-requests-limit': '10',
      'anthropic-ratelimit-requests-remaining': '7',
      'anthropic-ratelimit-requests-reset': '2026-11-21T12:00:18.000Z',
    });
  });

  it('says nothing of limits that refuse nothing', () => {
    expect(standingHeaders([standing({ soft: true })], NOW)).toEqual({});
    expect(standingHeaders([standing({ soft: true, remaining: 0 }), standing({})], NOW)['x-ratelimit-remaining-requests']).toBe('7');
  });
});
