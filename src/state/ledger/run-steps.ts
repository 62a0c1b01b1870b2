/** Milliseconds for which it is remembered that a run has made a step. */
const KEPT_FOR = 7 * 86_400_000;
/** Steps that are kept at most; those that were made longest ago go first. */
const MOST_KEPT = 100_000;
/** Steps between two looks at how many there are. */
const LOOK_EVERY = 1_000;

/** What runs have done, for rules that let one step be made after another only. Kept in storage: a run may pause for longer than an object stays. */
export class RunSteps {
  readonly #sql: SqlStorage;
  #hasTable = false;
  #noted = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  note(run: string, steps: readonly string[], now: number): void {
    const sql = this.#table();
    for (const step of steps) sql.exec('INSERT OR REPLACE INTO run_steps (run, step, at) VALUES (?, ?, ?)', run, step, now);
    this.#noted += steps.length;
    if (this.#noted >= LOOK_EVERY) this.forget(now);
  }

  /** Those of the steps that the run has made. */
  made(run: string, steps: readonly string[], now: number): readonly string[] {
    const rows = this.#table().exec<{ step: string }>(
      'SELECT step FROM run_steps WHERE run = ? AND at > ? AND step IN (SELECT value FROM json_each(?))',
      run,
      now - KEPT_FOR,
      JSON.stringify(steps),
    );
    return Array.from(rows, ({ step }) => step);
  }

  forget(now: number): void {
    this.#noted = 0;
    const sql = this.#table();
    sql.exec('DELETE FROM run_steps WHERE at <= ?', now - KEPT_FOR);
    sql.exec('DELETE FROM run_steps WHERE at <= (SELECT at FROM run_steps ORDER BY at DESC LIMIT 1 OFFSET ?)', MOST_KEPT);
  }

  #table(): SqlStorage {
    if (!this.#hasTable) {
      this.#sql.exec(`CREATE TABLE IF NOT EXISTS run_steps (
        run TEXT NOT NULL, step TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (run, step)
      ) WITHOUT ROWID; CREATE INDEX IF NOT EXISTS run_steps_by_time ON run_steps (at);`);
      this.#hasTable = true;
    }
    return this.#sql;
  }
}
