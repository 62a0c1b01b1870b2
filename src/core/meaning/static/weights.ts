/**
 * The weights of a static embedder as they lie in their file; everything little-endian, nothing to be parsed:
 *
 *     0  'WEIR' 'EMB1'              8 bytes
 *     8  fingerprint                u32: of all that follows the header
 *    12  dimensions                 u32
 *    16  words, n-gram rows         u32, u32: the latter a power of two
 *    24  0                          8 bytes
 *    32  hashes of the words        u32 each, ascending
 *     …  scales of all rows         f32 each: the words' in the order of their hashes, then the n-grams'
 *     …  rows                       i8, `dimensions` each
 */
export interface Weights {
  readonly fingerprint: number;
  readonly dimensions: number;
  readonly hashes: Uint32Array;
  readonly scales: Float32Array;
  readonly rows: Int8Array;
  readonly words: number;
  readonly grams: number;
}

const MAGIC = [0x52494557, 0x31424d45] as const;
const HEADER = 32;

/** Views of the file's bytes: nothing is copied. Throws where they are no such file. */
export function readWeights(bytes: ArrayBuffer): Weights {
  const header = new Uint32Array(bytes, 0, HEADER / 4);
  const [first, second, fingerprint = 0, dimensions = 0, words = 0, grams = 0] = header;
  if (first !== MAGIC[0] || second !== MAGIC[1]) throw new TypeError('Not the weights of a static embedder.');
  const rows = words + grams;
  if (bytes.byteLength !== HEADER + words * 4 + rows * 4 + rows * dimensions || (grams & (grams - 1)) !== 0) {
    throw new TypeError('The weights of the static embedder are cut off.');
  }
  return {
    fingerprint,
    dimensions,
    words,
    grams,
    hashes: new Uint32Array(bytes, HEADER, words),
    scales: new Float32Array(bytes, HEADER + words * 4, rows),
    rows: new Int8Array(bytes, HEADER + words * 4 + rows * 4, rows * dimensions),
  };
}

/** The file of weights. `hashes` ascend; `rows` are in any scale, the words' in the order of their hashes and then the n-grams'. */
export function writeWeights(dimensions: number, hashes: Uint32Array, grams: number, rows: Float32Array): Uint8Array<ArrayBuffer> {
  const count = hashes.length + grams;
  const bytes = new ArrayBuffer(HEADER + hashes.length * 4 + count * 4 + count * dimensions);
  new Uint32Array(bytes, HEADER, hashes.length).set(hashes);
  const scales = new Float32Array(bytes, HEADER + hashes.length * 4, count);
  const whole = new Int8Array(bytes, HEADER + hashes.length * 4 + count * 4);
  for (let row = 0; row < count; row += 1) {
    const values = rows.subarray(row * dimensions, (row + 1) * dimensions);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    scales[row] = largest / 127;
    if (largest > 0)
      whole.set(
        Int8Array.from(values, (value) => Math.round((value / largest) * 127)),
        row * dimensions,
      );
  }
  const fingerprint = fnv(new Uint8Array(bytes, HEADER));
  new Uint32Array(bytes, 0, HEADER / 4).set([...MAGIC, fingerprint, dimensions, hashes.length, grams]);
  return new Uint8Array(bytes);
}

function fnv(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
