import { type Json, parseJson } from '../core/json.ts';
import { type Page, type PageRequest, pageOf, readCursor } from './paging.ts';
import { type Clause, conditionsOf, metadataPath, PROVIDER, type RecordFilters, where } from './record-filters.ts';

/** What calls may be summed by, and how a row says it. Periods are of UTC. */
const dimensions = {
  org: 'org',
  team: 'team',
  app: 'app',
  key: 'key_id',
  user: 'user',
  run: 'run',
  route: 'route',
  /** `provider/model` that served. */
  model: 'served_model',
  provider: PROVIDER,
  status: 'status',
  error: 'error_code',
  /** Of requests to MCP servers. */
  tool: 'mcp_tool',
  source: 'mcp_source',
  mcp_method: 'mcp_method',
  mcp_outcome: 'mcp_outcome',
  mcp_era: 'mcp_era',
  hour: "strftime('%Y-%m-%dT%H:00:00Z', started_at / 1000, 'unixepoch')",
  day: "strftime('%Y-%m-%d', started_at / 1000, 'unixepoch')",
  month: "strftime('%Y-%m', started_at / 1000, 'unixepoch')",
} as const;

export type PlainDimension = keyof typeof dimensions;
export const plainDimensions = Object.keys(dimensions);
export const isPlainDimension = (name: string): name is PlainDimension => Object.hasOwn(dimensions, name);

/** A column of the log, a period, or an entry of the metadata. */
export type Dimension = PlainDimension | { readonly metadata: string };

/** What the calls of one group came to. */
export interface UsageItem {
  /** In the order asked for; `null` where a call has none. Entries of the metadata keep their type. */
  readonly group: { readonly [dimension: string]: Json };
  readonly calls: number;
  /** Calls that ended with an error. */
  readonly errors: number;
  readonly attempts: number;
  readonly tokens: Tokens;
  /** Whose results the calls brought; `null` where no limit had any counted. */
  readonly toolCalls: number | null;
  /** Nano-dollars. */
  readonly cost: number;
  /** Calls that were served at no known price: `cost` lacks them. */
  readonly unpriced: number;
  /** Milliseconds until the last byte: half of the calls, and 95 of 100, took no longer. */
  readonly latency: { readonly p50: number; readonly p95: number };
}

/** Input holds what was read from and written to a cache, output holds reasoning. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly reasoning: number;
}

interface SumRow {
  readonly calls: number;
  readonly errors: number;
  readonly attempts: number;
  readonly input: number;
  readonly output: number;
  readonly cache_read: number;
  readonly cache_write: number;
  readonly reasoning: number;
  readonly tool_calls: number | null;
  readonly cost: number;
  readonly unpriced: number;
}

interface GroupRow extends SumRow {
  /** JSON list of the values of the dimensions. */
  readonly grouped: string;
  readonly p50: number;
  readonly p95: number;
}

/** The sums of calls, as columns of a statement over `requests`. */
export const SUMS = `COUNT(*) AS calls, SUM(error_code IS NOT NULL) AS errors, SUM(attempts) AS attempts,
  IFNULL(SUM(input_tokens), 0) AS input, IFNULL(SUM(output_tokens), 0) AS output,
  IFNULL(SUM(cache_read_tokens), 0) AS cache_read, IFNULL(SUM(cache_write_tokens), 0) AS cache_write,
  IFNULL(SUM(reasoning_tokens), 0) AS reasoning, SUM(tool_calls) AS tool_calls,
  IFNULL(SUM(cost), 0) AS cost, SUM(served_model IS NOT NULL AND cost IS NULL) AS unpriced`;

/** As `SUMS` gives them. */
export const sumsOf = (row: SumRow) => ({
  calls: row.calls,
  errors: row.errors,
  attempts: row.attempts,
  tokens: {
    input: row.input,
    output: row.output,
    cacheRead: row.cache_read,
    cacheWrite: row.cache_write,
    reasoning: row.reasoning,
  },
  toolCalls: row.tool_calls,
  cost: row.cost,
  unpriced: row.unpriced,
});
export type { SumRow };

/** The columns that are read of each call. */
const NEEDED = [
  'duration_ms',
  'error_code',
  'attempts',
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'tool_calls',
  'cost',
  'served_model',
].join(', ');

/** The value that a call has of a dimension, as JSON. */
export const columnOf = (dimension: Dimension): Clause =>
  typeof dimension === 'string'
    ? { sql: `json_quote(${dimensions[dimension]})`, bound: [] }
    : { sql: "IFNULL(metadata -> ?, 'null')", bound: [metadataPath(dimension.metadata)] };

export const isPeriod = (dimension: Dimension | undefined): boolean => dimension === 'hour' || dimension === 'day' || dimension === 'month';

export const nameOf = (dimension: Dimension): string => (typeof dimension === 'string' ? dimension : `metadata.${dimension.metadata}`);

/**
 * What calls came to, dearest first. Where a period is what they are summed by first, the newest period comes first, and
 * within it the dearest. Every call that the filters leave is read: a time should be among them. Throws
 * `invalid_request` on a cursor that is none.
 */
export async function reportUsage(
  db: D1Database,
  request: PageRequest & { readonly by: readonly Dimension[]; readonly filters: RecordFilters },
): Promise<Page<UsageItem>> {
  const { by, filters, limit } = request;
  const position = readCursor(request.cursor, ['string', 'number', 'string']);
  const values = by.map(columnOf);
  const narrowed = where(conditionsOf(filters));
  const period = isPeriod(by[0]) ? 'd0' : "''";
  const names = values.map((_, at) => `d${at}`);
  const { results } = await db
    .prepare(
      `WITH
       calls AS (SELECT ${[...values.map(({ sql }, at) => `${sql} AS d${at}`), NEEDED].join(', ')} FROM requests${narrowed.sql}),
       ranked AS (
         SELECT *, ROW_NUMBER() OVER (${over(names, 'ORDER BY duration_ms')}) AS place, COUNT(*) OVER (${over(names, '')}) AS of_all FROM calls
       ),
       summed AS (
         SELECT json_array(${names.map((name) => `json(${name})`).join(', ')}) AS grouped, ${period} AS period, ${SUMS},
           MAX(CASE WHEN place = (of_all + 1) / 2 THEN duration_ms END) AS p50,
           MAX(CASE WHEN place = (of_all * 95 + 99) / 100 THEN duration_ms END) AS p95
         FROM ranked${names.length === 0 ? ' HAVING COUNT(*) > 0' : ` GROUP BY ${names.join(', ')}`}
       )
       SELECT * FROM summed${position === undefined ? '' : ' WHERE (period, cost, grouped) < (?, ?, ?)'}
       ORDER BY period DESC, cost DESC, grouped DESC LIMIT ?`,
    )
    .bind(...values.flatMap(({ bound }) => bound), ...narrowed.bound, ...(position ?? []), limit + 1)
    .all<GroupRow & { readonly period: string }>();
  const page = pageOf(results, limit, ({ period: at, cost, grouped }) => [at, cost, grouped]);
  return { ...page, items: page.items.map((row) => itemOf(row, by)) };
}

const over = (names: readonly string[], order: string) => `${names.length === 0 ? '' : `PARTITION BY ${names.join(', ')} `}${order}`;

function itemOf(row: GroupRow, by: readonly Dimension[]): UsageItem {
  const values = parseJson(row.grouped);
  const list = Array.isArray(values) ? values : [];
  return {
    group: Object.fromEntries(by.map((dimension, at) => [nameOf(dimension), list[at] ?? null])),
    ...sumsOf(row),
    latency: { p50: row.p50, p95: row.p95 },
  };
}
