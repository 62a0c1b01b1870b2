import type { Neighbour, VectorEntry, VectorIndex, VectorPlace } from '../../core/meaning/vectors.ts';
import { checkCount, checkEntry, checkVector, saysNothing } from './checked.ts';
import { within } from './deadline.ts';
import type { SealedVector, VectorRoom } from './entries.ts';
import { OwnerSeals } from './owner-seal.ts';
import type { SealedNeighbour } from './vector-object.ts';

/** What is asked of an owner's object. */
export interface VectorStub {
  put(entry: SealedVector, room: VectorRoom): Promise<void>;
  nearest(partition: string, vector: Int8Array, count: number, atLeast: number): Promise<readonly SealedNeighbour[]>;
  delete(names: readonly string[]): Promise<void>;
  clear(): Promise<void>;
}

export interface StoredVectorsOptions {
  /** A new stub each time: one that has failed stays broken. */
  readonly object: (name: string) => VectorStub;
  readonly secret: string;
  readonly room?: VectorRoom;
  /** Milliseconds that a search may take. */
  readonly patience?: number;
  /** Milliseconds that a change may take. */
  readonly writing?: number;
}

/** 16 million numbers: docs/storage.md has the arithmetic. */
export const DEFAULT_ROOM: VectorRoom = { entries: 100_000, bytes: 16 * 1024 * 1024 };
/**
 * A call waits for a search before it asks a model, and gains by it only now and then. An object on the same continent
 * answers in 5 to 40 ms; one that is farther away, or has to read many vectors first, is not worth the wait.
 */
const PATIENCE = 50;
/** Nobody waits for a change, and the object may be a continent away. */
const WRITING = 2_000;

/** Vectors in one object for each owner, sealed before they leave this isolate. */
export class StoredVectors implements VectorIndex {
  readonly #options: StoredVectorsOptions;
  readonly #seals: OwnerSeals;

  constructor(options: StoredVectorsOptions) {
    this.#options = options;
    this.#seals = new OwnerSeals(options.secret);
  }

  async nearest(place: VectorPlace, vector: Int8Array, count: number, atLeast: number, signal: AbortSignal): Promise<readonly Neighbour[]> {
    checkVector(vector);
    checkCount(count);
    if (saysNothing(vector)) return [];
    const seal = await this.#seals.of(place.owner);
    const [name, partition, asked] = await Promise.all([seal.owner(), seal.partition(place, vector.length), seal.turned(vector)]);
    const search = this.#options.object(name).nearest(partition, asked, count, atLeast);
    const found = await within(search, this.#options.patience ?? PATIENCE, 'The vector store', signal);
    const opened = await Promise.all(
      found.map(async ({ name: entry, similarity, sealed }) => {
        const content = await seal.open(sealed, partition, entry);
        return content === undefined ? [] : [{ ...content, similarity }];
      }),
    );
    return opened.flat();
  }

  async put(place: VectorPlace, entry: VectorEntry): Promise<void> {
    checkEntry(entry);
    const { id, vector, data, expiresAt } = entry;
    // What had this id before is replaced all the same.
    if (saysNothing(vector)) return this.delete(place.owner, [id]);
    const seal = await this.#seals.of(place.owner);
    const [owner, partition, name] = await Promise.all([seal.owner(), seal.partition(place, vector.length), seal.entry(id)]);
    const [turned, sealed] = await Promise.all([seal.turned(vector), seal.seal(id, data, partition, name)]);
    const room = this.#options.room ?? DEFAULT_ROOM;
    await this.#change(owner, (object) => object.put({ name, partition, vector: turned, sealed, expiresAt }, room));
  }

  async delete(owner: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const seal = await this.#seals.of(owner);
    const names = await Promise.all(ids.map((id) => seal.entry(id)));
    await this.#change(await seal.owner(), (object) => object.delete(names));
  }

  async clear(owner: string): Promise<void> {
    const seal = await this.#seals.of(owner);
    await this.#change(await seal.owner(), (object) => object.clear());
  }

  #change(owner: string, change: (object: VectorStub) => Promise<void>): Promise<void> {
    return within(change(this.#options.object(owner)), this.#options.writing ?? WRITING, 'The vector store');
  }
}
