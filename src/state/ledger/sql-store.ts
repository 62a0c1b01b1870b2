import type { ChangedMeter, Ending, Hold, LedgerStore, Mark } from '../../core/ledger/holds.ts';
import type { Meter } from '../../core/ledger/meters.ts';
import type { UsageRow } from '../../core/ledger/usage.ts';

/** A row of what has ended. `usage` is NULL where the hold was released. */
export interface EndedRow {
  readonly [column: string]: SqlStorageValue;
  readonly seq: number;
  readonly usage: string | null;
}

/**
 * A ledger in the SQLite storage of one object. Nothing of it is remembered between two operations but two numbers that
 * rise: what is written is what is.
 *
 * Rows written, which is what storage costs: one for each meter that an operation changes, one for a hold that begins, and
 * five over its end (it goes; its end is kept under its number and its id, and both go later).
 */
export class SqlStore implements LedgerStore {
  readonly #sql: SqlStorage;
  #generation: number;
  /** The number of the last end. */
  #seq: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    this.#generation = this.number('generation');
    // Ends that went out and are forgotten were never numbered higher than what is noted as gone out.
    this.#seq = Math.max(this.number('drained'), this.#one<{ most: number | null }>('SELECT MAX(seq) AS most FROM ended')?.most ?? 0);
  }

  meters(keys: readonly string[]): ReadonlyMap<string, Meter> {
    const rows = this.#sql.exec<{ key: string; start: number; spent: number; reserved: number }>(
      'SELECT key, start, spent, reserved FROM meters WHERE key IN (SELECT value FROM json_each(?))',
      JSON.stringify(keys),
    );
    return new Map(Array.from(rows, ({ key, start, spent, reserved }) => [key, { start, spent, reserved }]));
  }

  putMeters(changed: readonly ChangedMeter[]): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO meters (key, start, spent, reserved, idle_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)`,
      JSON.stringify(changed.map(({ key, start, spent, reserved, idleAt = null }) => [key, start, spent, reserved, idleAt])),
    );
  }

  hold(id: string): Hold | undefined {
    const row = this.#one<{ body: string }>('SELECT body FROM holds WHERE id = ?', id);
    return row === undefined ? undefined : readHold(row.body);
  }

  putHold(hold: Hold): void {
    this.#sql.exec('INSERT OR REPLACE INTO holds (id, expires_at, body) VALUES (?, ?, ?)', hold.id, hold.expiresAt, JSON.stringify(hold));
  }

  dropHold(id: string): void {
    this.#sql.exec('DELETE FROM holds WHERE id = ?', id);
  }

  expired(now: number, most: number): readonly Hold[] {
    const rows = this.#sql.exec<{ body: string }>('SELECT body FROM holds WHERE expires_at <= ? ORDER BY expires_at LIMIT ?', now, most);
    return Array.from(rows, ({ body }) => readHold(body));
  }

  /** When the next open hold expires; `undefined` where there is none. */
  nextExpiry(): number | undefined {
    return this.#one<{ at: number | null }>('SELECT MIN(expires_at) AS at FROM holds')?.at ?? undefined;
  }

  ended(id: string): Ending | undefined {
    return this.#one<{ ending: Ending }>('SELECT ending FROM ended WHERE id = ?', id)?.ending;
  }

  end(id: string, ending: Ending, now: number, usage: UsageRow | undefined): void {
    this.#seq += 1;
    this.#sql.exec(
      'INSERT INTO ended (seq, id, ending, at, usage) VALUES (?, ?, ?, ?, ?)',
      this.#seq,
      id,
      ending,
      now,
      usage === undefined ? null : JSON.stringify(usage),
    );
  }

  generation(): number {
    return this.#generation;
  }

  marks(subjects: readonly string[]): readonly Mark[] {
    const rows = this.#sql.exec<{ subject: string; generation: number; stopped: number }>(
      'SELECT subject, generation, stopped FROM marks WHERE subject IN (SELECT value FROM json_each(?))',
      JSON.stringify(subjects),
    );
    return Array.from(rows, ({ subject, generation, stopped }) => ({ subject, generation, stopped: stopped === 1 }));
  }

  mark({ subject, generation, stopped }: Mark): void {
    this.#sql.exec('INSERT OR REPLACE INTO marks (subject, generation, stopped) VALUES (?, ?, ?)', subject, generation, stopped ? 1 : 0);
    this.setNumber('generation', generation);
    this.#generation = generation;
  }

  /** Ends that have not gone out yet, in order. */
  waiting(most: number): readonly EndedRow[] {
    return this.#sql
      .exec<EndedRow>('SELECT seq, usage FROM ended WHERE seq > ? ORDER BY seq LIMIT ?', this.number('drained'), most)
      .toArray();
  }

  hasWaiting(): boolean {
    return this.waiting(1).length > 0;
  }

  /** Notes that every end up to this one has gone out. */
  drained(seq: number): void {
    this.setNumber('drained', seq);
  }

  /** Lets go of ends that have gone out and are older than `before`, and of meters that say nothing any more. */
  forget(before: number, now: number): void {
    this.#sql.exec('DELETE FROM ended WHERE seq <= ? AND at < ?', this.number('drained'), before);
    this.#sql.exec('DELETE FROM meters WHERE idle_at <= ? AND reserved = 0', now);
  }

  number(name: string): number {
    return this.#one<{ value: number }>('SELECT value FROM numbers WHERE name = ?', name)?.value ?? 0;
  }

  setNumber(name: string, value: number): void {
    this.#sql.exec('INSERT OR REPLACE INTO numbers (name, value) VALUES (?, ?)', name, value);
  }

  /** After an operation that was undone: the numbers as they are stored. */
  reload(): SqlStore {
    return new SqlStore(this.#sql);
  }

  #one<Row extends Record<string, SqlStorageValue>>(query: string, ...bound: readonly SqlStorageValue[]): Row | undefined {
    return this.#sql.exec<Row>(query, ...bound).toArray()[0];
  }
}

/** It was written here: what the column holds is a hold. */
const readHold = (body: string): Hold => JSON.parse(body) as Hold;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS meters (
    key TEXT PRIMARY KEY,
    start INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    idle_at INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS holds (
    id TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ended (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    ending TEXT NOT NULL,
    at INTEGER NOT NULL,
    usage TEXT
  );
  CREATE TABLE IF NOT EXISTS marks (
    subject TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    stopped INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS numbers (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    entry TEXT NOT NULL
  );
  CREATE TRIGGER IF NOT EXISTS audit_immutable BEFORE UPDATE ON audit
  BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
  END;
  CREATE TRIGGER IF NOT EXISTS audit_undeletable BEFORE DELETE ON audit
  BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
  END;
`;
