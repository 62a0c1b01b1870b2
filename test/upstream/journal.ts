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

  /** The one request with this mark. Throws where there is none, or more than one. */
  one(mark: string): Seen {
    const found = this.of(mark);
    const [only] = found;
    if (only === undefined || found.length > 1) throw new Error(`the upstream saw ${found.length} requests marked ${mark}, not one`);
    return only;
  }
}
