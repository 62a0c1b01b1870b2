/** Milliseconds for which a client is kept that has never had a token: long enough to sign in. */
const UNUSED_FOR = 86_400_000;
/** Milliseconds for which one is kept after its last token. */
const USED_FOR = 90 * 86_400_000;
/** Milliseconds between two notes that it is in use. */
const NOTE_EVERY = 86_400_000;
/** Clients at most. Those that never had a token make room for new ones. */
export const MOST_CLIENTS = 1_000;

export interface Registered {
  readonly id: string;
  /** As the library keeps it. */
  readonly record: string;
  /** What was answered to who registered it; only of clients without a secret. */
  readonly answer?: string;
  /** Of what was registered, where the same again is the same client. */
  readonly digest?: string;
}

/** Clients that registered themselves (RFC 7591). Every method is one synchronous turn. */
export class ClientRegistry {
  readonly #sql: SqlStorage;
  readonly #most: number;

  constructor(sql: SqlStorage, most = MOST_CLIENTS) {
    this.#sql = sql;
    this.#most = most;
    sql.exec(`CREATE TABLE IF NOT EXISTS clients (
      id TEXT PRIMARY KEY, digest TEXT UNIQUE, record TEXT NOT NULL, answer TEXT, made_at INTEGER NOT NULL, used_at INTEGER,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS clients_by_end ON clients (expires_at);`);
  }

  /** The answer that the same registration had before; `undefined` where there is none. */
  same(digest: string, now: number): string | undefined {
    const rows = this.#sql.exec<{ answer: string | null }>('SELECT answer FROM clients WHERE digest = ? AND expires_at > ?', digest, now);
    return [...rows][0]?.answer ?? undefined;
  }

  /** What is to be answered: of two that are the same the first stays. `undefined` where there is no room. */
  register({ id, record, answer, digest }: Registered, now: number): string | undefined {
    const before = digest === undefined ? undefined : this.same(digest, now);
    if (before !== undefined) return before;
    this.#sql.exec('DELETE FROM clients WHERE expires_at <= ? OR digest = ?', now, digest ?? null);
    if (this.count() >= this.#most && !this.#makeRoom()) return undefined;
    this.#sql.exec(
      'INSERT INTO clients (id, digest, record, answer, made_at, used_at, expires_at) VALUES (?, ?, ?, ?, ?, NULL, ?)',
      id,
      digest ?? null,
      record,
      answer ?? null,
      now,
      now + UNUSED_FOR,
    );
    return answer ?? '';
  }

  find(id: string, now: number): string | undefined {
    const rows = this.#sql.exec<{ record: string }>('SELECT record FROM clients WHERE id = ? AND expires_at > ?', id, now);
    return [...rows][0]?.record;
  }

  /** It has been given a token. */
  note(id: string, now: number): void {
    this.#sql.exec(
      'UPDATE clients SET used_at = ?, expires_at = ? WHERE id = ? AND (used_at IS NULL OR used_at <= ?)',
      now,
      now + USED_FOR,
      id,
      now - NOTE_EVERY,
    );
  }

  count(): number {
    const [row] = [...this.#sql.exec<{ count: number }>('SELECT COUNT(*) AS count FROM clients')];
    return row?.count ?? 0;
  }

  /** Whoever floods the registry loses what it registered itself: the oldest that nobody ever signed in with. */
  #makeRoom(): boolean {
    const { rowsWritten } = this.#sql.exec(
      'DELETE FROM clients WHERE id = (SELECT id FROM clients WHERE used_at IS NULL ORDER BY made_at, id LIMIT 1)',
    );
    return rowsWritten > 0;
  }
}
