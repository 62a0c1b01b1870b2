import { DurableObject } from 'cloudflare:workers';
import type { KeptRoom } from '../core/ports.ts';
import { systemClock } from './ports.ts';

/** One thing that is kept. Names and content are unreadable here: `state/continuity.ts` seals them. */
export interface SealedEntry {
  readonly name: string;
  readonly kind: string;
  /** The name of the entry this one follows or belongs to. */
  readonly parent: string | null;
  readonly sealed: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface StoredEntry {
  readonly name: string;
  readonly parent: string | null;
  readonly sealed: Uint8Array;
}

/** A value of SQLite storage may have 2 MB: developers.cloudflare.com/durable-objects/platform/limits. */
const PIECE = 1024 * 1024;
/** Milliseconds between two sweeps at least. */
const SWEEP_EVERY = 60_000;
/** Links that are followed at most; a conversation of more turns is refused rather than cut. */
const LONGEST_CHAIN = 1_000;
/** Names in one statement: developers.cloudflare.com/durable-objects/platform/limits allows 100 parameters. */
const NAMES = 90;

interface Row {
  readonly [column: string]: SqlStorageValue;
  readonly name: string;
  readonly parent: string | null;
}

/** What one owner has kept: one object for each, so that nobody's entries stand beside another's. */
export class Continuity extends DurableObject<object> {
  readonly #sql: SqlStorage;

  constructor(state: DurableObjectState, env: object) {
    super(state, env);
    this.#sql = state.storage.sql;
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS items (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        parent TEXT,
        bytes INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
      );
      CREATE INDEX IF NOT EXISTS items_by_parent ON items (parent, kind, seq);
      CREATE INDEX IF NOT EXISTS items_by_expiry ON items (expires_at);
      CREATE TABLE IF NOT EXISTS pieces (
        name TEXT NOT NULL,
        part INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (name, part)
      ) WITHOUT ROWID;
    `);
  }

  /** Keeps entries, in the place of those of the same name, and lets the oldest go where there is no room for all. */
  async put(entries: readonly SealedEntry[], room: KeptRoom): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      for (const entry of entries) this.#insert(entry);
      this.#makeRoom(room);
    });
    const [first] = [...this.#sql.exec<{ at: number | null }>('SELECT MIN(expires_at) AS at FROM items')];
    if (first?.at != null) await this.#sweepAt(first.at);
  }

  get(names: readonly string[]): StoredEntry[] {
    return this.#whole(
      slices(names).flatMap((some) => [
        ...this.#sql.exec<Row>(`SELECT name, parent FROM items WHERE name IN (${marks(some)}) AND expires_at > ?`, ...some, this.#now()),
      ]),
    );
  }

  /**
   * An entry and all that it follows, oldest first; `undefined` where one of them is gone. All of them live on until
   * `keepUntil` at least: a conversation that goes on does not lose its beginning.
   */
  chain(name: string, keepUntil: number): StoredEntry[] | undefined {
    const rows = [
      ...this.#sql.exec<Row>(
        `WITH RECURSIVE chain (name, parent, depth) AS (
           SELECT name, parent, 0 FROM items WHERE name = ? AND expires_at > ?
           UNION ALL
           SELECT items.name, items.parent, depth + 1 FROM items JOIN chain ON items.name = chain.parent
           WHERE items.expires_at > ? AND depth < ?
         ) SELECT name, parent FROM chain ORDER BY depth DESC`,
        name,
        this.#now(),
        this.#now(),
        LONGEST_CHAIN,
      ),
    ];
    if (rows.length === 0 || rows[0]?.parent !== null) return undefined;
    for (const some of slices(rows.map((row) => row.name))) {
      this.#sql.exec(`UPDATE items SET expires_at = ? WHERE expires_at < ? AND name IN (${marks(some)})`, keepUntil, keepUntil, ...some);
    }
    return this.#whole(rows);
  }

  /** The entries of a kind that belong to another, oldest first; they and the other live on until `keepUntil` at least. */
  children(parent: string, kind: string, keepUntil: number): StoredEntry[] {
    this.#sql.exec(
      'UPDATE items SET expires_at = ? WHERE expires_at BETWEEN ? AND ? AND (name = ? OR (parent = ? AND kind = ?))',
      keepUntil,
      this.#now() + 1,
      keepUntil - 1,
      parent,
      parent,
      kind,
    );
    const rows = this.#sql.exec<Row>(
      'SELECT name, parent FROM items WHERE parent = ? AND kind = ? AND expires_at > ? ORDER BY seq',
      parent,
      kind,
      this.#now(),
    );
    return this.#whole([...rows]);
  }

  /** Deletes entries, and where `kind` names one, those of that kind that belong to them. Returns how many of the named there were. */
  delete(names: readonly string[], kind: string | undefined): number {
    return this.ctx.storage.transactionSync(() => {
      let deleted = 0;
      for (const name of names) {
        if (kind !== undefined) {
          const belonging = [...this.#sql.exec<Row>('SELECT name, parent FROM items WHERE parent = ? AND kind = ?', name, kind)];
          for (const row of belonging) this.#drop(row.name);
        }
        deleted += this.#drop(name);
      }
      return deleted;
    });
  }

  /** What is kept, in numbers. */
  size(): { readonly items: number; readonly bytes: number } {
    const [row] = [...this.#sql.exec<{ items: number; bytes: number }>('SELECT COUNT(*) AS items, TOTAL(bytes) AS bytes FROM items')];
    return row ?? { items: 0, bytes: 0 };
  }

  override async alarm(): Promise<void> {
    const expired = [...this.#sql.exec<Row>('SELECT name, parent FROM items WHERE expires_at <= ?', this.#now())];
    this.ctx.storage.transactionSync(() => {
      for (const { name } of expired) this.#drop(name);
    });
    const [first] = [...this.#sql.exec<{ at: number | null }>('SELECT MIN(expires_at) AS at FROM items')];
    if (first?.at != null) await this.#sweepAt(first.at);
    // An object without storage costs nothing and is forgotten.
    else await this.ctx.storage.deleteAll();
  }

  async #sweepAt(at: number): Promise<void> {
    const planned = await this.ctx.storage.getAlarm();
    const next = Math.max(at, this.#now() + SWEEP_EVERY);
    if (planned === null || next < planned) await this.ctx.storage.setAlarm(next);
  }

  #insert({ name, kind, parent, sealed, expiresAt }: SealedEntry): void {
    this.#drop(name);
    this.#sql.exec(
      'INSERT INTO items (name, kind, parent, bytes, expires_at) VALUES (?, ?, ?, ?, ?)',
      name,
      kind,
      parent,
      sealed.length,
      expiresAt,
    );
    for (let part = 0; part * PIECE < sealed.length; part++) {
      const piece = sealed.slice(part * PIECE, (part + 1) * PIECE);
      this.#sql.exec('INSERT INTO pieces (name, part, sealed) VALUES (?, ?, ?)', name, part, piece.buffer);
    }
  }

  #drop(name: string): number {
    this.#sql.exec('DELETE FROM pieces WHERE name = ?', name);
    return this.#sql.exec('DELETE FROM items WHERE name = ?', name).rowsWritten > 0 ? 1 : 0;
  }

  #makeRoom(room: KeptRoom): void {
    let { items, bytes } = this.size();
    if (items <= room.items && bytes <= room.bytes) return;
    const oldest = [...this.#sql.exec<Row & { bytes: number }>('SELECT name, parent, bytes FROM items ORDER BY seq')];
    for (const row of oldest) {
      if (items <= room.items && bytes <= room.bytes) return;
      this.#drop(row.name);
      // What lacks a part of what belongs to it is not whole any more: better gone than told with a hole in it.
      if (row.parent !== null) this.#drop(row.parent);
      ({ items, bytes } = this.size());
    }
  }

  #whole(rows: readonly Row[]): StoredEntry[] {
    return rows.map(({ name, parent }) => {
      const pieces = [...this.#sql.exec<{ sealed: ArrayBuffer }>('SELECT sealed FROM pieces WHERE name = ? ORDER BY part', name)];
      return { name, parent, sealed: joined(pieces.map(({ sealed }) => new Uint8Array(sealed))) };
    });
  }

  #now(): number {
    return systemClock.now();
  }
}

const marks = (names: readonly string[]) => names.map(() => '?').join(', ');

function slices(names: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / NAMES) }, (_, at) => names.slice(at * NAMES, (at + 1) * NAMES));
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
