import { describe, expect, it } from 'vitest';
import { HeadroomMeter } from './headroom.ts';

const NOW = 1_800_000_000_000;
const openai = (remaining: number, limit: number, reset: string) =>
  new Headers({
    'x-ratelimit-remaining-tokens': String(remaining),
    'x-ratelimit-limit-tokens': String(limit),
    'x-ratelimit-reset-tokens': reset,
    'x-ratelimit-remaining-requests': '50',
    'x-ratelimit-limit-requests': '60',
    'x-ratelimit-reset-requests': '1s',
  });

describe('what a vendor says is left', () => {
  it('is what it said, less what has been sent since, until its reset', () => {
    const meter = new HeadroomMeter();
    expect(meter.left(NOW, undefined)).toBeUndefined();
    meter.sent(500, NOW);
    meter.heard(openai(1_000, 5_000, '10s'), NOW);
    meter.sent(300, NOW + 1);
    meter.sent(900, NOW + 2);
    expect(meter.left(NOW + 3, undefined)).toEqual({ tokens: 0, requests: 48 });
    expect(meter.left(NOW + 1_000, undefined)).toEqual({ tokens: 0, requests: 60 });
    expect(meter.left(NOW + 10_000, undefined)).toEqual({ tokens: 5_000, requests: 60 });
  });

  it('counts what is sent after a reset that nobody looked at', () => {
    const meter = new HeadroomMeter();
    meter.heard(openai(1_000, 5_000, '10s'), NOW);
    meter.sent(700, NOW + 11_000);
    expect(meter.left(NOW + 12_000, undefined)?.tokens).toBe(4_300);
  });

  it('is not known after a reset where the limit is not told', () => {
    const meter = new HeadroomMeter();
    meter.heard(new Headers({ 'x-ratelimit-remaining-tokens': '5', 'x-ratelimit-reset-tokens': '1s' }), NOW);
    expect(meter.left(NOW, undefined)).toEqual({ tokens: 5 });
    expect(meter.left(NOW + 1_000, undefined)).toBeUndefined();
  });

  it('is heard also from a vendor that was silent at first', () => {
    const meter = new HeadroomMeter();
    for (let answer = 0; answer < 40; answer++) meter.heard(new Headers(), NOW);
    for (let answer = 0; answer < 64; answer++) meter.heard(openai(7, 60, '1s'), NOW);
    expect(meter.left(NOW, undefined)?.tokens).toBe(7);
  });
});

it('is read again after a moment only: until then it is counted on from', () => {
  const meter = new HeadroomMeter();
  meter.heard(openai(1_000, 5_000, '10s'), NOW);
  meter.sent(100, NOW);
  meter.heard(openai(400, 5_000, '10s'), NOW + 19);
  expect(meter.left(NOW + 19, undefined)?.tokens).toBe(900);
  meter.heard(openai(400, 5_000, '10s'), NOW + 20);
  expect(meter.left(NOW + 20, undefined)?.tokens).toBe(400);
});

describe('what is left of what was bought', () => {
  const capacity = { tokens: 10_000, requests: 3 };

  it('is all of it, less what was sent within the last minute', () => {
    const meter = new HeadroomMeter();
    meter.sent(4_000, NOW);
    meter.sent(1_000, NOW + 30_000);
    expect(meter.left(NOW + 30_000, capacity)).toEqual({ tokens: 5_000, requests: 1 });
    expect(meter.left(NOW + 65_000, capacity)).toEqual({ tokens: 9_000, requests: 2 });
    expect(meter.left(NOW + 96_000, capacity)).toEqual({ tokens: 10_000, requests: 3 });
  });

  it('follows what calls really took', () => {
    const meter = new HeadroomMeter();
    meter.sent(4_000, NOW);
    meter.corrected(-3_500, NOW);
    expect(meter.left(NOW, capacity)?.tokens).toBe(9_500);
    meter.corrected(-3_500, NOW - 600_000);
    expect(meter.left(NOW, capacity)?.tokens).toBe(9_500);
  });

  it('is the smaller of both where the vendor tells less', () => {
    const meter = new HeadroomMeter();
    meter.heard(openai(100, 5_000, '10s'), NOW);
    expect(meter.left(NOW, capacity)).toEqual({ tokens: 100, requests: 3 });
    expect(meter.left(NOW, { tokens: 50 })).toEqual({ tokens: 50, requests: 50 });
  });
});
