import { readdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A row of D1's `usage`. */
export interface UsageRow {
  readonly id: string;
  readonly request_id: string;
  readonly key_id: string;
  readonly run: string | null;
  readonly status: string;
  readonly cost: number | null;
  readonly output_tokens: number | null;
  readonly estimated: number;
}

export interface StoredMeter {
  readonly key: string;
  readonly spent: number;
  readonly reserved: number;
}

/** What a ledger keeps, read from its file: not through the gateway. */
export interface StoredLedger {
  readonly meters: readonly StoredMeter[];
  readonly holds: readonly string[];
  /** What has not gone out: ends with a row, and rows that lie together. */
  readonly waiting: number;
}

/** The rows of account, from the file of the local D1. */
export const storedUsage = (stateDir: string): readonly UsageRow[] =>
  read(stateDir, 'd1', 'usage', (database) => all<UsageRow>(database, 'SELECT * FROM usage')) ?? [];

/** The one ledger that has counted anything; where there are several, the one that counts for `owner`, by its id. */
export function storedLedger(stateDir: string, owner = ''): StoredLedger {
  const found = read(stateDir, 'do', `meters WHERE key LIKE '%${owner}%'`, (database) => ({
    meters: all<StoredMeter>(database, 'SELECT key, spent, reserved FROM meters'),
    holds: all<{ id: string }>(database, 'SELECT id FROM holds').map(({ id }) => id),
    waiting: Number(all<{ n: number }>(database, WAITING)[0]?.n),
  }));
  if (found === undefined) throw new Error(`no ledger below ${stateDir} has counted anything`);
  return found;
}

const WAITING = `SELECT COUNT(*) AS n FROM (SELECT seq, usage FROM ended UNION ALL SELECT seq, usage FROM parcels)
  WHERE usage IS NOT NULL AND seq > COALESCE((SELECT value FROM numbers WHERE name = 'drained'), 0)`;

/** Asks the first database that has rows in a table, or such rows of it; `undefined` where none has any. */
function read<T>(stateDir: string, folder: string, table: string, question: (database: DatabaseSync) => T): T | undefined {
  const root = path.join(stateDir, 'v3', folder);
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.sqlite'));
  for (const name of found) {
    const database = new DatabaseSync(path.join(root, name), { readOnly: true });
    try {
      const tables = all(database, `SELECT name FROM sqlite_master WHERE type = 'table' AND name = '${table.split(' ')[0]}'`);
      if (tables.length > 0 && all(database, `SELECT 1 FROM ${table} LIMIT 1`).length > 0) return question(database);
    } finally {
      database.close();
    }
  }
  return undefined;
}

const all = <T>(database: DatabaseSync, query: string): T[] => database.prepare(query).all() as T[];
