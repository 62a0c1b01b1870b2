import { type Flight, own } from '../../core/cache/flight.ts';
import type { ChatChunk } from '../../core/chat.ts';
import { callerLeft } from '../../core/closing.ts';
import type { Exchange } from '../../core/exchange.ts';

/** Milliseconds for which the head of a stream waits for the first content; after that it goes alone, and pings follow it. */
const PATIENCE = 10_000;
/** Longer than any answer takes. */
const LONGEST = 24 * 3_600_000;

/** A call that is given what another one, which asks for the same, is being answered. */
export class Follower {
  readonly #flight: Flight;
  readonly #exchange: Exchange;
  #isOver = false;

  constructor(flight: Flight, exchange: Exchange) {
    this.#flight = flight;
    this.#exchange = exchange;
    flight.followers++;
  }

  /** The answer as it comes, once it has begun; `undefined` where it will not come for reasons that are the other call's own. Throws what it failed with. */
  async live(): Promise<AsyncIterable<readonly ChatChunk[]> | undefined> {
    const flight = this.#flight;
    await this.#until(() => flight.hasContent, PATIENCE);
    return this.#fails() ? undefined : flight.follow(this.#exchange.signal);
  }

  /** All of it, likewise. */
  async whole(): Promise<readonly ChatChunk[] | undefined> {
    await this.#until(() => false, LONGEST);
    const { landing, chunks, hasContent } = this.#flight;
    if (landing !== undefined && landing !== 'left' && landing !== 'whole' && hasContent) throw own(landing.error);
    if (this.#fails() || landing !== 'whole') return undefined;
    return [...chunks];
  }

  async #until(met: () => boolean, milliseconds: number): Promise<void> {
    const { signal } = this.#exchange;
    await this.#flight.until(met, milliseconds, signal);
    if (signal.aborted) throw callerLeft();
  }

  /** Whether somebody else must ask. */
  #fails(): boolean {
    const { landing, hasContent } = this.#flight;
    if (landing === undefined || landing === 'whole' || hasContent) return false;
    if (landing === 'left') return true;
    throw own(landing.error);
  }

  end(): void {
    if (!this.#isOver) this.#flight.followers--;
    this.#isOver = true;
  }
}
