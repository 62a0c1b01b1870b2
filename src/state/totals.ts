/** Upper bounds of the histograms, in milliseconds. Stored counts are by their place in this list: bounds are added at its end or not at all. */
export const BOUNDS_MS = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000] as const;

/** Rows of `totals` beyond which a model that has none yet is counted as `other`: callers may invent names for as long as a provider takes them. */
export const MOST_TOTALS = 1_000;

/** What the requests of one route, dialect, model, status and error came to. */
export interface Totals {
  readonly route: string;
  readonly dialect: string;
  /** `provider/model` that served, and `''` where nothing did. */
  readonly model: string;
  readonly status: string;
  readonly error: string;
  readonly requests: number;
  readonly attempts: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_write_tokens: number;
  readonly reasoning_tokens: number;
  readonly tool_calls: number;
  /** Nano-dollars, as decimal digits: it may be more than a number holds exactly. */
  readonly cost: string;
  readonly unpriced: number;
  /** Calls that were given an answer again, and those that would have been. */
  readonly cache_hits: number;
  readonly cache_misses: number;
  /** Nano-dollars, as the next two: what providers' own caches of prompts saved, and what writing to them cost on top. */
  readonly cache_saved: number;
  readonly prompt_cache_saved: number;
  readonly prompt_cache_surcharge: number;
  readonly duration_ms: number;
  /** For each of `BOUNDS_MS` how many lasted no longer. */
  readonly durations: readonly number[];
  readonly first_tokens: number;
  readonly first_token_ms: number;
  readonly first_token_waits: readonly number[];
}

const LABELS = ['route', 'dialect', 'model', 'status', 'error'] as const;

/** What is summed, and of what. */
const SUMS = {
  requests: '1',
  attempts: 'attempts',
  input_tokens: 'input_tokens',
  output_tokens: 'output_tokens',
  cache_read_tokens: 'cache_read_tokens',
  cache_write_tokens: 'cache_write_tokens',
  reasoning_tokens: 'reasoning_tokens',
  tool_calls: 'tool_calls',
  cost: 'cost',
  unpriced: "(model <> '' AND cost IS NULL)",
  cache_hits: 'IFNULL(cache_hit = 1, 0)',
  cache_misses: 'IFNULL(cache_hit = 0, 0)',
  cache_saved: 'CAST(ROUND(IFNULL(cache_saved, 0) * 1e9) AS INTEGER)',
  prompt_cache_saved: 'CAST(ROUND(IFNULL(prompt_cache_saved, 0) * 1e9) AS INTEGER)',
  prompt_cache_surcharge: 'CAST(ROUND(IFNULL(prompt_cache_surcharge, 0) * 1e9) AS INTEGER)',
  duration_ms: 'duration_ms',
  first_tokens: '(first_token_ms IS NOT NULL)',
  first_token_ms: 'first_token_ms',
} as const;
const HISTOGRAMS = { durations: 'duration_ms', first_token_waits: 'first_token_ms' } as const;

const sums = Object.keys(SUMS);
const histograms = Object.keys(HISTOGRAMS);
const labels = LABELS.join(', ');

/** What the row of JSON holds that is summed; SQLite's JSON holds no type that a column would give. */
const READ = ['attempts', 'input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens', 'reasoning_tokens']
  .concat(['tool_calls', 'cost', 'duration_ms', 'first_token_ms'])
  .map((column) => `value ->> '$.${column}' AS ${column}`)
  // The row's facts are JSON in a text.
  .concat(["(value ->> '$.facts') ->> '$.cache.hit' AS cache_hit", "(value ->> '$.facts') ->> '$.cache.saved' AS cache_saved"])
  .concat(['saved', 'surcharge'].map((part) => `(value ->> '$.facts') ->> '$.promptCache.${part}' AS prompt_cache_${part}`))
  .join(', ');

const histogramOf = (column: string) => `json_array(${BOUNDS_MS.map((bound) => `IFNULL(SUM(${column} <= ${bound}), 0)`).join(', ')})`;

/** Two lists of counts, added place by place. */
const addedUp = (column: string) => `${column} = (SELECT json_group_array(old.value + new.value)
    FROM json_each(totals.${column}) AS old JOIN json_each(excluded.${column}) AS new ON new.key = old.key)`;

/**
 * The rows of a batch, sent as one JSON parameter, since D1 binds at most 100 to a statement. Materialised, or SQLite would
 * write each row out and parse it again for every column that is read of it: that is three times the work.
 */
export const SENT = 'sent AS MATERIALIZED (SELECT value FROM json_each(?))';

/**
 * Adds the rows of one JSON parameter, each of which must be there once, save those that the log holds already: run
 * before the rows are written, in the same transaction.
 */
export const ADD_TOTALS = `
INSERT INTO totals (${labels}, ${[...sums, ...histograms].join(', ')})
WITH ${SENT},
fresh AS (
  SELECT value ->> '$.route' AS route, IFNULL(value ->> '$.dialect', '') AS dialect, IFNULL(value ->> '$.served_model', '') AS model,
    value ->> '$.status' AS status, IFNULL(value ->> '$.error_code', '') AS error, ${READ}
  FROM sent WHERE NOT EXISTS (SELECT 1 FROM requests WHERE id = value ->> '$.id')
),
grouped AS (
  SELECT ${labels}, ${Object.entries(SUMS)
    .map(([name, of]) => `IFNULL(SUM(${of}), 0) AS ${name}`)
    .join(', ')}, ${Object.entries(HISTOGRAMS)
    .map(([name, of]) => `${histogramOf(of)} AS ${name}`)
    .join(', ')}
  FROM fresh GROUP BY ${labels}
),
placed AS (
  SELECT *, EXISTS (SELECT 1 FROM totals AS t WHERE ${LABELS.map((label) => `t.${label} = g.${label}`).join(' AND ')}) AS known
  FROM grouped AS g
)
SELECT route, dialect,
  CASE WHEN known OR model = '' OR ROW_NUMBER() OVER (PARTITION BY known) + (SELECT COUNT(*) FROM totals) <= ${MOST_TOTALS}
    THEN model ELSE substr(model, 1, instr(model, '/')) || 'other' END,
  status, error, ${[...sums, ...histograms].join(', ')}
FROM placed WHERE true
ON CONFLICT (${labels}) DO UPDATE SET
  ${[...sums.map((name) => `${name} = ${name} + excluded.${name}`), ...histograms.map(addedUp)].join(',\n  ')}`;

interface TotalsRow extends Omit<Totals, 'durations' | 'first_token_waits'> {
  readonly durations: string;
  readonly first_token_waits: string;
}

/** Every row of `totals`, and the counts that belong to no request. */
export async function readTotals(db: D1Database): Promise<{ readonly totals: readonly Totals[]; readonly rowsDropped: number }> {
  const others = sums.filter((name) => name !== 'cost').join(', ');
  const [rows, counters] = await db.batch<TotalsRow | { readonly value: number }>([
    db.prepare(`SELECT ${labels}, ${others}, CAST(cost AS TEXT) AS cost, ${histograms.join(', ')} FROM totals ORDER BY ${labels}`),
    db.prepare('SELECT value FROM counters WHERE name = ?').bind(ROWS_DROPPED),
  ]);
  const [counter] = counters?.results ?? [];
  return {
    totals: (rows?.results ?? []).flatMap((row) => ('route' in row ? [totalsOf(row)] : [])),
    rowsDropped: counter !== undefined && 'value' in counter ? counter.value : 0,
  };
}

const totalsOf = (row: TotalsRow): Totals => ({
  ...row,
  durations: countsOf(row.durations),
  first_token_waits: countsOf(row.first_token_waits),
});

function countsOf(text: string): readonly number[] {
  const counts: unknown = JSON.parse(text);
  if (!Array.isArray(counts)) throw new Error('a histogram of totals is no list');
  return counts.map(Number);
}

const ROWS_DROPPED = 'log_rows_dropped';

/** Counts rows that no isolate could write, once with the row of this id: also where the batch it stands in is sent again. */
export const ADD_DROPPED = `INSERT INTO counters (name, value)
  SELECT '${ROWS_DROPPED}', ? WHERE NOT EXISTS (SELECT 1 FROM requests WHERE id = ?)
  ON CONFLICT (name) DO UPDATE SET value = value + excluded.value`;
