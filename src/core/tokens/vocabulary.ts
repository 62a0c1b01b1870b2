/** No token has these bytes. Above every rank, so that the least of several ranks is a plain comparison. */
export const NO_RANK = 0x7fffffff;

/** A slot holds a rank plus one in its low bits and the high bits of the hash above them. */
const RANK_BITS = 18;
const RANK_MASK = (1 << RANK_BITS) - 1;

/**
 * The ranks of a vocabulary's byte strings: an open-addressing hash table over the bytes as they lie in the file. Two
 * typed arrays beside the file itself, no object or string for a token.
 *
 * The file: the number of tokens (32 bits, little-endian), the length of each (a byte), then their bytes, in the order
 * of their ranks, which run from 0 without a gap.
 */
export class Vocabulary {
  readonly #bytes: Uint8Array;
  /** Where each token begins in `#bytes`, and where the last one ends. */
  readonly #starts: Uint32Array;
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #longest: number;

  constructor(file: ArrayBuffer) {
    const count = file.byteLength < 4 ? 0 : new DataView(file).getUint32(0, true);
    if (count === 0 || count >= RANK_MASK || file.byteLength < 4 + count) throw new Error('This is not a file of token ranks.');
    const lengths = new Uint8Array(file, 4, count);
    this.#bytes = new Uint8Array(file, 4 + count);
    this.#starts = new Uint32Array(count + 1);
    let longest = 0;
    let start = 0;
    for (let rank = 0; rank < count; rank++) {
      const length = lengths[rank] ?? 0;
      if (length > longest) longest = length;
      start += length;
      this.#starts[rank + 1] = start;
    }
    if (start !== this.#bytes.length) throw new Error('This file of token ranks was cut off.');
    this.#longest = longest;
    // Between a quarter and a half full: most strings that are no token meet an empty slot at once.
    const size = 2 ** Math.ceil(Math.log2(count * 2));
    this.#mask = size - 1;
    this.#slots = new Int32Array(size);
    this.#fill(count);
  }

  #fill(count: number): void {
    const bytes = this.#bytes;
    const starts = this.#starts;
    const slots = this.#slots;
    const mask = this.#mask;
    let start = 0;
    for (let rank = 0; rank < count; rank++) {
      const end = starts[rank + 1] ?? 0;
      const hash = hashOf(bytes, start, end);
      let slot = hash & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = (hash & ~RANK_MASK) | (rank + 1);
      start = end;
    }
  }

  /** Bytes this vocabulary keeps, its file included. */
  get size(): number {
    return this.#bytes.buffer.byteLength + this.#starts.byteLength + this.#slots.byteLength;
  }

  /** The rank of these bytes as a token, or `NO_RANK`. */
  rank(bytes: Uint8Array, from: number, to: number): number {
    if (to - from > this.#longest) return NO_RANK;
    const hash = hashOf(bytes, from, to);
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const entry = this.#slots[slot] ?? 0;
      if (entry === 0) return NO_RANK;
      if (((entry ^ hash) & ~RANK_MASK) !== 0) continue;
      const rank = (entry & RANK_MASK) - 1;
      if (this.#holds(rank, bytes, from, to)) return rank;
    }
  }

  #holds(rank: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = this.#starts[rank] ?? 0;
    if ((this.#starts[rank + 1] ?? 0) - start !== to - from) return false;
    for (let at = from; at < to; at++) {
      if (bytes[at] !== this.#bytes[start + at - from]) return false;
    }
    return true;
  }
}

/** FNV-1a over the bytes, and a last mixing since its low bits, which choose the slot, are its weak ones. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
