import type { Scanner } from './scanner.ts';

/** Rows of one block: few, since every partition has at least one block, and most have few entries. */
export const ROWS = 64;
/** Numbers of one vector at most. */
export const MOST_DIMENSIONS = 4_096;

/** What the memory begins with. */
const QUERY = 0;
const QUERY_NUMBERS = QUERY + 2 * MOST_DIMENSIONS;
const QUERY_BITS = QUERY_NUMBERS + MOST_DIMENSIONS;
const OUT = QUERY_BITS + MOST_DIMENSIONS / 8;
/** A block begins where a line of the processor's cache does. */
const BLOCKS = roundedUp(OUT + 8 * (ROWS + 1), 64);
/** The memory grows by so many bytes at least. */
const STEP = 1024 * 1024;

/** How vectors of so many numbers lie: zeros follow up to a multiple of 16 bytes, of the numbers and of their sign bits. */
export interface Shape {
  readonly dimensions: number;
  readonly stride: number;
  readonly bitStride: number;
  /** Of a block: the numbers of its rows, after them the bits, and after them the squares of the rows' lengths. */
  readonly bytes: number;
}

export interface RowPlace {
  readonly block: number;
  readonly row: number;
}

export function shapeOf(dimensions: number): Shape {
  const stride = roundedUp(dimensions, 16);
  const bitStride = roundedUp(stride / 8, 16);
  return { dimensions, stride, bitStride, bytes: ROWS * (stride + bitStride + 4) };
}

function roundedUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

const NONE = new Int32Array(0);

/** Blocks of rows in the memory of one scanner. A block that is given back is used again for the same shape. */
export class Arena {
  readonly #scanner: Scanner;
  readonly #free = new Map<number, number[]>();
  #end = BLOCKS;
  #used = 0;
  #numbers: Int8Array = new Int8Array(0);
  #integers: Int32Array = NONE;
  #found: Int32Array = NONE;

  constructor(scanner: Scanner) {
    this.#scanner = scanner;
    this.#view();
  }

  /** Bytes of blocks in use. */
  get used(): number {
    return this.#used;
  }

  take({ bytes }: Shape): number {
    const again = this.#free.get(bytes)?.pop();
    const address = again ?? this.#end;
    if (again === undefined) {
      const end = this.#end + bytes;
      if (end > this.#scanner.memory.byteLength) {
        this.#scanner.grow(Math.max(end, this.#scanner.memory.byteLength + STEP));
        this.#view();
      }
      this.#end = end;
    }
    this.#used += bytes;
    return address;
  }

  give(address: number, { bytes }: Shape): void {
    this.#used -= bytes;
    if (this.#used === 0) {
      this.#end = BLOCKS;
      this.#free.clear();
      return;
    }
    const free = this.#free.get(bytes);
    if (free === undefined) this.#free.set(bytes, [address]);
    else free.push(address);
  }

  /** Puts `count` vectors, one behind the other, into rows of a block. */
  write({ block, row }: RowPlace, shape: Shape, vectors: Int8Array, count: number): void {
    const { dimensions, stride, bitStride } = shape;
    const at = block + row * stride;
    if (stride === dimensions) this.#numbers.set(vectors, at);
    else {
      this.#numbers.fill(0, at, at + count * stride);
      for (let each = 0; each < count; each += 1) {
        this.#numbers.set(vectors.subarray(each * dimensions, (each + 1) * dimensions), at + each * stride);
      }
    }
    const bits = bitsOf(block, shape) + row * bitStride;
    if (bitStride * 8 !== stride) this.#numbers.fill(0, bits, bits + count * bitStride);
    this.#scanner.signs(at, count, stride, bits, bitStride);
    this.#scanner.squares(at, count, stride, squaresOf(block, shape) + row * 4);
  }

  /** Puts a row in the place of another. */
  move(from: RowPlace, to: RowPlace, shape: Shape): void {
    const { stride, bitStride } = shape;
    const at = from.block + from.row * stride;
    this.#numbers.copyWithin(to.block + to.row * stride, at, at + stride);
    const bits = bitsOf(from.block, shape) + from.row * bitStride;
    this.#numbers.copyWithin(bitsOf(to.block, shape) + to.row * bitStride, bits, bits + bitStride);
    const square = squaresOf(from.block, shape) + from.row * 4;
    this.#numbers.copyWithin(squaresOf(to.block, shape) + to.row * 4, square, square + 4);
  }

  /** What the next scans compare with. */
  ask(shape: Shape, vector: Int8Array): void {
    const wide = new Int16Array(this.#scanner.memory, QUERY, shape.stride);
    wide.fill(0);
    wide.set(vector);
    this.#numbers.fill(0, QUERY_NUMBERS, QUERY_NUMBERS + shape.stride);
    this.#numbers.set(vector, QUERY_NUMBERS);
    this.#numbers.fill(0, QUERY_BITS, QUERY_BITS + shape.bitStride);
    this.#scanner.signs(QUERY_NUMBERS, 1, shape.stride, QUERY_BITS, shape.bitStride);
  }

  /** Calls back with those of `count` rows from `row` on that are near enough, as `Scanner.near` has it. */
  near(
    block: number,
    row: number,
    count: number,
    shape: Shape,
    bar: number,
    found: (row: number, dot: number, square: number) => void,
  ): void {
    const squares = squaresOf(block, shape) + row * 4;
    const met = this.#scanner.near(block + row * shape.stride, count, shape.stride, QUERY, squares, bar, OUT);
    for (let at = 0; at < met; at += 1) {
      const which = this.#found[2 * at] ?? 0;
      found(row + which, this.#found[2 * at + 1] ?? 0, this.#integers[squares / 4 + which] ?? 0);
    }
  }

  /** The rows of which `most` signs at most differ from the query's. */
  like(block: number, count: number, shape: Shape, most: number): Int32Array {
    const met = this.#scanner.like(bitsOf(block, shape), count, shape.bitStride, QUERY_BITS, most, OUT);
    return met === 0 ? NONE : this.#found.slice(0, met);
  }

  #view(): void {
    this.#numbers = new Int8Array(this.#scanner.memory);
    this.#integers = new Int32Array(this.#scanner.memory);
    this.#found = new Int32Array(this.#scanner.memory, OUT, 2 * (ROWS + 1));
  }
}

const bitsOf = (block: number, { stride }: Shape) => block + ROWS * stride;
const squaresOf = (block: number, { stride, bitStride }: Shape) => block + ROWS * (stride + bitStride);
