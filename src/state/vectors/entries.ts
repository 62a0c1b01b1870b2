import type { Rows } from './rows.ts';
import { type Gone, StoredRows } from './stored-rows.ts';

/** An entry as it is stored. Names and content are unreadable here: `owner-seal.ts` makes them. */
export interface SealedVector {
  readonly name: string;
  /** All vectors of one are of one length. */
  readonly partition: string;
  readonly vector: Int8Array;
  readonly sealed: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What one owner may keep at most; beyond it the oldest entries go. */
export interface VectorRoom {
  readonly entries: number;
  /** Of vectors, one byte for a number. */
  readonly bytes: number;
}

interface Known extends Gone {
  readonly [column: string]: SqlStorageValue;
}

/** Where there is no room, one entry of so many goes at once: what is packed is written anew for it. */
const AT_ONCE = 64;

/**
 * The entries of one owner in its storage. Vectors stand apart from what belongs to them: a partition is read whole when
 * it is first asked, and of what was found, the content by its number.
 */
export class Entries {
  readonly #sql: SqlStorage;
  readonly #rows: StoredRows;
  #count: number;
  #bytes: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS entries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        partition TEXT NOT NULL,
        dimensions INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        sealed BLOB NOT NULL
      );
      CREATE INDEX IF NOT EXISTS entries_by_expiry ON entries (expires_at, dimensions);
    `);
    this.#rows = new StoredRows(sql);
    const row = sql.exec<{ count: number; bytes: number }>('SELECT COUNT(*) AS count, TOTAL(dimensions) AS bytes FROM entries').one();
    this.#count = row.count;
    this.#bytes = row.bytes;
  }

  get size(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#count, bytes: this.#bytes };
  }

  /** The number of a new entry, and what had to go for it: the one of the same name, and the oldest where there is no room. */
  put(entry: SealedVector, room: VectorRoom): { readonly seq: number; readonly gone: readonly Gone[] } {
    const { name, partition, vector, sealed, expiresAt } = entry;
    const replaced = this.delete([name]);
    const { seq } = this.#sql
      .exec<{ seq: number }>(
        'INSERT INTO entries (name, partition, dimensions, expires_at, sealed) VALUES (?, ?, ?, ?, ?) RETURNING seq',
        name,
        partition,
        vector.length,
        expiresAt,
        sealed,
      )
      .one();
    this.#rows.add(partition, seq, expiresAt, vector);
    this.#count += 1;
    this.#bytes += vector.length;
    return { seq, gone: [...replaced, ...this.#makeRoom(room)] };
  }

  delete(names: readonly string[]): readonly Gone[] {
    return this.#drop(
      names.flatMap((name) => [...this.#sql.exec<Known>('SELECT seq, partition, dimensions FROM entries WHERE name = ?', name)]),
    );
  }

  /** Of the expired those that expired first, `most` at most. */
  deleteExpired(now: number, most: number): readonly Gone[] {
    const text = 'SELECT seq, partition, dimensions FROM entries WHERE expires_at <= ? ORDER BY expires_at LIMIT ?';
    return this.#drop([...this.#sql.exec<Known>(text, now, most)]);
  }

  /** When the next entry expires; `undefined` where there is none. */
  nextEnd(): number | undefined {
    return this.#sql.exec<{ at: number | null }>('SELECT MIN(expires_at) AS at FROM entries').one().at ?? undefined;
  }

  /** The vectors of a partition, some at a time. */
  rows(partition: string, dimensions: number): Iterable<Rows> {
    return this.#rows.of(partition, dimensions);
  }

  /** What belongs to an entry; `undefined` where it is gone. */
  content(seq: number): { readonly name: string; readonly sealed: Uint8Array } | undefined {
    const [row] = this.#sql.exec<{ name: string; sealed: ArrayBuffer }>('SELECT name, sealed FROM entries WHERE seq = ?', seq);
    return row === undefined ? undefined : { name: row.name, sealed: new Uint8Array(row.sealed) };
  }

  #makeRoom({ entries, bytes }: VectorRoom): readonly Gone[] {
    if (this.#count <= entries && this.#bytes <= bytes) return [];
    const most = { entries: entries - Math.floor(entries / AT_ONCE), bytes: bytes - Math.floor(bytes / AT_ONCE) };
    const oldest: Known[] = [];
    let { entries: count, bytes: sum } = this.size;
    for (const row of this.#sql.exec<Known>('SELECT seq, partition, dimensions FROM entries ORDER BY seq LIMIT ?', count - 1)) {
      if (count <= most.entries && sum <= most.bytes) break;
      oldest.push(row);
      count -= 1;
      sum -= row.dimensions;
    }
    return this.#drop(oldest);
  }

  #drop(gone: readonly Known[]): readonly Gone[] {
    for (const { seq, dimensions } of gone) {
      this.#sql.exec('DELETE FROM entries WHERE seq = ?', seq);
      this.#count -= 1;
      this.#bytes -= dimensions;
    }
    this.#rows.delete(gone);
    return gone;
  }
}
