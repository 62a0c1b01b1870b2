import { within } from '../../core/deadline.ts';
import type { Pulse } from '../../core/ledger/holds.ts';
import type { Clock } from '../../core/ports.ts';
import { Snapshots } from '../../core/snapshots.ts';

/** Milliseconds for which what was heard is good enough. */
const FRESH = 1_000;
/** Milliseconds that a call waits for news: a ledger that is slow slows nobody who asks nothing of it. */
const PATIENCE = 100;
/** Organisations that an isolate remembers. */
const REMEMBERED = 1_000;

export interface PulsesOptions {
  readonly clock: Clock;
  ask(org: string): Promise<Pulse>;
  /** Told of the generation of an organisation that was heard. */
  heard(org: string, generation: number): void;
}

/** What the ledgers said last: one question a second for each organisation, however many answers flow in the isolate. */
export class Pulses {
  readonly #options: PulsesOptions;
  readonly #last = new Snapshots<{ readonly pulse: Pulse; readonly at: number }>(REMEMBERED);

  constructor(options: PulsesOptions) {
    this.#options = options;
  }

  /** What was heard within a second, or last where the ledger is slow. Rejects where it must be asked and cannot be. */
  of(org: string): Pulse | Promise<Pulse> {
    const last = this.#last.get(org);
    return last !== undefined && this.#options.clock.now() - last.at < FRESH ? last.pulse : this.#soon(org, last?.pulse);
  }

  async #soon(org: string, last: Pulse | undefined): Promise<Pulse> {
    try {
      return await within(PATIENCE, this.#ask(org));
    } catch (thrown) {
      if (last === undefined) throw thrown;
      return last;
    }
  }

  /** Each request asks for itself: a Worker's request must not wait for what another one has begun. */
  async #ask(org: string): Promise<Pulse> {
    const at = this.#options.clock.now();
    const pulse = await this.#options.ask(org);
    this.#last.put(org, { pulse, at });
    this.#options.heard(org, pulse.generation);
    return pulse;
  }
}
