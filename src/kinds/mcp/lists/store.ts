import type { Offer, Page } from '../sources/source.ts';

/** What a source said once, and until when it counts as what the source would say now. */
export interface Kept<T> {
  readonly value: T;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly until: number;
}

interface Entry {
  readonly source: string;
  readonly kept: Kept<Page | Offer>;
  readonly weight: number;
}

/** What stands beside the JSON of a thing that is kept, in characters. */
const OVERHEAD = 256;

/** What the sources of one route listed lately, in memory: plain data. So much of it and no more; what was not asked for longest goes first. */
export class ListStore {
  readonly #entries = new Map<string, Entry>();
  readonly #most: number;
  readonly #changes = new Map<string, number>();
  #weight = 0;

  /** `most`: characters of JSON. */
  constructor(most: number) {
    this.#most = most;
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
    this.#drop(key);
    const weight = JSON.stringify(kept.value).length + key.length + OVERHEAD;
    if (weight > this.#most) return;
    this.#entries.set(key, { source, kept, weight });
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#most) break;
      this.#drop(oldest);
    }
  }

  /** How often everything of a source was forgotten. */
  changes(source: string): number {
    return this.#changes.get(source) ?? 0;
  }

  /** Everything that one source said. */
  forget(source: string): void {
    this.#changes.set(source, this.changes(source) + 1);
    for (const [key, entry] of this.#entries) if (entry.source === source) this.#drop(key);
  }

  #get(key: string): Kept<Page | Offer> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.kept;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
  }
}
