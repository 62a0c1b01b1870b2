/** Verdicts on presented keys, as many as fit: the one that was renewed longest ago goes first. */
export class Snapshots<T> {
  readonly #most: number;
  readonly #kept = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(presented: string): T | undefined {
    return this.#kept.get(presented);
  }

  put(presented: string, value: T): void {
    this.#kept.delete(presented);
    if (this.#kept.size >= this.#most) {
      const { value: oldest } = this.#kept.keys().next();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    this.#kept.set(presented, value);
  }

  delete(presented: string): void {
    this.#kept.delete(presented);
  }

  deleteWhere(outdated: (value: T) => boolean): void {
    for (const [presented, value] of this.#kept) if (outdated(value)) this.#kept.delete(presented);
  }

  clear(): void {
    this.#kept.clear();
  }
}
