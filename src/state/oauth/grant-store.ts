import type { GrantKv } from './provider.ts';

/** Milliseconds for which who refreshed twice at once gets the same successor (RFC 9700 section 4.14.2 leaves it to the server). */
export const GRACE = 10_000;
/** Refreshes that are remembered of one family: an hour each, years of them. The oldest are forgotten first. */
const MOST_USED = 4_000;

interface Used {
  readonly usedAt: number;
  /** Of all that was asked: only the very same request is answered again. */
  readonly asked: string;
  readonly answer: Uint8Array | undefined;
}

/**
 * What one object keeps: a grant with its access tokens, as the library writes them, and which of its refresh tokens were
 * used. Every method is one synchronous turn. Tables are made when there is something to keep.
 */
export class GrantStore {
  readonly #sql: SqlStorage;
  #hasTables: boolean | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  read(key: string, now: number): string | undefined {
    if (!this.#exists()) return undefined;
    const rows = this.#sql.exec<{ value: string }>('SELECT value FROM entries WHERE key = ? AND expires_at > ?', key, now);
    return [...rows][0]?.value;
  }

  /** When the last of these entries ends that are there still; `undefined` where none is, or the first is missing before its time. */
  endOf([token, grant]: readonly [token: string, grant: string], tokenEnds: number, now: number): number | undefined {
    if (!this.#exists()) return undefined;
    const rows = this.#sql.exec<{ key: string; expires_at: number }>(
      'SELECT key, expires_at FROM entries WHERE key IN (?, ?) AND expires_at > ?',
      token,
      grant,
      now,
    );
    const found = [...rows];
    if (found.length === 0 || (now < tokenEnds && !found.some(({ key }) => key === token))) return undefined;
    return Math.max(...found.map(({ expires_at }) => expires_at));
  }

  /** `expiresAt`: milliseconds since the epoch. */
  write(key: string, value: string, expiresAt: number): void {
    this.#make();
    this.#sql.exec('INSERT OR REPLACE INTO entries (key, value, expires_at) VALUES (?, ?, ?)', key, value, expiresAt);
  }

  remove(key: string): void {
    if (this.#exists()) this.#sql.exec('DELETE FROM entries WHERE key = ?', key);
  }

  names(prefix: string): readonly string[] {
    if (!this.#exists()) return [];
    const rows = this.#sql.exec<{ key: string }>('SELECT key FROM entries WHERE substr(key, 1, ?) = ?', prefix.length, prefix);
    return [...rows].map(({ key }) => key);
  }

  /** Puts down a name that may be put down once. Whether it was the first time. */
  take(name: string, expiresAt: number): boolean {
    this.#make();
    const { rowsWritten } = this.#sql.exec('INSERT OR IGNORE INTO entries (key, value, expires_at) VALUES (?, ?, ?)', name, '', expiresAt);
    return rowsWritten > 0;
  }

  used(token: string): Used | undefined {
    if (!this.#exists()) return undefined;
    const rows = this.#sql.exec<{ used_at: number; asked: string; answer: ArrayBuffer | null }>(
      'SELECT used_at, asked, answer FROM refreshes WHERE token = ?',
      token,
    );
    const [row] = [...rows];
    if (row === undefined) return undefined;
    return { usedAt: row.used_at, asked: row.asked, answer: row.answer === null ? undefined : new Uint8Array(row.answer) };
  }

  use(token: string, { usedAt, asked, answer }: Used): void {
    this.#make();
    this.#sql.exec('UPDATE refreshes SET answer = NULL WHERE answer IS NOT NULL AND used_at <= ?', usedAt - GRACE);
    this.#sql.exec(
      'INSERT OR REPLACE INTO refreshes (token, used_at, asked, answer) VALUES (?, ?, ?, ?)',
      token,
      usedAt,
      asked,
      answer === undefined ? null : answer.slice().buffer,
    );
    this.#sql.exec('DELETE FROM refreshes WHERE rowid <= (SELECT MAX(rowid) FROM refreshes) - ?', MOST_USED);
  }

  /** Nothing of the grant holds any longer. */
  revoke(): void {
    if (!this.#exists()) return;
    this.#sql.exec('DELETE FROM entries');
    this.#sql.exec('DELETE FROM refreshes');
  }

  /** When the last of it ends, once what has ended is gone; `undefined` where nothing is left. */
  sweep(now: number): number | undefined {
    if (!this.#exists()) return undefined;
    this.#sql.exec('DELETE FROM entries WHERE expires_at <= ?', now);
    const [row] = [...this.#sql.exec<{ last: number | null }>('SELECT MAX(expires_at) AS last FROM entries')];
    return row?.last ?? undefined;
  }

  forget(): void {
    this.#hasTables = undefined;
  }

  #exists(): boolean {
    this.#hasTables ??= [...this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'entries'")].length > 0;
    return this.#hasTables;
  }

  #make(): void {
    if (this.#exists()) return;
    this.#sql.exec(`CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE refreshes (token TEXT PRIMARY KEY, used_at INTEGER NOT NULL, asked TEXT NOT NULL, answer BLOB);`);
    this.#hasTables = true;
  }
}

/** What the library keeps without an end of its own: a grant whose refresh token never expires. Ten years, in milliseconds. */
const NEVER = 10 * 365 * 86_400_000;

export const endOf = (options: { readonly expiration?: number; readonly expirationTtl?: number } | undefined, now: number): number => {
  if (options?.expiration !== undefined) return options.expiration * 1000;
  return now + (options?.expirationTtl === undefined ? NEVER : options.expirationTtl * 1000);
};

/** The grant as the library sees it inside its own object, and the one client that asks. */
export function localKv(
  store: GrantStore,
  client: { readonly id: string; readonly record: string } | undefined,
  now: () => number,
  kept: (expiresAt: number) => void,
): GrantKv {
  return {
    async get(key, options) {
      const value = client !== undefined && key === `client:${client.id}` ? client.record : store.read(key, now());
      if (value === undefined) return null;
      return options?.type === 'json' ? JSON.parse(value) : value;
    },
    async put(key, value, options) {
      if (key.startsWith('client:')) return;
      const end = endOf(options, now());
      store.write(key, value, end);
      kept(end);
    },
    async delete(key) {
      store.remove(key);
    },
    async list({ prefix = '' }) {
      return { keys: store.names(prefix).map((name) => ({ name })), list_complete: true };
    },
  };
}
