import type { Clock, Journal, RequestRecord } from '../core/ports.ts';

/** Rows that go to the database in one statement at most. */
const BATCH = 250;
/** Milliseconds for which rows are gathered. */
const GATHER = 500;
/** Rows an isolate holds while the database does not take them; beyond it the oldest are dropped and counted. */
const HELD = 5_000;
/** Milliseconds after which a flush counts as lost: the request it ran in may have been cancelled. */
const LOST_AFTER = 15_000;

/**
 * Gathers log rows in the isolate and writes them in batches behind the responses: one write for many requests, and
 * none that a request waits for. Rows survive a database that fails for a while; they are lost with the isolate,
 * which is why nothing that must hold (budgets, usage) is kept here.
 */
export class BatchedJournal {
  readonly #insert: (rows: readonly RequestRecord[]) => Promise<void>;
  readonly #clock: Clock;
  #rows: RequestRecord[] = [];
  #flushingSince: number | undefined;
  /** Rows dropped because the database did not take them in time. */
  dropped = 0;

  constructor(insert: (rows: readonly RequestRecord[]) => Promise<void>, clock: Clock) {
    this.#insert = insert;
    this.#clock = clock;
  }

  /** The journal of one request: `after` keeps the flush alive behind its response. */
  for(after: (work: Promise<unknown>) => void): Journal {
    return {
      record: (row) => {
        this.#rows.push(row);
        if (this.#rows.length > HELD) this.dropped += this.#rows.splice(0, this.#rows.length - HELD).length;
        const now = this.#clock.now();
        if (this.#flushingSince !== undefined && now - this.#flushingSince < LOST_AFTER) return;
        this.#flushingSince = now;
        after(this.#flush());
      },
    };
  }

  async #flush(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, GATHER));
    try {
      while (this.#rows.length > 0) {
        const batch = this.#rows.splice(0, BATCH);
        try {
          await this.#insert(batch);
        } catch (cause) {
          this.#rows = [...batch, ...this.#rows];
          console.error('The request log could not be written; its rows are held', cause);
          return;
        }
      }
    } finally {
      this.#flushingSince = undefined;
    }
  }
}
