import { NO_RANK, type Vocabulary } from './vocabulary.ts';

/**
 * Merges the bytes of one piece pair by pair, the pair of least rank first and of equals the leftmost, until no pair
 * is a token, and counts what is left. Both ways give the same number; they differ in what they cost.
 */
export interface Merger {
  /** `bytes[0, length)` is the piece. */
  count(bytes: Uint8Array, length: number): number;
}

/** Up to here looking through all pairs for each merge is cheaper than keeping them in order. */
export const SHORT = 96;

/** For pieces of at most `SHORT` bytes: plain arrays, quadratic. */
export class ShortMerger implements Merger {
  readonly #vocabulary: Vocabulary;
  /** Where each part begins, and behind them the piece's end. */
  readonly #starts = new Int32Array(SHORT + 1);
  /** Of each part with the next one. */
  readonly #ranks = new Int32Array(SHORT + 1);

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  count(bytes: Uint8Array, length: number): number {
    const starts = this.#starts;
    const ranks = this.#ranks;
    for (let part = 0; part <= length; part++) starts[part] = part;
    for (let part = 0; part < length - 1; part++) ranks[part] = this.#vocabulary.rank(bytes, part, part + 2);
    let parts = length;
    for (;;) {
      const best = leastOf(ranks, parts - 1);
      if (best < 0) return parts;
      starts.copyWithin(best + 1, best + 2, parts + 1);
      ranks.copyWithin(best + 1, best + 2, parts - 1);
      parts--;
      if (best < parts - 1) ranks[best] = this.#rankAt(bytes, best);
      if (best > 0) ranks[best - 1] = this.#rankAt(bytes, best - 1);
    }
  }

  #rankAt(bytes: Uint8Array, part: number): number {
    return this.#vocabulary.rank(bytes, this.#starts[part] ?? 0, this.#starts[part + 2] ?? 0);
  }
}

/** The index of the least rank among the first `count`, or -1 where none is a token's. */
function leastOf(ranks: Int32Array, count: number): number {
  let best = -1;
  let least = NO_RANK;
  for (let at = 0; at < count; at++) {
    const rank = ranks[at] ?? NO_RANK;
    if (rank < least) {
      least = rank;
      best = at;
    }
  }
  return best;
}

/** A rank and a position as one number that sorts by both; exact, since ranks have 18 bits and positions fewer than 32. */
const POSITIONS = 2 ** 32;

/**
 * For pieces of any length, O(n log n): parts as a doubly linked list over the piece's bytes, and a heap of those
 * pairs alone that come before both pairs they overlap with. The next pair to merge is always one of them, and in
 * what a hostile caller repeats a hundred thousand times there is hardly more than one at a time.
 *
 * An entry whose pair has changed since is passed over when it comes up: a part only grows, so a rank never comes
 * back to the same position.
 */
export class LongMerger implements Merger {
  readonly #vocabulary: Vocabulary;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  count(bytes: Uint8Array, length: number): number {
    const pairs = new Pairs(this.#vocabulary, bytes, length);
    let parts = length;
    while (pairs.mergeNext()) parts--;
    return parts;
  }
}

/** The parts of one piece; a part, and its pair with the next one, goes by the position of its first byte, plus one. */
class Pairs {
  readonly #vocabulary: Vocabulary;
  readonly #bytes: Uint8Array;
  /** Where the next part begins, where the one before, and the pair's rank. The piece stands between two sentinels. */
  readonly #next: Int32Array;
  readonly #before: Int32Array;
  readonly #ranks: Int32Array;
  readonly #end: number;
  readonly #heap = new Heap();

  constructor(vocabulary: Vocabulary, bytes: Uint8Array, length: number) {
    this.#vocabulary = vocabulary;
    this.#bytes = bytes;
    this.#end = length + 1;
    this.#next = new Int32Array(length + 2);
    this.#before = new Int32Array(length + 2);
    this.#ranks = new Int32Array(length + 2).fill(NO_RANK);
    for (let at = 0; at <= length; at++) {
      this.#next[at] = at + 1;
      this.#before[at + 1] = at;
    }
    this.#next[this.#end] = this.#end;
    for (let at = 1; at < length; at++) this.#ranks[at] = vocabulary.rank(bytes, at - 1, at + 1);
    for (let at = 1; at < length; at++) if (this.#isFirst(at)) this.#push(at);
  }

  /** Merges the pair whose turn it is; false when there is none. */
  mergeNext(): boolean {
    for (let least = this.#heap.take(); least >= 0; least = this.#heap.take()) {
      const at = least % POSITIONS;
      if (this.#ranks[at] !== Math.floor(least / POSITIONS) || !this.#isFirst(at)) continue;
      this.#merge(at);
      return true;
    }
    return false;
  }

  #merge(at: number): void {
    const second = this.#next[at] ?? 0;
    const third = this.#next[second] ?? 0;
    const before = this.#before[at] ?? 0;
    this.#next[at] = third;
    this.#before[third] = at;
    this.#ranks[second] = NO_RANK;
    this.#rankAgain(at);
    if (before > 0) this.#rankAgain(before);
    // Whether a pair comes first hangs on its own rank and on those to its left and right.
    const around = this.#before[before] ?? 0;
    if (around > 0 && this.#isFirst(around)) this.#push(around);
    if (before > 0 && this.#isFirst(before)) this.#push(before);
    if (this.#isFirst(at)) this.#push(at);
    if (this.#isFirst(third)) this.#push(third);
  }

  #rankAgain(at: number): void {
    const second = this.#next[at] ?? 0;
    this.#ranks[at] = second >= this.#end ? NO_RANK : this.#vocabulary.rank(this.#bytes, at - 1, (this.#next[second] ?? 0) - 1);
  }

  /** Whether a pair is a token that comes before both pairs it overlaps with; of equals the left one does. */
  #isFirst(at: number): boolean {
    const rank = this.#ranks[at] ?? NO_RANK;
    return rank < (this.#ranks[this.#before[at] ?? 0] ?? NO_RANK) && rank <= (this.#ranks[this.#next[at] ?? 0] ?? NO_RANK);
  }

  #push(at: number): void {
    this.#heap.push((this.#ranks[at] ?? NO_RANK) * POSITIONS + at);
  }
}

/** A binary heap of numbers, the least on top. */
class Heap {
  #values = new Float64Array(256);
  #size = 0;

  push(value: number): void {
    if (this.#size === this.#values.length) this.#grow();
    const values = this.#values;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = values[parent] ?? 0;
      if (above <= value) break;
      values[at] = above;
      at = parent;
    }
    values[at] = value;
  }

  /** The least value, which leaves; -1 when none is left. */
  take(): number {
    if (this.#size === 0) return -1;
    const least = this.#values[0] ?? 0;
    const last = this.#values[--this.#size] ?? 0;
    if (this.#size > 0) this.#sink(last);
    return least;
  }

  /** Puts a value where the top one was, and then where it belongs. */
  #sink(value: number): void {
    const values = this.#values;
    const size = this.#size;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      const right = child + 1;
      if (right < size && (values[right] ?? 0) < (values[child] ?? 0)) child = right;
      const below = values[child] ?? 0;
      if (below >= value) break;
      values[at] = below;
      at = child;
    }
    values[at] = value;
  }

  #grow(): void {
    const values = new Float64Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
  }
}
