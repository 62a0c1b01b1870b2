import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Latency } from './latency.ts';

const NOW = 1_800_000_000_000;

describe('the time to the first content', () => {
  it('rises at once with a slow answer and falls over ten seconds', () => {
    const latency = new Latency();
    expect(latency.firstTokenMs(NOW)).toBeUndefined();
    for (let at = 0; at < 50; at++) latency.note(100, NOW + at);
    latency.note(2_000, NOW + 50);
    expect(latency.firstTokenMs(NOW + 50)).toBe(2_000);
    latency.note(100, NOW + 1_050);
    const soon = latency.firstTokenMs(NOW + 1_050) ?? 0;
    expect(soon).toBeGreaterThan(1_500);
    for (let at = 2; at <= 60; at++) latency.note(100, NOW + at * 1_000);
    expect(latency.firstTokenMs(NOW + 60_000)).toBeLessThan(110);
  });

  it('comes back to what is usual where nobody asks any more: one slow answer does not shun a place for good', () => {
    const latency = new Latency();
    for (let at = 0; at < 50; at++) latency.note(100, NOW + at);
    latency.note(5_000, NOW + 50);
    expect(latency.firstTokenMs(NOW + 10_050)).toBeLessThan(2_500);
    expect(latency.firstTokenMs(NOW + 100_050)).toBeLessThan(700);
  });

  it('lies between the fastest and the slowest answer, and takes no absurd ones', () => {
    const times = fc.array(fc.tuple(fc.double({ min: 0, max: 60_000, noNaN: true }), fc.nat(5_000)), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(times, (notes) => {
        const latency = new Latency();
        let now = NOW;
        for (const [milliseconds, step] of notes) {
          now += step;
          latency.note(milliseconds, now);
          latency.note(Number.NaN, now);
          latency.note(-1, now);
        }
        const all = notes.map(([milliseconds]) => milliseconds);
        const value = latency.firstTokenMs(now + 500) ?? Number.NaN;
        expect(value).toBeGreaterThanOrEqual(Math.min(...all) - 0.001);
        expect(value).toBeLessThanOrEqual(Math.max(...all) + 0.001);
      }),
    );
  });
});

describe('what 19 of 20 answers stay within', () => {
  it('is not known before there were twenty', () => {
    const latency = new Latency();
    for (let at = 1; at <= 19; at++) latency.note(at, NOW);
    expect(latency.p95).toBeUndefined();
    latency.note(20, NOW);
    expect(latency.p95).toBe(19);
  });

  it('is of the last hundred answers', () => {
    const latency = new Latency();
    for (let at = 0; at < 100; at++) latency.note(9_000, NOW);
    for (let at = 1; at <= 100; at++) latency.note(at, NOW);
    expect(latency.p95).toBe(95);
  });
});

describe('tokens per second', () => {
  it('are measured while an answer flows, and over all of it where it came at once', () => {
    const streamed = new Latency();
    streamed.notePace(100, 3_000, 2_000);
    expect(streamed.tokensPerSecond).toBe(50);
    const whole = new Latency();
    whole.notePace(100, 4_000, 0);
    expect(whole.tokensPerSecond).toBe(25);
  });

  it('follow what is seen, and do not heed what is no number', () => {
    const latency = new Latency();
    latency.notePace(Number.NaN, 1_000, 1_000);
    latency.notePace(0, 1_000, 1_000);
    latency.notePace(10, 0, 0);
    expect(latency.tokensPerSecond).toBeUndefined();
    latency.notePace(50, 1_000, 1_000);
    for (let at = 0; at < 30; at++) latency.notePace(100, 1_000, 1_000);
    expect(latency.tokensPerSecond).toBeGreaterThan(98);
  });
});

describe('answers that were not streamed', () => {
  it('stand for the beginnings of streams as long as there are none', () => {
    const latency = new Latency();
    latency.noteWhole(4_000, 100, NOW);
    expect([latency.firstTokenMs(NOW), latency.tokensPerSecond]).toEqual([4_000, undefined]);
    latency.note(200, NOW);
    expect(latency.firstTokenMs(NOW)).toBe(200);
    latency.noteWhole(4_200, 100, NOW);
    expect(latency.firstTokenMs(NOW)).toBe(200);
    expect(latency.tokensPerSecond).toBe(25);
  });

  it('have a slowest twentieth of their own', () => {
    const latency = new Latency();
    for (let at = 1; at <= 100; at++) {
      latency.note(at, NOW);
      latency.noteWhole(at * 10, undefined, NOW);
    }
    expect([latency.p95, latency.answerP95]).toEqual([95, 950]);
  });
});
