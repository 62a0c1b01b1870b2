import { AUDIT_START, type AuditEntry, type AuditEvent, type AuditHead, type AuditOutcome, appended } from '../../core/ledger/audit.ts';

/** Where a change takes effect: in one transaction of D1 with its row there, or anywhere else. */
export type ChangePlace = 'database' | 'elsewhere';

/** A change that was begun, and of which nobody has said how it ended. */
export interface OpenChange {
  readonly intent: AuditEntry;
  readonly place: ChangePlace;
}

/** The audit of one organisation: a chain of hashes, which grows at its end and nowhere else. */
export class AuditLog {
  readonly #storage: DurableObjectStorage;
  /** Appending waits for the one before: between reading the chain's end and writing the next entry a hash is made. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    storage.sql.exec(SCHEMA);
  }

  /** The same event again, of the same change, is answered with the entry that it has. An outcome needs its intent. */
  append(event: AuditEvent, at: number, place: ChangePlace = 'database'): Promise<AuditEntry> {
    const entry = this.#last.then(() => this.#append(event, at, place));
    // A failure is told to who asked; those who come after go on from the end as it is.
    this.#last = entry.catch(() => undefined);
    return entry;
  }

  /** An event that is its own whole: no intent was written before it, and nothing is left open by it. Again it is answered with the entry that it has. */
  appendWhole(event: AuditEvent, at: number): Promise<AuditEntry> {
    const entry = this.#last.then(async () => {
      const known = this.#one<ChangeRow>('SELECT intent, outcome FROM changes WHERE change = ?', event.change);
      if (known !== undefined) return this.#at(known.intent);
      const written = await appended(this.head(), event, at);
      this.#storage.transactionSync(() => {
        const { sql } = this.#storage;
        sql.exec('INSERT INTO audit (seq, hash, entry) VALUES (?, ?, ?)', written.seq, written.hash, JSON.stringify(written));
        sql.exec(
          "INSERT INTO changes (change, intent, outcome, at, place) VALUES (?, ?, ?, ?, 'elsewhere')",
          ...[event.change, written.seq, written.seq, at],
        );
      });
      return written;
    });
    this.#last = entry.catch(() => undefined);
    return entry;
  }

  async #append(event: AuditEvent, at: number, place: ChangePlace): Promise<AuditEntry> {
    const { change, phase } = event;
    const known = this.#one<ChangeRow>('SELECT intent, outcome FROM changes WHERE change = ?', change);
    if (phase !== 'intent' && known === undefined) throw new RangeError(`The change ${change} was never begun`);
    const told = phase === 'intent' ? known?.intent : known?.outcome;
    if (told !== undefined && told !== null) return this.#at(told);
    const entry = await appended(this.head(), event, at);
    this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      sql.exec('INSERT INTO audit (seq, hash, entry) VALUES (?, ?, ?)', entry.seq, entry.hash, JSON.stringify(entry));
      if (phase === 'intent') {
        sql.exec('INSERT INTO changes (change, intent, at, place) VALUES (?, ?, ?, ?)', change, entry.seq, at, place);
      } else {
        sql.exec('UPDATE changes SET outcome = ? WHERE change = ?', entry.seq, change);
      }
    });
    return entry;
  }

  /** Says how a change ended that was begun here. */
  end({ intent }: OpenChange, actor: string, phase: AuditOutcome, at: number): Promise<AuditEntry> {
    const { chain, action, subject, change, seq } = intent;
    return this.append({ chain, actor, action, subject, change, phase, detail: { intent: seq } }, at);
  }

  /** Changes that were begun before then and have not ended, oldest first. */
  open(before: number, most: number): readonly OpenChange[] {
    const rows = this.#storage.sql.exec<{ entry: string; place: ChangePlace }>(
      `SELECT entry, place FROM changes JOIN audit ON seq = intent WHERE outcome IS NULL AND at <= ? ORDER BY intent LIMIT ?`,
      before,
      most,
    );
    return Array.from(rows, ({ entry, place }) => ({ intent: readEntry(entry), place }));
  }

  /** When the oldest of those began; `undefined` where all have ended. */
  openSince(): number | undefined {
    return this.#one<{ at: number | null }>('SELECT MIN(at) AS at FROM changes WHERE outcome IS NULL')?.at ?? undefined;
  }

  head(): AuditHead {
    return this.#one<{ seq: number; hash: string }>('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1') ?? AUDIT_START;
  }

  /** Entries after a number, oldest first. */
  after(seq: number, limit: number): readonly AuditEntry[] {
    const rows = this.#storage.sql.exec<{ entry: string }>(
      'SELECT entry FROM audit WHERE seq > ? ORDER BY seq LIMIT ?',
      seq,
      Math.min(Math.max(1, limit), MOST_ENTRIES),
    );
    return Array.from(rows, ({ entry }) => readEntry(entry));
  }

  #at(seq: number): AuditEntry {
    const row = this.#one<{ entry: string }>('SELECT entry FROM audit WHERE seq = ?', seq);
    if (row === undefined) throw new RangeError(`The audit has no entry ${seq}`);
    return readEntry(row.entry);
  }

  #one<Row extends Record<string, SqlStorageValue>>(query: string, ...bound: readonly SqlStorageValue[]): Row | undefined {
    return this.#storage.sql.exec<Row>(query, ...bound).toArray()[0];
  }
}

/** It was written here: what the column holds is an entry. */
const readEntry = (text: string): AuditEntry => JSON.parse(text) as AuditEntry;

/** Entries of one page at most. */
const MOST_ENTRIES = 1_000;

type ChangeRow = { readonly intent: number; readonly outcome: number | null };

const SCHEMA = `
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
  CREATE TABLE IF NOT EXISTS changes (
    change TEXT PRIMARY KEY,
    intent INTEGER NOT NULL,
    outcome INTEGER,
    at INTEGER NOT NULL,
    place TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS changes_open ON changes (at) WHERE outcome IS NULL;
`;
