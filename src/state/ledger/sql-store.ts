import { randomBase62 } from '../../core/base62.ts';
import type { LedgerEvent } from '../../core/ledger/alerts.ts';
import type { ChangedMeter, EndedHold, Ending, Hold, KeptProgress, LedgerTables } from '../../core/ledger/holds.ts';
import type { Meter } from '../../core/ledger/meters.ts';
import type { UsageRow } from '../../core/ledger/usage.ts';

/** What is to go out: rows as JSON with commas between them, NULL for a hold that was released. */
export interface WaitingRows {
  readonly [column: string]: SqlStorageValue;
  readonly seq: number;
  readonly usage: string | null;
}

/**
 * A ledger in the SQLite storage of one object. Nothing of it is remembered between two operations but two numbers that
 * rise, what was stopped, and the open holds: what is written is what is.
 *
 * Rows written, which is what storage costs: one for each meter that an operation changes, one for a hold that begins, and
 * five over its end (it goes; its end is kept under its number and its id, and both go later). Calls of leases have no
 * ends of their own here, and their rows lie together: two for each message that brings some.
 */
export class SqlStore implements LedgerTables {
  readonly #sql: SqlStorage;
  #generation: number;
  #stopped: ReadonlySet<string>;
  /** The number of the last end. */
  #seq: number;
  #hasNews = false;
  /** All open holds; absent where they are too many to be remembered. */
  #open: Map<string, Hold> | undefined;
  /** Since the object was loaded: what storage charges for. */
  rowsWritten = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    if (!hasColumn(sql, 'meters', 'told')) sql.exec('ALTER TABLE meters ADD COLUMN told TEXT');
    this.#generation = this.number('generation');
    this.#stopped = new Set(this.stopped());
    this.#open = this.#readOpen();
    // Ends that went out and are forgotten were never numbered higher than what is noted as gone out.
    const most = 'SELECT MAX(seq) AS most FROM (SELECT seq FROM ended UNION ALL SELECT seq FROM parcels)';
    this.#seq = Math.max(this.number('drained'), this.#one<{ most: number | null }>(most)?.most ?? 0);
  }

  meters(keys: readonly string[]): ReadonlyMap<string, Meter> {
    const rows = this.#sql.exec<{ key: string; start: number; spent: number; reserved: number; told: string | null }>(
      'SELECT key, start, spent, reserved, told FROM meters WHERE key IN (SELECT value FROM json_each(?))',
      JSON.stringify(keys),
    );
    return new Map(Array.from(rows, ({ key, told, ...counted }) => [key, told === null ? counted : { ...counted, told: readTold(told) }]));
  }

  putMeters(changed: readonly ChangedMeter[]): void {
    this.#write(
      `INSERT OR REPLACE INTO meters (key, start, spent, reserved, idle_at, told)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?)`,
      JSON.stringify(
        changed.map(({ key, start, spent, reserved, idleAt = null, told = null }) => [key, start, spent, reserved, idleAt, told]),
      ),
    );
  }

  hold(id: string): Hold | undefined {
    const known = this.#open?.get(id);
    if (known !== undefined || this.#open !== undefined) return known;
    const row = this.#one<{ body: string }>('SELECT body FROM holds WHERE id = ?', id);
    return row === undefined ? undefined : readHold(row.body);
  }

  putHold(hold: Hold): void {
    this.#remember(hold);
    this.#write('INSERT OR REPLACE INTO holds (id, expires_at, body) VALUES (?, ?, ?)', hold.id, hold.expiresAt, JSON.stringify(hold));
  }

  dropHold(id: string): void {
    this.#open?.delete(id);
    this.#write('DELETE FROM holds WHERE id = ?', id);
  }

  putHolds(holds: readonly Hold[]): void {
    if (holds.length < MANY) for (const hold of holds) this.putHold(hold);
    else {
      for (const hold of holds) this.#remember(hold);
      this.#write(
        `INSERT OR REPLACE INTO holds (id, expires_at, body)
           SELECT value ->> '$.id', value ->> '$.expiresAt', value FROM json_each(?)`,
        JSON.stringify(holds),
      );
    }
  }

  dropHolds(ids: readonly string[]): void {
    if (ids.length < MANY) for (const id of ids) this.dropHold(id);
    else {
      for (const id of ids) this.#open?.delete(id);
      this.#write('DELETE FROM holds WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
    }
  }

  expired(now: number, most: number): readonly Hold[] {
    const rows = this.#sql.exec<{ body: string }>('SELECT body FROM holds WHERE expires_at <= ? ORDER BY expires_at LIMIT ?', now, most);
    return Array.from(rows, ({ body }) => readHold(body));
  }

  /** When the next open hold expires; `undefined` where there is none. */
  nextExpiry(): number | undefined {
    return this.#one<{ at: number | null }>('SELECT MIN(expires_at) AS at FROM holds')?.at ?? undefined;
  }

  putProgress(lease: string, number: number, kept: KeptProgress): void {
    this.#write('INSERT OR REPLACE INTO progress (lease, number, body) VALUES (?, ?, ?)', lease, number, JSON.stringify(kept));
  }

  progressOf(lease: string): readonly KeptProgress[] {
    const rows = this.#sql.exec<{ body: string }>('SELECT body FROM progress WHERE lease = ? ORDER BY number', lease);
    return Array.from(rows, ({ body }) => readProgress(body));
  }

  dropProgress(lease: string): void {
    this.#write('DELETE FROM progress WHERE lease = ?', lease);
  }

  ended(id: string): Ending | undefined {
    return this.#one<{ ending: Ending }>('SELECT ending FROM ended WHERE id = ?', id)?.ending;
  }

  end(id: string, ending: Ending, now: number, usage: UsageRow | undefined): void {
    this.#seq += 1;
    this.#write(
      'INSERT INTO ended (seq, id, ending, at, usage) VALUES (?, ?, ?, ?, ?)',
      this.#seq,
      id,
      ending,
      now,
      usage === undefined ? null : JSON.stringify(usage),
    );
  }

  endings(ids: readonly string[]): ReadonlyMap<string, Ending> {
    const found = new Map<string, Ending>();
    if (ids.length < MANY) {
      for (const id of ids) {
        const ending = this.ended(id);
        if (ending !== undefined) found.set(id, ending);
      }
      return found;
    }
    const query = 'SELECT id, ending FROM ended WHERE id IN (SELECT value FROM json_each(?))';
    for (const { id, ending } of this.#sql.exec<{ id: string; ending: Ending }>(query, JSON.stringify(ids))) found.set(id, ending);
    return found;
  }

  putEnds(ends: readonly EndedHold[]): void {
    if (ends.length < MANY) for (const { id, ending, at, usage } of ends) this.end(id, ending, at, usage);
    else {
      const before = this.#seq;
      this.#seq += ends.length;
      // `value` is the member's own text where it is an object, and NULL where it is null.
      this.#write(
        `INSERT INTO ended (seq, id, ending, at, usage)
           SELECT ? + key, value ->> '$.id', value ->> '$.ending', value ->> '$.at', value -> '$.usage' FROM json_each(?)`,
        before + 1,
        JSON.stringify(ends),
      );
    }
  }

  putRow(usage: UsageRow): void {
    this.putRows([usage]);
  }

  putRows(rows: readonly UsageRow[]): void {
    for (let at = 0; at < rows.length; at += PARCEL) {
      this.#seq += 1;
      const text = JSON.stringify(rows.slice(at, at + PARCEL)).slice(1, -1);
      this.#write('INSERT INTO parcels (seq, usage) VALUES (?, ?)', this.#seq, text);
    }
  }

  generation(): number {
    return this.#generation;
  }

  setGeneration(generation: number): void {
    if (generation <= this.#generation) return;
    this.setNumber('generation', generation);
    this.#generation = generation;
  }

  isStopped(subject: string): boolean {
    return this.#stopped.has(subject);
  }

  stop(subject: string, now: number): void {
    this.#write('INSERT OR REPLACE INTO stopped (subject, at) VALUES (?, ?)', subject, now);
    this.#write('DELETE FROM stopped WHERE subject NOT IN (SELECT subject FROM stopped ORDER BY at DESC LIMIT ?)', MOST_STOPPED);
    this.#stopped = new Set(this.stopped());
  }

  /** What was stopped, the latest first. */
  stopped(): readonly string[] {
    return Array.from(this.#sql.exec<{ subject: string }>('SELECT subject FROM stopped ORDER BY at DESC'), ({ subject }) => subject);
  }

  tell(event: LedgerEvent): void {
    this.#write('INSERT INTO events (id, body) VALUES (?, ?)', `msg_${randomBase62(24)}`, JSON.stringify(event));
    this.#hasNews = true;
  }

  /** Whether anything was told since this was asked last. */
  takeNews(): boolean {
    const had = this.#hasNews;
    this.#hasNews = false;
    return had;
  }

  /** What has not gone out yet, in order. */
  waiting(most: number): readonly WaitingRows[] {
    const drained = this.number('drained');
    const query = `SELECT seq, usage FROM ended WHERE seq > ? UNION ALL SELECT seq, usage FROM parcels WHERE seq > ? ORDER BY seq LIMIT ?`;
    return this.#sql.exec<WaitingRows>(query, drained, drained, most).toArray();
  }

  hasWaiting(): boolean {
    return this.waiting(1).length > 0;
  }

  /** Notes that everything up to this one has gone out. */
  drained(seq: number): void {
    this.setNumber('drained', seq);
    this.#write('DELETE FROM parcels WHERE seq <= ?', seq);
  }

  /** Lets go of ends that have gone out and are older than `before`, and of meters that say nothing any more. */
  forget(before: number, now: number): void {
    this.#write('DELETE FROM ended WHERE seq <= ? AND at < ?', this.number('drained'), before);
    this.#write('DELETE FROM meters WHERE idle_at <= ? AND reserved = 0', now);
  }

  number(name: string): number {
    return this.#one<{ value: number }>('SELECT value FROM numbers WHERE name = ?', name)?.value ?? 0;
  }

  setNumber(name: string, value: number): void {
    this.#write('INSERT OR REPLACE INTO numbers (name, value) VALUES (?, ?)', name, value);
  }

  /** After an operation that was undone: the numbers as they are stored. */
  reload(): SqlStore {
    const store = new SqlStore(this.#sql);
    store.rowsWritten = this.rowsWritten;
    return store;
  }

  #remember(hold: Hold): void {
    this.#open?.set(hold.id, hold);
    if (this.#open !== undefined && this.#open.size > MOST_OPEN) this.#open = undefined;
  }

  #readOpen(): Map<string, Hold> | undefined {
    const rows = this.#sql.exec<{ body: string }>('SELECT body FROM holds LIMIT ?', MOST_OPEN + 1).toArray();
    return rows.length > MOST_OPEN ? undefined : new Map(rows.map(({ body }) => readHold(body)).map((hold) => [hold.id, hold]));
  }

  #write(query: string, ...bound: readonly SqlStorageValue[]): void {
    this.rowsWritten += this.#sql.exec(query, ...bound).rowsWritten;
  }

  #one<Row extends Record<string, SqlStorageValue>>(query: string, ...bound: readonly SqlStorageValue[]): Row | undefined {
    return this.#sql.exec<Row>(query, ...bound).toArray()[0];
  }
}

/** Objects that were made before the column was. */
const hasColumn = (sql: SqlStorage, table: string, column: string): boolean =>
  sql.exec('SELECT 1 FROM pragma_table_info(?) WHERE name = ?', table, column).toArray().length > 0;

const readTold = (told: string): readonly string[] => JSON.parse(told) as readonly string[];

/** Rows of account that lie together: some 100 KB, of which several go out in one statement. */
const PARCEL = 200;

/** Rows from which on one statement for all of them costs less than one for each. */
const MANY = 3;

/** Open holds that are remembered, about a kilobyte each. */
const MOST_OPEN = 5_000;

/** Stopped runs that are remembered: older ones have long ended. */
const MOST_STOPPED = 1_000;

/** It was written here: what the column holds is a hold. */
const readHold = (body: string): Hold => JSON.parse(body) as Hold;
const readProgress = (body: string): KeptProgress => JSON.parse(body) as KeptProgress;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS meters (
    key TEXT PRIMARY KEY,
    start INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    idle_at INTEGER,
    told TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    body TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS holds (
    id TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS progress (
    lease TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (lease, number)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ended (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    ending TEXT NOT NULL,
    at INTEGER NOT NULL,
    usage TEXT
  );
  CREATE TABLE IF NOT EXISTS parcels (
    seq INTEGER PRIMARY KEY,
    usage TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS stopped (
    subject TEXT PRIMARY KEY,
    at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS numbers (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
  ) WITHOUT ROWID;
`;
