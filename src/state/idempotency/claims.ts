import type { Clock, KeptRoom } from '../../core/ports.ts';

/** What a key is to a call that brings it. Content is unreadable here: `sealed.ts` seals it. */
export type SealedVerdict =
  | { readonly state: 'new' | 'running' | 'unkept' | 'mismatch' }
  | { readonly state: 'done'; readonly sealed: Uint8Array };

/** A value of SQLite storage may have 2 MB: developers.cloudflare.com/durable-objects/platform/limits. */
const PIECE = 1024 * 1024;

interface Row {
  readonly [column: string]: SqlStorageValue;
  readonly fingerprint: string;
  readonly state: 'running' | 'done' | 'unkept';
  readonly holder: string;
  readonly until: number;
}

/**
 * The keys of one owner, in the owner's own storage. Every method is one turn that nothing comes between, which is why
 * a key is never held by two. `until`: the end of the lease of a call that runs, of the memory of one that ended.
 */
export class Claims {
  readonly #sql: SqlStorage;
  readonly #clock: Clock;

  constructor(sql: SqlStorage, clock: Clock) {
    this.#sql = sql;
    this.#clock = clock;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS claims (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        fingerprint TEXT NOT NULL,
        state TEXT NOT NULL,
        holder TEXT NOT NULL,
        until INTEGER NOT NULL,
        bytes INTEGER NOT NULL
      );
      CREATE INDEX IF NOT EXISTS claims_by_end ON claims (until);
      CREATE TABLE IF NOT EXISTS answer_pieces (
        name TEXT NOT NULL,
        part INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (name, part)
      ) WITHOUT ROWID;
    `);
  }

  claim(name: string, fingerprint: string, holder: string, lease: number): SealedVerdict {
    const row = this.#row(name);
    if (row !== undefined && row.until > this.#clock.now()) {
      if (row.fingerprint !== fingerprint) return { state: 'mismatch' };
      if (row.state === 'done') return { state: 'done', sealed: this.#sealed(name) };
      // The same call asks once more where its first question was not heard to be answered.
      if (row.state !== 'running' || row.holder !== holder) return { state: row.state };
    }
    this.#drop(name);
    this.#sql.exec(
      "INSERT INTO claims (name, fingerprint, state, holder, until, bytes) VALUES (?, ?, 'running', ?, ?, 0)",
      name,
      fingerprint,
      holder,
      this.#clock.now() + lease,
    );
    return { state: 'new' };
  }

  /** Milliseconds for which the call that holds the key holds it yet; 0 where none does. */
  leaseLeft(name: string): number {
    const row = this.#row(name);
    return row?.state === 'running' ? Math.max(0, row.until - this.#clock.now()) : 0;
  }

  /** False where somebody else has the key, or nobody. */
  renew(name: string, holder: string, lease: number): boolean {
    if (!this.#isHeld(name, holder)) return false;
    this.#sql.exec('UPDATE claims SET until = ? WHERE name = ?', this.#clock.now() + lease, name);
    return true;
  }

  /** The answer, in the place of the claim; the oldest answers go where there is no room for all. False as of `renew`. */
  keep(name: string, holder: string, sealed: Uint8Array | undefined, keepFor: number, room: KeptRoom): boolean {
    if (!this.#isHeld(name, holder)) return false;
    const bytes = sealed ?? new Uint8Array(0);
    this.#sql.exec(
      'UPDATE claims SET state = ?, until = ?, bytes = ? WHERE name = ?',
      sealed === undefined ? 'unkept' : 'done',
      this.#clock.now() + keepFor,
      bytes.length,
      name,
    );
    for (let part = 0; part * PIECE < bytes.length; part++) {
      const piece = bytes.slice(part * PIECE, (part + 1) * PIECE);
      this.#sql.exec('INSERT INTO answer_pieces (name, part, sealed) VALUES (?, ?, ?)', name, part, piece.buffer);
    }
    this.#makeRoom(room);
    return true;
  }

  release(name: string, holder: string): boolean {
    if (!this.#isHeld(name, holder)) return false;
    this.#drop(name);
    return true;
  }

  /** Deletes what is over. */
  sweep(): void {
    const over = [...this.#sql.exec<{ name: string }>('SELECT name FROM claims WHERE until <= ?', this.#clock.now())];
    for (const { name } of over) this.#drop(name);
  }

  /** When the next one is over, in milliseconds since the epoch; `undefined` where there is none. */
  nextEnd(): number | undefined {
    const [row] = [...this.#sql.exec<{ at: number | null }>('SELECT MIN(until) AS at FROM claims')];
    return row?.at ?? undefined;
  }

  /** What is there, in numbers. */
  size(): { readonly items: number; readonly bytes: number } {
    const [row] = [...this.#sql.exec<{ items: number; bytes: number }>('SELECT COUNT(*) AS items, TOTAL(bytes) AS bytes FROM claims')];
    return row ?? { items: 0, bytes: 0 };
  }

  #row(name: string): Row | undefined {
    return [...this.#sql.exec<Row>('SELECT fingerprint, state, holder, until FROM claims WHERE name = ?', name)][0];
  }

  /** Also of a lease that has run out, as long as nobody else has taken the key since. */
  #isHeld(name: string, holder: string): boolean {
    const row = this.#row(name);
    return row?.state === 'running' && row.holder === holder;
  }

  #sealed(name: string): Uint8Array {
    const pieces = [...this.#sql.exec<{ sealed: ArrayBuffer }>('SELECT sealed FROM answer_pieces WHERE name = ? ORDER BY part', name)];
    const whole = new Uint8Array(pieces.reduce((sum, { sealed }) => sum + sealed.byteLength, 0));
    let at = 0;
    for (const { sealed } of pieces) {
      whole.set(new Uint8Array(sealed), at);
      at += sealed.byteLength;
    }
    return whole;
  }

  #drop(name: string): void {
    this.#sql.exec('DELETE FROM answer_pieces WHERE name = ?', name);
    this.#sql.exec('DELETE FROM claims WHERE name = ?', name);
  }

  /** A call that runs keeps its key, however many there are. */
  #makeRoom(room: KeptRoom): void {
    let { items, bytes } = this.size();
    if (items <= room.items && bytes <= room.bytes) return;
    const oldest = [
      ...this.#sql.exec<{ name: string; bytes: number }>("SELECT name, bytes FROM claims WHERE state <> 'running' ORDER BY seq"),
    ];
    for (const row of oldest) {
      if (items <= room.items && bytes <= room.bytes) return;
      this.#drop(row.name);
      items -= 1;
      bytes -= row.bytes;
    }
  }
}
