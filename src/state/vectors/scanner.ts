/**
 * Counts over vectors that lie in one memory. All places are addresses in it; `stride` is the length of a vector in
 * bytes, a multiple of 16, and what follows the last number is zero.
 */
export interface Scanner {
  /** Another one after `grow`. */
  readonly memory: ArrayBuffer;
  /** Makes the memory so long at least. Throws `RangeError` where there is not so much. */
  grow(bytes: number): void;
  /**
   * Compares `count` int8 vectors with the query, which stands there as int16. Of each row whose product with it, times
   * its own amount, is at least `bar` times the row's square, the row's number and the product are written to `out`, as
   * int32. Returns how many there are.
   */
  near(vectors: number, count: number, stride: number, query: number, squares: number, bar: number, out: number): number;
  /** Writes to `out` the numbers of those of `count` rows of bits of which `most` at most differ from the query's, as int32. Returns how many there are. */
  like(bits: number, count: number, stride: number, query: number, most: number, out: number): number;
  /** One bit for each number of `count` int8 vectors, set where it is negative; rows of bits are `outStride` bytes apart. */
  signs(vectors: number, count: number, stride: number, out: number, outStride: number): void;
  /** The products of `count` int8 vectors with themselves, as int32 to `out`. */
  squares(vectors: number, count: number, stride: number, out: number): void;
}

const PAGE = 65_536;

/** The same as the WebAssembly module does, for where there is none, and for its tests. */
export class PlainScanner implements Scanner {
  #memory = new ArrayBuffer(PAGE);

  get memory(): ArrayBuffer {
    return this.#memory;
  }

  grow(bytes: number): void {
    if (bytes <= this.#memory.byteLength) return;
    const grown = new Uint8Array(Math.ceil(bytes / PAGE) * PAGE);
    grown.set(new Uint8Array(this.#memory));
    this.#memory = grown.buffer;
  }

  near(vectors: number, count: number, stride: number, query: number, squares: number, bar: number, out: number): number {
    const numbers = new Int8Array(this.#memory, vectors, count * stride);
    const asked = new Int16Array(this.#memory, query, stride);
    const lengths = new Int32Array(this.#memory, squares, count);
    const written = new Int32Array(this.#memory, out);
    let found = 0;
    for (let row = 0, from = 0; row < count; row += 1, from += stride) {
      let dot = 0;
      for (let at = 0; at < stride; at += 1) dot += (numbers[from + at] ?? 0) * (asked[at] ?? 0);
      if (dot * Math.abs(dot) < bar * (lengths[row] ?? 0)) continue;
      written[2 * found] = row;
      written[2 * found + 1] = dot;
      found += 1;
    }
    return found;
  }

  like(bits: number, count: number, stride: number, query: number, most: number, out: number): number {
    const rows = new Uint32Array(this.#memory, bits, (count * stride) / 4);
    const asked = new Uint32Array(this.#memory, query, stride / 4);
    const written = new Int32Array(this.#memory, out);
    let found = 0;
    for (let row = 0; row < count; row += 1) {
      let differing = 0;
      for (let at = 0; at < asked.length; at += 1) differing += ones((rows[row * asked.length + at] ?? 0) ^ (asked[at] ?? 0));
      if (differing > most) continue;
      written[found] = row;
      found += 1;
    }
    return found;
  }

  signs(vectors: number, count: number, stride: number, out: number, outStride: number): void {
    const numbers = new Int8Array(this.#memory, vectors, count * stride);
    const bits = new Uint8Array(this.#memory);
    for (let row = 0; row < count; row += 1) {
      for (let byte = 0; byte < stride / 8; byte += 1) {
        let set = 0;
        for (let bit = 0; bit < 8; bit += 1) if ((numbers[row * stride + byte * 8 + bit] ?? 0) < 0) set |= 1 << bit;
        bits[out + row * outStride + byte] = set;
      }
    }
  }

  squares(vectors: number, count: number, stride: number, out: number): void {
    const sums = new Int32Array(this.#memory, out, count);
    const numbers = new Int8Array(this.#memory, vectors, count * stride);
    for (let row = 0, from = 0; row < count; row += 1, from += stride) {
      let sum = 0;
      for (let at = from; at < from + stride; at += 1) sum += (numbers[at] ?? 0) * (numbers[at] ?? 0);
      sums[row] = sum;
    }
  }
}

/** How many bits of a 32-bit number are set, two, four and eight at a time. */
function ones(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
