import type { Clock } from '../../core/ports.ts';

/** Milliseconds after which an index has taken a change up: seconds as a rule, minutes where many are written one by one. */
const TAKEN_UP = 10 * 60_000;
const MOST = 10_000;

/**
 * What this isolate has changed in an index that takes changes up only after a while: of an entry that was replaced or
 * deleted here, the one before is not found here any more. Other isolates may find it for the seconds that it still stands.
 */
export class Changes {
  readonly #clock: Clock;
  /** The version that holds, `undefined` for what was deleted; the oldest first. */
  readonly #known = new Map<string, { readonly version: string | undefined; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(name: string, version: string | undefined): void {
    const now = this.#clock.now();
    this.#known.delete(name);
    this.#known.set(name, { version, at: now });
    for (const [each, { at }] of this.#known) {
      if (this.#known.size <= MOST && now - at < TAKEN_UP) return;
      this.#known.delete(each);
    }
  }

  /** Whether that version of an entry is, as far as is known here, the one that holds. */
  holds(name: string, version: string): boolean {
    const known = this.#known.get(name);
    return known === undefined || known.version === version;
  }
}
