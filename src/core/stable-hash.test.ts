import { describe, expect, it } from 'vitest';
import { hashOf, murmur3, pointOf } from './stable-hash.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('MurmurHash3_x86_32', () => {
  // Vectors that go round since the reference implementation: Wikipedia, "MurmurHash", and the suites of other ports.
  it.each([
    ['', 0x00000000, 0x00000000],
    ['', 0x00000001, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['test', 0x00000000, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0x00000000, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0x00000000, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aa', 0x9747b28c, 0x5d211726],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('of %j with seed %i', (text, seed, hash) => {
    expect(murmur3(bytes(text), seed)).toBe(hash);
  });

  it('reads a view that does not begin where its buffer does', () => {
    expect(murmur3(bytes('xxxtest').subarray(3), 0)).toBe(0xba6bd213);
  });
});

describe('what is kept by it', () => {
  // Ours, for ever: whoever changes these moves every user who is kept on a target.
  it.each([
    ['', 'ebb6c2280e273638', 0.9207574222365593],
    ['user dev alice\nopenai/gpt-4o', 'd4d2c44ce777d676', 0.8313410461191488],
  ])('of %j stays the same', (text, hash, point) => {
    expect(hashOf(text)).toBe(hash);
    expect(pointOf(text)).toBe(point);
  });

  it('spreads texts that differ in one character evenly', () => {
    const tens = new Array<number>(10).fill(0);
    for (let at = 0; at < 50_000; at++) {
      const ten = Math.floor(pointOf(`user-${at}`) * 10);
      tens[ten] = (tens[ten] ?? 0) + 1;
    }
    const chiSquare = tens.reduce((sum, seen) => sum + (seen - 5_000) ** 2 / 5_000, 0);
    // 9 degrees of freedom: 27.9 is passed by chance once in a thousand.
    expect(chiSquare).toBeLessThan(27.9);
  });
});
