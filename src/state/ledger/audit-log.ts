import { AUDIT_START, type AuditEntry, type AuditEvent, type AuditHead, appended } from '../../core/ledger/audit.ts';

export interface AuditPage {
  /** Newest first. */
  readonly items: readonly AuditEntry[];
  /** `before` of the next page; `null` on the last. */
  readonly next: number | null;
}

/** The audit of one organisation: a chain of hashes, which grows at its end and nowhere else. */
export class AuditLog {
  readonly #sql: SqlStorage;
  /** Appending waits for the one before: between reading the chain's end and writing the next entry a hash is made. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  append(event: AuditEvent, at: number): Promise<AuditEntry> {
    const entry = this.#last.then(() => this.#append(event, at));
    // A failure is told to who asked; those who come after go on from the end as it is.
    this.#last = entry.catch(() => undefined);
    return entry;
  }

  async #append(event: AuditEvent, at: number): Promise<AuditEntry> {
    const entry = await appended(this.head(), event, at);
    this.#sql.exec('INSERT INTO audit (seq, hash, entry) VALUES (?, ?, ?)', entry.seq, entry.hash, JSON.stringify(entry));
    return entry;
  }

  head(): AuditHead {
    const [row] = this.#sql.exec<{ seq: number; hash: string }>('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1').toArray();
    return row ?? AUDIT_START;
  }

  /** Entries before a number, newest first. */
  page(before: number | undefined, limit: number): AuditPage {
    const rows = this.#sql
      .exec<{ entry: string }>(
        'SELECT entry FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?',
        before ?? Number.MAX_SAFE_INTEGER,
        Math.min(Math.max(1, limit), MOST_ENTRIES),
      )
      .toArray();
    const items = rows.map(({ entry }) => JSON.parse(entry) as AuditEntry);
    const last = items.at(-1);
    return { items, next: last === undefined || last.seq === 1 ? null : last.seq };
  }
}

/** Entries of one page at most. */
const MOST_ENTRIES = 1_000;
