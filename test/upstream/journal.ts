import type { IncomingHttpHeaders } from 'node:http';

/** One request as the scripted vendor saw it, and what became of its answer. */
export interface Seen {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** The body's model; empty where there is none. */
  readonly model: string;
  /** Bytes of the answer that the other side's kernel has taken. */
  accepted: number;
  /** When the other side closed before the answer was complete; milliseconds since the epoch. */
  closedByPeerAt: number | undefined;
  /** When the answer was complete. */
  endedAt: number | undefined;
}

/** Every request of a scripted vendor, in order. */
export class Journal {
  readonly #seen: Seen[] = [];
  readonly #told = new Set<string>();
  readonly #waiting = new Map<() => void, string>();

  add(seen: Seen): void {
    this.#seen.push(seen);
  }

  get all(): readonly Seen[] {
    return this.#seen;
  }

  /** Requests whose model holds this text: tests mark theirs with `&id=…`. */
  of(mark: string): readonly Seen[] {
    return this.#seen.filter(({ model }) => model.includes(mark));
  }

  /** Lets every request with this mark go on that waits for it, and those that come later. */
  goOn(mark: string): void {
    this.#told.add(mark);
    for (const [go, model] of this.#waiting) if (model.includes(mark)) go();
  }

  /** Those that come from now on wait again. */
  hold(mark: string): void {
    this.#told.delete(mark);
  }

  /** Once `goOn` was said of this model. */
  async told(model: string): Promise<void> {
    if ([...this.#told].some((mark) => model.includes(mark))) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(resolve, model);
    await promise;
    this.#waiting.delete(resolve);
  }

  /** The one request with this mark. Throws where there is none, or more than one. */
  one(mark: string): Seen {
    const found = this.of(mark);
    const [only] = found;
    if (only === undefined || found.length > 1) throw new Error(`the upstream saw ${found.length} requests marked ${mark}, not one`);
    return only;
  }
}
