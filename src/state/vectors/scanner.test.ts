import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawing, randomVector } from './fakes.ts';
import { PlainScanner, type Scanner } from './scanner.ts';
import { newScanner } from './wasm-scanner.ts';

const QUERY = 0;
const ROWS = 16_384;
const SQUARES = 8_192;
const OUT = 12_288;

/** What a scanner makes of vectors: everything that it writes. */
function scanned(scanner: Scanner, vectors: readonly Int8Array[], asked: Int8Array, bar: number, most: number) {
  const stride = asked.length;
  const bitStride = Math.ceil(stride / 128) * 16;
  const bits = ROWS + vectors.length * stride;
  scanner.grow(2 * 65_536 + vectors.length * (stride + bitStride));
  new Int16Array(scanner.memory, QUERY, stride).set(asked);
  const numbers = new Int8Array(scanner.memory);
  for (const [row, vector] of vectors.entries()) numbers.set(vector, ROWS + row * stride);
  scanner.squares(ROWS, vectors.length, stride, SQUARES);
  const near = scanner.near(ROWS, vectors.length, stride, QUERY, SQUARES, bar, OUT);
  const nearRows = [...new Int32Array(scanner.memory, OUT, 2 * near)];
  scanner.signs(ROWS, vectors.length, stride, bits, bitStride);
  const like = scanner.like(bits, vectors.length, bitStride, bits, most, OUT);
  return {
    squares: [...new Int32Array(scanner.memory, SQUARES, vectors.length)],
    nearRows,
    signs: [...new Uint8Array(scanner.memory, bits, vectors.length * bitStride)],
    likeRows: [...new Int32Array(scanner.memory, OUT, like)],
  };
}

const cases = fc.record({
  stride: fc.integer({ min: 1, max: 96 }),
  rows: fc.integer({ min: 1, max: 64 }),
  seed: fc.integer(),
  bar: fc.double({ min: -1, max: 1, noNaN: true }),
  most: fc.nat(1_600),
});

describe('the module that scans', () => {
  it('is WebAssembly here', () => {
    expect(newScanner()).not.toBeInstanceOf(PlainScanner);
  });

  it('writes what the plain one writes', () => {
    fc.assert(
      fc.property(cases, ({ stride, rows, seed, bar, most }) => {
        const draw = drawing(seed);
        const asked = randomVector(stride * 16, draw);
        const vectors = Array.from({ length: rows }, (_, row) => (row % 7 === 3 ? asked.slice() : randomVector(stride * 16, draw)));
        const square = asked.reduce((sum, number) => sum + number * number, 0);
        const [fast, plain] = [newScanner(), new PlainScanner()].map((scanner) => scanned(scanner, vectors, asked, bar * square, most));
        expect(fast).toEqual(plain);
      }),
      { numRuns: 60 },
    );
  });

  it('adds up without overflow where every number is as large as can be', () => {
    const largest = new Int8Array(4_096).fill(-127);
    const found = scanned(newScanner(), [largest, largest.map((number) => -number)], largest, 0, 4_096);
    expect(found.squares).toEqual([4_096 * 127 * 127, 4_096 * 127 * 127]);
    expect(found.nearRows).toEqual([0, 4_096 * 127 * 127]);
    expect(found.likeRows).toEqual([0, 1]);
    expect(scanned(newScanner(), [largest, largest.map((number) => -number)], largest, 0, 4_095).likeRows).toEqual([0]);
  });
});
