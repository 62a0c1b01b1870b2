import type { Awaitable } from '../policy.ts';

/**
 * Turns texts into directions, so that texts of like meaning point alike. A vector is `dimensions` whole numbers of
 * −127…127, scaled by its own largest one: only its direction says something, and its length nothing.
 */
export interface Embedder {
  /** Names the weights as well: vectors of two embedders are never compared. */
  readonly id: string;
  readonly dimensions: number;
  /** One vector a text, in order; all zeros for a text in which nothing is known. Rejects where a model elsewhere is asked and fails. */
  embed(texts: readonly string[], signal: AbortSignal): Awaitable<readonly Int8Array[]>;
}

/** The cosine of the angle between two vectors, −1…1; 0 where one of them says nothing. */
export function similarity(a: Int8Array, b: Int8Array): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let at = 0; at < a.length; at += 1) {
    const x = a[at] ?? 0;
    const y = b[at] ?? 0;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}

/** A direction as an embedder gives it, from numbers of any size. */
export function quantised(values: ArrayLike<number>): Int8Array {
  let largest = 0;
  for (let at = 0; at < values.length; at += 1) largest = Math.max(largest, Math.abs(values[at] ?? 0));
  const vector = new Int8Array(values.length);
  if (largest === 0 || !Number.isFinite(largest)) return vector;
  for (let at = 0; at < values.length; at += 1) vector[at] = Math.round(((values[at] ?? 0) / largest) * 127);
  return vector;
}
