import type { UsageRow } from '../../core/ledger/usage.ts';

/** Columns of D1's `usage`, and the field of a row that each one holds. */
const columns: { readonly [column: string]: keyof UsageRow } = {
  id: 'id',
  org: 'org',
  team: 'team',
  app: 'app',
  key_id: 'keyId',
  user: 'user',
  run: 'run',
  request_id: 'requestId',
  route: 'route',
  model: 'model',
  started_at: 'startedAt',
  ended_at: 'endedAt',
  input_tokens: 'input',
  output_tokens: 'output',
  cache_read_tokens: 'cacheRead',
  cache_write_tokens: 'cacheWrite',
  reasoning_tokens: 'reasoning',
  tool_calls: 'toolCalls',
  images: 'images',
  seconds: 'seconds',
  cost: 'cost',
  price_version: 'priceVersion',
  estimated: 'estimated',
  status: 'status',
};

/** D1 binds at most 100 parameters a statement, so the rows of a batch travel as one JSON parameter. */
const INSERT = `INSERT OR IGNORE INTO usage (${Object.keys(columns).join(', ')})
  SELECT ${Object.values(columns)
    .map((field) => `value ->> '$.${field}'`)
    .join(', ')} FROM json_each(?)`;

/** Writes rows, given as JSON texts, each once: one that is there already is left as it is. */
export async function insertUsage(db: D1Database, rows: readonly string[]): Promise<void> {
  await db
    .prepare(INSERT)
    .bind(`[${rows.join(',')}]`)
    .run();
}
