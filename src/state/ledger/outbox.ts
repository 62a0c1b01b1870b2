import type { SqlStore } from './sql-store.ts';
import { insertUsage } from './usage-rows.ts';

/** Rows of one statement at most, and characters of them: D1 takes 2 MB, and a character may be three bytes. */
const BATCH = 500;
const MAX_CHARACTERS = 600_000;
/** Batches that go out in one alarm. */
const BATCHES = 20;
/** Milliseconds after which a statement counts as lost. It may still be done: a row that comes twice is kept once. */
const PATIENCE = 10_000;
/** Milliseconds of waiting after the first failure; doubled with each further one, up to the last. */
const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 300_000;

/**
 * Takes the rows of ended calls to D1, in order. Every row arrives exactly once: it is sent until it has been taken, and
 * one that comes again is ignored there. Nothing else waits for it.
 */
export class Outbox {
  readonly #db: D1Database | undefined;
  readonly #random: () => number;
  #failures = 0;
  /** Until when nothing is tried. */
  notBefore = 0;

  /** `random`: uniform in [0, 1). */
  constructor(db: D1Database | undefined, random: () => number) {
    this.#db = db;
    this.#random = random;
  }

  /** Sends what waits. Returns when to try again; `undefined` where nothing waits. */
  async drain(store: SqlStore, now: number): Promise<number | undefined> {
    if (now < this.notBefore) return store.hasWaiting() ? this.notBefore : undefined;
    for (let batch = 0; batch < BATCHES; batch++) {
      const waiting = within(store.waiting(BATCH));
      const last = waiting.at(-1);
      if (last === undefined) return undefined;
      const rows = waiting.flatMap(({ usage }) => usage ?? []);
      if (!(await this.#send(rows, now))) return this.notBefore;
      store.drained(last.seq);
    }
    return store.hasWaiting() ? now : undefined;
  }

  async #send(rows: readonly string[], now: number): Promise<boolean> {
    if (rows.length === 0 || this.#db === undefined) return true;
    try {
      await patiently(insertUsage(this.#db, rows));
      this.#failures = 0;
      return true;
    } catch (cause) {
      this.#failures += 1;
      // A third more or less by chance, so that the ledgers of many organisations do not all come back at once.
      const wait = Math.min(FIRST_WAIT * 2 ** (this.#failures - 1), LONGEST_WAIT) * (0.67 + 0.66 * this.#random());
      this.notBefore = now + Math.round(wait);
      console.error('Usage rows could not be written; they are kept and sent again', cause);
      return false;
    }
  }
}

/** As many as fit into one statement, and one at least. */
function within<Row extends { readonly usage: string | null }>(rows: readonly Row[]): readonly Row[] {
  let room = MAX_CHARACTERS;
  const end = rows.findIndex(({ usage }, index) => {
    room -= (usage?.length ?? 0) + 1;
    return room < 0 && index > 0;
  });
  return end < 0 ? rows : rows.slice(0, end);
}

async function patiently(work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lost = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    await Promise.race([work, lost]);
  } finally {
    clearTimeout(timer);
  }
}
