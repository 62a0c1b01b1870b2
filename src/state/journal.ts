import type { Clock, Journal, RequestRecord } from '../core/ports.ts';

/** Rows that go to the database in one transaction at most. */
const BATCH = 250;
/** Milliseconds for which rows are gathered. */
const GATHER = 500;
/** Rows an isolate holds while the database does not take them; beyond it the oldest are dropped and counted. */
const HELD = 5_000;
/** Milliseconds after which a flush counts as lost: the request it ran in may have been cancelled. */
const LOST_AFTER = 15_000;

/** Writes rows, of which some may have been written already, and counts those that were given up. */
type Insert = (rows: readonly RequestRecord[], dropped: number) => Promise<void>;

/** Rows on their way to the database. */
interface Flight {
  readonly since: number;
  rows: readonly RequestRecord[];
  dropped: number;
}

/**
 * Gathers log rows in the isolate and writes them in batches behind the responses: one write for many requests, and
 * none that a request waits for. Rows survive a database that fails for a while, and a flush that ends with the request
 * it ran in; they are lost with the isolate, which is why nothing that must hold (budgets, usage) is kept here.
 */
export class BatchedJournal {
  readonly #insert: Insert;
  readonly #clock: Clock;
  #rows: RequestRecord[] = [];
  #flight: Flight | undefined;
  /** Rows dropped since the last write, which the next one counts. */
  #dropped = 0;

  constructor(insert: Insert, clock: Clock) {
    this.#insert = insert;
    this.#clock = clock;
  }

  /** The journal of one request: `after` keeps the flush alive behind its response. */
  for(after: (work: Promise<unknown>) => void): Journal {
    return {
      record: (row) => {
        this.#rows.push(row);
        this.#bound();
        const now = this.#clock.now();
        if (this.#flight !== undefined && now - this.#flight.since < LOST_AFTER) return;
        this.#takeBack();
        const flight: Flight = { since: now, rows: [], dropped: 0 };
        this.#flight = flight;
        after(this.#flush(flight));
      },
    };
  }

  #bound(): void {
    if (this.#rows.length > HELD) this.#dropped += this.#rows.splice(0, this.#rows.length - HELD).length;
  }

  /** What a flush did not bring to its end waits again; a row that arrived all the same is written once. */
  #takeBack(): void {
    if (this.#flight === undefined) return;
    this.#rows = [...this.#flight.rows, ...this.#rows];
    this.#dropped += this.#flight.dropped;
    this.#flight = undefined;
    this.#bound();
  }

  async #flush(flight: Flight): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, GATHER));
    try {
      while (this.#flight === flight && this.#rows.length > 0) {
        flight.rows = this.#rows.splice(0, BATCH);
        flight.dropped = this.#dropped;
        this.#dropped = 0;
        await this.#insert(flight.rows, flight.dropped);
        flight.rows = [];
        flight.dropped = 0;
      }
      if (this.#flight === flight) this.#flight = undefined;
    } catch (cause) {
      console.error('The request log could not be written; its rows are held', cause);
      if (this.#flight === flight) this.#takeBack();
    }
  }
}
