import type { VectorEntry } from '../../core/meaning/vectors.ts';
import { MOST_DIMENSIONS } from './arena.ts';

/** Bytes of UTF-8. */
const LONGEST_ID = 64;
const LONGEST_DATA = 4_096;
const MOST_NEIGHBOURS = 100;

const encoder = new TextEncoder();
const bytesOf = (text: string) => encoder.encode(text).length;

/** Throws `RangeError` for what `core/meaning/vectors.ts` does not allow: it is not cut, which nobody would notice. */
export function checkEntry({ id, vector, data }: VectorEntry): void {
  if (id === '' || bytesOf(id) > LONGEST_ID) throw new RangeError(`An entry's id has 1 to ${LONGEST_ID} bytes.`);
  if (bytesOf(data) > LONGEST_DATA) throw new RangeError(`An entry's data has ${LONGEST_DATA} bytes at most.`);
  // A half of a surrogate pair has no bytes: it would come back as another character.
  if (!id.isWellFormed() || !data.isWellFormed()) throw new RangeError('An entry holds half a character.');
  checkVector(vector);
}

export function checkVector({ length }: Int8Array): void {
  if (length === 0 || length > MOST_DIMENSIONS) throw new RangeError(`A vector has 1 to ${MOST_DIMENSIONS} numbers, not ${length}.`);
}

export function checkCount(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > MOST_NEIGHBOURS) {
    throw new RangeError(`1 to ${MOST_NEIGHBOURS} neighbours can be asked for, not ${count}.`);
  }
}

/** A vector of zeros has no direction: it is near nothing, and is not kept. */
export const saysNothing = (vector: Int8Array): boolean => vector.every((number) => number === 0);
