import { DurableObject } from 'cloudflare:workers';
import { systemClock } from '../ports.ts';
import { Entries, type SealedVector, type VectorRoom } from './entries.ts';
import { LoadedPartitions } from './loaded.ts';
import { Register } from './register.ts';
import type { Gone } from './stored-rows.ts';
import { DELETED, deleteAll, type VectorizeBinding } from './vectorize.ts';

export interface SealedNeighbour {
  readonly name: string;
  readonly similarity: number;
  readonly sealed: Uint8Array;
}

/** Milliseconds between two sweeps at least. */
const SWEEP_EVERY = 60_000;
/** Entries of one sweep: each is a statement or two, and calls wait meanwhile. */
const SWEPT = 5_000;

/** What the object needs of the Worker's bindings. */
export interface VectorStoreEnv {
  readonly VECTORIZE?: VectorizeBinding;
}

/**
 * The vectors of one owner: one object for each, so that nobody's stand beside another's. Storage has everything; memory
 * has the partitions that were asked last, and is made again from it. Of vectors that Vectorize keeps it has the names.
 */
export class VectorStore extends DurableObject<VectorStoreEnv> {
  #entries: Entries | undefined;
  #register: Register | undefined;
  #loaded = new LoadedPartitions();
  /** Whether the storage has an alarm; `undefined` before it was asked. */
  #isAlarmSet: boolean | undefined;

  /** Keeps an entry, in the place of that of the same name. */
  async put(entry: SealedVector, room: VectorRoom): Promise<void> {
    const { seq, gone } = this.ctx.storage.transactionSync(() => this.#open().put(entry, room));
    // Only what is in storage is in memory: had that failed, memory would have an entry that nobody keeps.
    this.#forget(gone);
    this.#loaded.get(entry.partition)?.add({
      seqs: Float64Array.of(seq),
      ends: Float64Array.of(entry.expiresAt),
      vectors: entry.vector,
    });
    this.#loaded.makeRoom(entry.partition);
    await this.#sweepLater();
  }

  /** Entries of a partition whose vectors are at least so similar, best first. All vectors of a partition are of one length. */
  nearest(partition: string, vector: Int8Array, count: number, atLeast: number): readonly SealedNeighbour[] {
    const now = systemClock.now();
    const loaded = this.#loaded.get(partition) ?? this.#loaded.load(partition, vector.length, this.#open().rows(partition, vector.length));
    return loaded.nearest({ vector, count, atLeast, now }).flatMap(({ seq, similarity }) => {
      const content = this.#open().content(seq);
      return content === undefined ? [] : [{ ...content, similarity }];
    });
  }

  delete(names: readonly string[]): void {
    this.#forget(this.ctx.storage.transactionSync(() => this.#open().delete(names)));
  }

  /** Notes the name of an entry that Vectorize is to keep. The names that must go for it, the oldest, where there are more than `most`. */
  async register(name: string, expiresAt: number, most: number): Promise<readonly string[]> {
    const gone = this.ctx.storage.transactionSync(() => this.#registered().add(name, expiresAt, most));
    await this.#sweepLater();
    return gone;
  }

  unregister(names: readonly string[]): void {
    this.ctx.storage.transactionSync(() => this.#registered().delete(names));
  }

  /** Deletes everything, in Vectorize too. */
  async clear(): Promise<void> {
    for (let names = this.#registered().oldest(DELETED); names.length > 0; names = this.#registered().oldest(DELETED)) {
      await this.#deleteElsewhere(names);
    }
    this.#entries = undefined;
    this.#register = undefined;
    this.#loaded = new LoadedPartitions();
    this.#isAlarmSet = false;
    await this.ctx.storage.deleteAll();
  }

  /** What is there, in numbers. */
  size(): { readonly entries: number; readonly bytes: number; readonly loaded: number } {
    return { ...this.#open().size, loaded: this.#loaded.bytes };
  }

  override async alarm(): Promise<void> {
    this.#isAlarmSet = false;
    const now = systemClock.now();
    this.#forget(this.ctx.storage.transactionSync(() => this.#open().deleteExpired(now, SWEPT)));
    await this.#deleteElsewhere(this.#registered().expired(now, SWEPT));
    if (this.#nextEnd() !== undefined) return this.#sweepLater();
    // An object without storage costs nothing and is forgotten.
    await this.clear();
  }

  /** The tables are gone where everything was deleted. */
  #open(): Entries {
    this.#entries ??= new Entries(this.ctx.storage.sql);
    return this.#entries;
  }

  #registered(): Register {
    this.#register ??= new Register(this.ctx.storage.sql);
    return this.#register;
  }

  /** A name is forgotten only when the entry is on its way out. Where the binding is gone, so is what stood behind it. */
  async #deleteElsewhere(names: readonly string[]): Promise<void> {
    if (this.env.VECTORIZE !== undefined) await deleteAll(this.env.VECTORIZE, names);
    this.unregister(names);
  }

  #nextEnd(): number | undefined {
    const ends = [this.#open().nextEnd(), this.#registered().nextEnd()].flatMap((end) => end ?? []);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  #forget(gone: readonly Gone[]): void {
    for (const { seq, partition } of gone) this.#loaded.get(partition)?.remove(seq);
  }

  async #sweepLater(): Promise<void> {
    this.#isAlarmSet ??= (await this.ctx.storage.getAlarm()) !== null;
    if (this.#isAlarmSet) return;
    this.#isAlarmSet = true;
    const now = systemClock.now();
    await this.ctx.storage.setAlarm(Math.max(this.#nextEnd() ?? now, now + SWEEP_EVERY));
  }
}
