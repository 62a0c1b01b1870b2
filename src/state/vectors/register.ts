/** Names in one statement: developers.cloudflare.com/durable-objects/platform/limits allows 100 parameters. */
const NAMES = 90;

/**
 * What an owner has in an index that neither lets go of what has expired nor tells what it holds: names alone, so that
 * entries can be deleted there in time, or all together.
 */
export class Register {
  readonly #sql: SqlStorage;
  #count: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS registered (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        expires_at INTEGER NOT NULL
      );
      CREATE INDEX IF NOT EXISTS registered_by_expiry ON registered (expires_at);
    `);
    this.#count = sql.exec<{ count: number }>('SELECT COUNT(*) AS count FROM registered').one().count;
  }

  /** The names that must go for it where there are more than `most`, the oldest. */
  add(name: string, expiresAt: number, most: number): readonly string[] {
    this.delete([name]);
    this.#sql.exec('INSERT INTO registered (name, expires_at) VALUES (?, ?)', name, expiresAt);
    this.#count += 1;
    const gone = this.#count > most ? this.oldest(this.#count - most) : [];
    this.delete(gone);
    return gone;
  }

  delete(names: readonly string[]): void {
    for (let at = 0; at < names.length; at += NAMES) {
      const some = names.slice(at, at + NAMES);
      const marks = some.map(() => '?').join(', ');
      const rows = this.#sql.exec<{ name: string }>(`DELETE FROM registered WHERE name IN (${marks}) RETURNING name`, ...some).toArray();
      this.#count -= rows.length;
    }
  }

  expired(now: number, most: number): readonly string[] {
    return this.#names('SELECT name FROM registered WHERE expires_at <= ? ORDER BY expires_at LIMIT ?', now, most);
  }

  oldest(most: number): readonly string[] {
    return this.#names('SELECT name FROM registered ORDER BY seq LIMIT ?', most);
  }

  nextEnd(): number | undefined {
    return this.#sql.exec<{ at: number | null }>('SELECT MIN(expires_at) AS at FROM registered').one().at ?? undefined;
  }

  #names(text: string, ...values: readonly number[]): readonly string[] {
    return [...this.#sql.exec<{ name: string }>(text, ...values)].map(({ name }) => name);
  }
}
