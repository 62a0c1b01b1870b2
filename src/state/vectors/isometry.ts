/**
 * Changes the order of a vector's numbers and the signs of some, by a key. Angles stay what they were, so it can be
 * searched as before; but who reads the storage without the key cannot hold a vector against one of a text of their own.
 * That is no encryption: who knows many texts and their stored vectors can work the key out.
 */
export class Isometry {
  /** Where each number comes from; the sign of it. */
  readonly #from: Uint16Array;
  readonly #sign: Int8Array;

  /** `bytes`: four for each dimension, random ones. */
  constructor(bytes: Uint8Array) {
    const dimensions = bytes.length / BYTES;
    const random = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#from = Uint16Array.from({ length: dimensions }, (_, at) => at);
    this.#sign = new Int8Array(dimensions);
    for (let at = dimensions - 1; at >= 0; at -= 1) {
      const drawn = random.getUint32(at * BYTES);
      this.#sign[at] = drawn & 1 ? -1 : 1;
      const other = (drawn >>> 1) % (at + 1);
      const swapped = this.#from[at] ?? 0;
      this.#from[at] = this.#from[other] ?? 0;
      this.#from[other] = swapped;
    }
  }

  apply(vector: Int8Array): Int8Array {
    const moved = new Int8Array(vector.length);
    for (let at = 0; at < moved.length; at += 1) moved[at] = (vector[this.#from[at] ?? 0] ?? 0) * (this.#sign[at] ?? 1);
    return moved;
  }
}

/** Random bytes that one dimension needs. */
export const BYTES = 4;
