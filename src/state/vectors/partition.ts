import { type Arena, ROWS, type RowPlace, type Shape, shapeOf } from './arena.ts';
import type { Rows } from './rows.ts';

export interface Found {
  readonly seq: number;
  /** Cosine, −1…1. */
  readonly similarity: number;
}

/** What is asked of a partition. */
export interface Nearest {
  readonly vector: Int8Array;
  readonly count: number;
  readonly atLeast: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Bytes of vectors from which signs are compared first. What this and the next two were measured by: docs/decisions/0013-vectors-in-an-object.md. */
const LARGE = 4 * 1024 * 1024;
/** Where more than this share of the signs may differ, comparing them first spares too little. */
const SPARING = 0.4;
/** Standard deviations beyond the signs that are expected to differ: those of real texts prefer some directions. */
const MARGIN = 8;

/** Vectors of one partition in memory, in no order. */
export class Partition {
  readonly #arena: Arena;
  readonly #shape: Shape;
  readonly #large: number;
  readonly #blocks: number[] = [];
  #seqs: Float64Array = new Float64Array(ROWS);
  #ends: Float64Array = new Float64Array(ROWS);
  #count = 0;

  /** `large`: bytes of vectors from which signs are compared first. */
  constructor(arena: Arena, dimensions: number, large = LARGE) {
    this.#arena = arena;
    this.#shape = shapeOf(dimensions);
    this.#large = large;
  }

  get count(): number {
    return this.#count;
  }

  add({ seqs, ends, vectors }: Rows): void {
    const { dimensions } = this.#shape;
    this.#widen(this.#count + seqs.length);
    this.#seqs.set(seqs, this.#count);
    this.#ends.set(ends, this.#count);
    for (let from = 0; from < seqs.length; ) {
      const place = this.#place(this.#count);
      if (place.row === 0) this.#blocks.push(this.#arena.take(this.#shape));
      const count = Math.min(ROWS - place.row, seqs.length - from);
      const some = vectors.subarray(from * dimensions, (from + count) * dimensions);
      this.#arena.write(this.#place(this.#count), this.#shape, some, count);
      this.#count += count;
      from += count;
    }
  }

  remove(seq: number): void {
    const at = this.#seqs.subarray(0, this.#count).indexOf(seq);
    if (at >= 0) this.#removeAt(at);
  }

  removeExpired(now: number): void {
    for (let at = this.#count - 1; at >= 0; at -= 1) if ((this.#ends[at] ?? 0) <= now) this.#removeAt(at);
  }

  /** Gives the memory back; nothing may be asked of it afterwards. */
  release(): void {
    for (const block of this.#blocks.splice(0)) this.#arena.give(block, this.#shape);
    this.#count = 0;
  }

  /** Best first; of the equally similar the newest first. */
  nearest({ vector, count, atLeast, now }: Nearest): readonly Found[] {
    const best = new Best(count, atLeast, square(vector));
    this.#arena.ask(this.#shape, vector);
    let from = 0;
    const offer = (row: number, dot: number, square: number) => {
      if ((this.#ends[from + row] ?? 0) > now) best.take(this.#seqs[from + row] ?? 0, dot, square);
    };
    const most = this.#signsFor(atLeast);
    for (const block of this.#blocks) {
      const rows = Math.min(ROWS, this.#count - from);
      if (most === undefined) this.#arena.near(block, 0, rows, this.#shape, best.bar, offer);
      else
        for (const row of this.#arena.like(block, rows, this.#shape, most)) this.#arena.near(block, row, 1, this.#shape, best.bar, offer);
      from += ROWS;
    }
    return best.found;
  }

  /** How many signs may differ of a row that is compared at all; `undefined` where every row is. */
  #signsFor(atLeast: number): number | undefined {
    const { stride, dimensions } = this.#shape;
    if (this.#count * stride < this.#large) return undefined;
    const most = signsOf(dimensions, atLeast);
    return most > dimensions * SPARING ? undefined : most;
  }

  /** The last row takes the place of the one that goes. */
  #removeAt(at: number): void {
    const last = this.#count - 1;
    if (at !== last) {
      this.#arena.move(this.#place(last), this.#place(at), this.#shape);
      for (const column of [this.#seqs, this.#ends]) column[at] = column[last] ?? 0;
    }
    this.#count = last;
    if (last % ROWS === 0) {
      const block = this.#blocks.pop();
      if (block !== undefined) this.#arena.give(block, this.#shape);
    }
  }

  #place(at: number): RowPlace {
    return { block: this.#blocks[Math.floor(at / ROWS)] ?? 0, row: at % ROWS };
  }

  #widen(count: number): void {
    if (count <= this.#seqs.length) return;
    const length = Math.max(count, this.#seqs.length * 2);
    this.#seqs = longer(new Float64Array(length), this.#seqs);
    this.#ends = longer(new Float64Array(length), this.#ends);
  }
}

function longer(into: Float64Array, from: Float64Array): Float64Array {
  into.set(from);
  return into;
}

/**
 * How many signs of two vectors that are so similar may differ: for directions without a preference each does with a
 * probability of the angle by π (Goemans and Williamson 1995, section 2), and they are `dimensions` draws.
 */
export function signsOf(dimensions: number, similarity: number): number {
  const each = Math.acos(Math.max(-1, Math.min(1, similarity))) / Math.PI;
  return Math.ceil(dimensions * each + MARGIN * Math.sqrt(dimensions * each * (1 - each)));
}

/** What a double may be off by, so that nothing is passed over for the way it was computed. */
const SLACK = 1e-9;

/** The best that were offered. */
class Best {
  readonly found: Found[] = [];
  /** What the product by its amount, by the row's square, must be for a row to be offered. */
  bar: number;
  readonly #most: number;
  readonly #square: number;
  /** What the next one must be at least. */
  #floor: number;

  constructor(most: number, atLeast: number, square: number) {
    this.#most = most;
    this.#square = square;
    this.#floor = atLeast;
    this.bar = this.#barOf(atLeast);
  }

  take(seq: number, dot: number, square: number): void {
    const similarity = dot / Math.sqrt(this.#square * square);
    // Not a number where one of them says nothing: that is near nothing.
    if (!(similarity >= this.#floor)) return;
    let at = this.found.length;
    for (; at > 0; at -= 1) {
      const before = this.found[at - 1];
      if (before === undefined || before.similarity > similarity || (before.similarity === similarity && before.seq > seq)) break;
    }
    this.found.splice(at, 0, { seq, similarity });
    if (this.found.length > this.#most) this.found.pop();
    const last = this.found.at(-1);
    if (this.found.length < this.#most || last === undefined) return;
    this.#floor = last.similarity;
    this.bar = this.#barOf(this.#floor);
  }

  #barOf(floor: number): number {
    const bar = floor * Math.abs(floor) * this.#square;
    return bar - Math.abs(bar) * SLACK;
  }
}

function square(vector: Int8Array): number {
  let sum = 0;
  for (let at = 0; at < vector.length; at += 1) sum += (vector[at] ?? 0) * (vector[at] ?? 0);
  return sum;
}
