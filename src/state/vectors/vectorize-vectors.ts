import { decodeBase64, encodeBase64 } from '../../core/base64.ts';
import { similarity } from '../../core/meaning/embedder.ts';
import type { Neighbour, VectorEntry, VectorIndex, VectorPlace } from '../../core/meaning/vectors.ts';
import type { Clock } from '../../core/ports.ts';
import { Changes } from './changes.ts';
import { checkCount, checkEntry, checkVector, saysNothing } from './checked.ts';
import { within } from './deadline.ts';
import { type OwnerSeal, OwnerSeals } from './owner-seal.ts';
import { BARE, deleteAll, GOT, slices, type VectorizeBinding, type VectorizeHit, WHOLE } from './vectorize.ts';

/** Who knows what an owner has in the index: the owner's object. */
export interface RegisterStub {
  register(name: string, expiresAt: number, most: number): Promise<readonly string[]>;
  unregister(names: readonly string[]): Promise<void>;
  clear(): Promise<void>;
}

export interface VectorizeVectorsOptions {
  readonly index: VectorizeBinding;
  /** A new stub each time: one that has failed stays broken. */
  readonly object: (name: string) => RegisterStub;
  /** Takes vectors of another length than the index has. */
  readonly others: VectorIndex;
  readonly secret: string;
  readonly clock: Clock;
  /** Entries of one owner at most; beyond it the oldest go. */
  readonly most?: number;
  /** Milliseconds that a search may take. */
  readonly patience?: number;
  /** Milliseconds that a change may take. */
  readonly writing?: number;
}

const MOST = 1_000_000;
/** Vectorize answers in some 30 ms as a rule (developers.cloudflare.com/vectorize), and twice is asked at most. */
const PATIENCE = 100;
const WRITING = 5_000;
const WHO = 'Vectorize';

/** What is asked, and where. */
interface Search {
  readonly partition: string;
  readonly vector: Int8Array;
  readonly atLeast: number;
  readonly seal: OwnerSeal;
}

/**
 * Vectors in Cloudflare's Vectorize: each partition a namespace of one index. It takes changes up after seconds, so an
 * entry is found only then. It has no expiry and no list, so each owner's object keeps the names that there are.
 */
export class VectorizeVectors implements VectorIndex {
  readonly #options: VectorizeVectorsOptions;
  readonly #seals: OwnerSeals;
  readonly #changes: Changes;
  #dimensions: number | undefined;

  constructor(options: VectorizeVectorsOptions) {
    this.#options = options;
    this.#seals = new OwnerSeals(options.secret);
    this.#changes = new Changes(options.clock);
  }

  async nearest(place: VectorPlace, vector: Int8Array, count: number, atLeast: number, signal: AbortSignal): Promise<readonly Neighbour[]> {
    checkVector(vector);
    checkCount(count);
    if (saysNothing(vector)) return [];
    const search = async () => {
      if (vector.length !== (await this.#length())) return this.#options.others.nearest(place, vector, count, atLeast, signal);
      const seal = await this.#seals.of(place.owner);
      const [partition, turned] = await Promise.all([seal.partition(place, vector.length), seal.turned(vector)]);
      return this.#search({ partition, vector: turned, atLeast, seal }, count);
    };
    return within(search(), this.#options.patience ?? PATIENCE, WHO, signal);
  }

  async put(place: VectorPlace, entry: VectorEntry): Promise<void> {
    checkEntry(entry);
    const { id, vector, data, expiresAt } = entry;
    if (saysNothing(vector)) return this.delete(place.owner, [id]);
    const length = await this.#inTime(this.#length());
    if (vector.length !== length) {
      // The one before may have been of this length: an id is one entry, wherever it is kept.
      await this.#deleteHere(place.owner, [id]);
      return this.#options.others.put(place, entry);
    }
    await this.#options.others.delete(place.owner, [id]);
    const seal = await this.#seals.of(place.owner);
    const [owner, partition, name] = await Promise.all([seal.owner(), seal.partition(place, length), seal.entry(id)]);
    const [turned, sealed] = await Promise.all([seal.turned(vector), seal.seal(id, data, partition, name)]);
    const version = crypto.randomUUID();
    this.#changes.note(name, version);
    const metadata = { sealed: encodeBase64(sealed), until: expiresAt, version };
    // Named first: what stands in the index and is named nowhere could never be deleted.
    const gone = await this.#inTime(this.#options.object(owner).register(name, expiresAt, this.#options.most ?? MOST));
    await this.#inTime(this.#options.index.upsert([{ id: name, values: Array.from(turned), namespace: partition, metadata }]));
    for (const each of gone) this.#changes.note(each, undefined);
    await this.#inTime(deleteAll(this.#options.index, gone));
  }

  async delete(owner: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await Promise.all([this.#options.others.delete(owner, ids), this.#deleteHere(owner, ids)]);
  }

  /** Deletes everything of an owner, in the index and elsewhere. */
  async clear(owner: string): Promise<void> {
    const seal = await this.#seals.of(owner);
    await this.#options.object(await seal.owner()).clear();
  }

  async #deleteHere(owner: string, ids: readonly string[]): Promise<void> {
    const seal = await this.#seals.of(owner);
    const names = await Promise.all(ids.map((id) => seal.entry(id)));
    for (const name of names) this.#changes.note(name, undefined);
    await this.#inTime(deleteAll(this.#options.index, names));
    await this.#inTime(this.#options.object(await seal.owner()).unregister(names));
  }

  async #search(search: Search, count: number): Promise<readonly Neighbour[]> {
    const { partition, vector } = search;
    const values = Array.from(vector);
    const ask = { namespace: partition, returnMetadata: 'all', returnValues: true } as const;
    if (count <= WHOLE) {
      const { matches } = await this.#options.index.query(values, { ...ask, topK: WHOLE });
      const found = await this.#open(search, matches);
      // Others that are near enough may stand behind what has expired.
      if (found.length >= count || matches.length < WHOLE) return found.slice(0, count);
    }
    const { matches } = await this.#options.index.query(values, { ...ask, topK: BARE, returnMetadata: 'none', returnValues: false });
    const names = matches.map(({ id }) => id);
    const whole = await Promise.all(slices(names, GOT).map((some) => this.#options.index.getByIds(some)));
    return (await this.#open(search, whole.flat())).slice(0, count);
  }

  /** Best first. Similarities are worked out here: those of Vectorize are approximate. */
  async #open({ partition, vector, atLeast, seal }: Search, hits: readonly VectorizeHit[]): Promise<readonly Neighbour[]> {
    const opened = await Promise.all(
      hits.map(async ({ id: name, values, metadata }) => {
        const { sealed, until, version } = metadata ?? {};
        if (typeof sealed !== 'string' || typeof until !== 'number' || typeof version !== 'string') return [];
        if (until <= this.#options.clock.now() || !this.#changes.holds(name, version)) return [];
        const near = similarity(vector, Int8Array.from(values ?? []));
        const bytes = near < atLeast ? undefined : decodeBase64(sealed);
        const content = bytes === undefined ? undefined : await seal.open(bytes, partition, name);
        return content === undefined ? [] : [{ ...content, similarity: near }];
      }),
    );
    return opened.flat().sort((one, other) => other.similarity - one.similarity);
  }

  /** Of the index's vectors; asked once an isolate. */
  async #length(): Promise<number> {
    this.#dimensions ??= (await this.#options.index.describe()).dimensions;
    return this.#dimensions;
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return within(work, this.#options.writing ?? WRITING, WHO);
  }
}
