import type { Offer, Page } from '../sources/source.ts';

/** What a source said once, and until when it counts as what the source would say now. */
export interface Kept<T> {
  readonly value: T;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly until: number;
}

interface Entry {
  readonly store: ListStore;
  readonly key: string;
  readonly source: string;
  readonly kept: Kept<Page | Offer>;
  readonly weight: number;
}

/** What stands beside the JSON of a thing that is kept, in characters. */
const OVERHEAD = 256;

/** The room that one store has, or several share: so much and no more; what was not asked for longest goes first. */
export class ListRoom {
  readonly #entries = new Set<Entry>();
  readonly #most: number;
  #weight = 0;

  /** `most`: characters of JSON. */
  constructor(most: number) {
    this.#most = most;
  }

  has(weight: number): boolean {
    return weight <= this.#most;
  }

  add(entry: Entry): void {
    this.#entries.add(entry);
    this.#weight += entry.weight;
    for (const oldest of this.#entries) {
      if (this.#weight <= this.#most) break;
      oldest.store.drop(oldest.key);
    }
  }

  remove(entry: Entry): void {
    if (this.#entries.delete(entry)) this.#weight -= entry.weight;
  }

  /** It was asked for. */
  renew(entry: Entry): void {
    if (this.#entries.delete(entry)) this.#entries.add(entry);
  }
}

/** What the sources of one route listed lately, in memory: plain data. What stands in one store is nobody's who has another. */
export class ListStore {
  readonly #entries = new Map<string, Entry>();
  readonly #room: ListRoom;
  readonly #changes = new Map<string, number>();

  constructor(room: ListRoom) {
    this.#room = room;
  }

  page(key: string): Kept<Page> | undefined {
    const kept = this.#get(key);
    return kept !== undefined && 'items' in kept.value ? { ...kept, value: kept.value } : undefined;
  }

  offer(key: string): Kept<Offer> | undefined {
    const kept = this.#get(key);
    return kept !== undefined && 'capabilities' in kept.value ? { ...kept, value: kept.value } : undefined;
  }

  put(source: string, key: string, kept: Kept<Page | Offer>): void {
    this.drop(key);
    const weight = JSON.stringify(kept.value).length + key.length + OVERHEAD;
    if (!this.#room.has(weight)) return;
    const entry = { store: this, key, source, kept, weight };
    this.#entries.set(key, entry);
    this.#room.add(entry);
  }

  /** How often everything of a source was forgotten. */
  changes(source: string): number {
    return this.#changes.get(source) ?? 0;
  }

  /** Everything that one source said. */
  forget(source: string): void {
    this.#changes.set(source, this.changes(source) + 1);
    for (const entry of [...this.#entries.values()]) if (entry.source === source) this.drop(entry.key);
  }

  drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#room.remove(entry);
  }

  #get(key: string): Kept<Page | Offer> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#room.renew(entry);
    return entry.kept;
  }
}
