import type { Checks, Counted, HitChecks } from '../../../core/cache/checks.ts';
import { NO_CHECKS } from '../../../core/cache/checks.ts';
import { AskedDigests } from '../../../core/cache/digests.ts';
import { Flights } from '../../../core/cache/flight.ts';
import type { AnswerCache } from '../../../core/cache/port.ts';
import type { StoredAnswer } from '../../../core/cache/stored-answer.ts';
import { type Embedder, quantised, similarity } from '../../../core/meaning/embedder.ts';
import type { Neighbour, VectorEntry, VectorIndex, VectorPlace } from '../../../core/meaning/vectors.ts';
import { murmur3 } from '../../../core/stable-hash.ts';

// What a semantic cache works with, in the memory of one test.

const DIMENSIONS = 64;
const encoder = new TextEncoder();

/** Texts of the same words point alike. */
export const wordEmbedder: Embedder = {
  id: 'words',
  dimensions: DIMENSIONS,
  embed: (texts) => texts.map(directionOf),
};

function directionOf(text: string): Int8Array {
  const sums = new Float64Array(DIMENSIONS);
  for (const word of text.toLowerCase().match(/\p{L}+|\d+/gu) ?? []) {
    const at = murmur3(encoder.encode(word), 1) % DIMENSIONS;
    sums[at] = (sums[at] ?? 0) + word.length;
  }
  return quantised(sums);
}

export class FakeIndex implements VectorIndex {
  readonly kept = new Map<string, { readonly place: VectorPlace; readonly entry: VectorEntry }>();
  readonly deleted: string[] = [];
  async nearest(place: VectorPlace, vector: Int8Array, count: number, atLeast: number): Promise<readonly Neighbour[]> {
    return [...this.kept.values()]
      .filter((each) => each.place.owner === place.owner && each.place.partition === place.partition)
      .map(({ entry }) => ({ id: entry.id, similarity: similarity(entry.vector, vector), data: entry.data }))
      .filter((each) => each.similarity >= atLeast)
      .toSorted((one, other) => other.similarity - one.similarity)
      .slice(0, count);
  }
  async put(place: VectorPlace, entry: VectorEntry): Promise<void> {
    this.kept.set(`${place.owner} ${entry.id}`, { place, entry });
  }
  async delete(owner: string, ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.kept.delete(`${owner} ${id}`);
      this.deleted.push(id);
    }
  }
}

export class FakeChecks implements HitChecks {
  known: Checks | undefined = NO_CHECKS;
  readonly noted: Counted[] = [];
  of(): Checks | undefined {
    return this.known;
  }
  note(_org: string, _route: string, counted: Counted): void {
    this.noted.push(counted);
  }
  /** Everything that was noted, added up. */
  get sum(): Counted {
    const total: { [field: string]: number } = {};
    for (const counted of this.noted) for (const [field, value] of Object.entries(counted)) total[field] = (total[field] ?? 0) + value;
    return total;
  }
}

export class FakeAnswers implements AnswerCache {
  readonly flights = new Flights(() => 0);
  readonly digests = new AskedDigests();
  readonly kept = new Map<string, StoredAnswer>();
  get(key: string): StoredAnswer | undefined {
    return this.kept.get(key);
  }
  put(key: string, answer: StoredAnswer): void {
    this.kept.set(key, answer);
  }
}
