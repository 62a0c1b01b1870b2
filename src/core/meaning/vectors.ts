/** Where vectors are kept: nothing is ever found in another owner's store, nor in another partition of it. */
export interface VectorPlace {
  /** Whose store it is: an organisation and a route. */
  readonly owner: string;
  /** What two entries must have in common to be compared at all; the embedder's id is part of it. */
  readonly partition: string;
}

export interface VectorEntry {
  /** Unique within the owner; an entry with the same id is replaced. At most 64 bytes. */
  readonly id: string;
  readonly vector: Int8Array;
  /** What is given back when the entry is found; 4 KiB at most. Sealed wherever it is stored. */
  readonly data: string;
  /** Milliseconds since the epoch, after which it is not found any more. */
  readonly expiresAt: number;
}

export interface Neighbour {
  readonly id: string;
  /** Cosine, −1…1. */
  readonly similarity: number;
  readonly data: string;
}

/**
 * Vectors of texts, found again by direction. Each method rejects where the store cannot be asked in time, or with the
 * signal's reason, or with a `RangeError` for what is larger than it may be; what is put may be found only after a while
 * (`docs/semantic-cache.md`), and nothing may depend on finding it. Vectors of another length are in another partition,
 * and one of zeros is near nothing: it is not kept, and finds nothing.
 */
export interface VectorIndex {
  /** Entries of the partition at least so similar, best first, `count` at most (100 is the most). */
  nearest(place: VectorPlace, vector: Int8Array, count: number, atLeast: number, signal: AbortSignal): Promise<readonly Neighbour[]>;
  put(place: VectorPlace, entry: VectorEntry): Promise<void>;
  delete(owner: string, ids: readonly string[]): Promise<void>;
}
