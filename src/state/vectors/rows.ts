/** Vectors with what is asked of each, column by column. */
export interface Rows {
  /** Larger for what came later. */
  readonly seqs: Float64Array;
  /** When each expires, in milliseconds since the epoch. */
  readonly ends: Float64Array;
  /** One behind the other. */
  readonly vectors: Int8Array;
}

const COLUMNS = 2 * Float64Array.BYTES_PER_ELEMENT;
/** Bytes of one pack: so many vectors that reading them all takes few rows of storage, so few that changing one is cheap. */
const PACK = 128 * 1024;

/** How many vectors go into one pack. */
export const rowsOfPack = (dimensions: number): number => Math.max(1, Math.floor(PACK / (dimensions + COLUMNS)));

export const emptyRows = (count: number, dimensions: number): Rows => ({
  seqs: new Float64Array(count),
  ends: new Float64Array(count),
  vectors: new Int8Array(count * dimensions),
});

/** Rows as one value of storage: column after column. */
export function packed({ seqs, ends, vectors }: Rows): ArrayBuffer {
  const bytes = new Uint8Array(seqs.byteLength + ends.byteLength + vectors.byteLength);
  bytes.set(bytesOf(seqs));
  bytes.set(bytesOf(ends), seqs.byteLength);
  bytes.set(bytesOf(vectors), seqs.byteLength + ends.byteLength);
  return bytes.buffer;
}

export function unpacked(buffer: ArrayBuffer, dimensions: number): Rows {
  const count = buffer.byteLength / (dimensions + COLUMNS);
  const half = (count * COLUMNS) / 2;
  return {
    seqs: new Float64Array(buffer, 0, count),
    ends: new Float64Array(buffer, half, count),
    vectors: new Int8Array(buffer, 2 * half, count * dimensions),
  };
}

/** Those rows whose number is not among `gone`. */
export function without({ seqs, ends, vectors }: Rows, gone: ReadonlySet<number>, dimensions: number): Rows {
  const kept = [...seqs.keys()].filter((at) => !gone.has(seqs[at] ?? 0));
  const rows = emptyRows(kept.length, dimensions);
  for (const [to, from] of kept.entries()) {
    rows.seqs[to] = seqs[from] ?? 0;
    rows.ends[to] = ends[from] ?? 0;
    rows.vectors.set(vectors.subarray(from * dimensions, (from + 1) * dimensions), to * dimensions);
  }
  return rows;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array | Int8Array) => new Uint8Array(buffer, byteOffset, byteLength);
