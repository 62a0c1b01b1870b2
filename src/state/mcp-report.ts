import { isArray, type Json, parseJson } from '../core/json.ts';
import { type Page, type PageRequest, pageOf, readCursor } from './paging.ts';
import { conditionsOf, type RecordFilters, where } from './record-filters.ts';
import { columnOf, type Dimension, isPeriod, nameOf } from './usage-report.ts';

/** What the requests of one group to MCP servers came to. */
export interface McpUsageItem {
  readonly group: { readonly [dimension: string]: Json };
  readonly calls: number;
  /** That were answered with an error of the protocol or the gateway, or broke off. */
  readonly errors: number;
  /** Calls whose tool said that it had failed. */
  readonly toolErrors: number;
  /** Whose callers left, or took them back. */
  readonly cancelled: number;
  /** Nano-dollars. */
  readonly cost: number;
  /** Milliseconds until the last byte: so many of 100 took no longer. */
  readonly latency: { readonly p50: number; readonly p90: number; readonly p99: number };
  /** How often each method was asked for, most first. */
  readonly methods: readonly { readonly method: string; readonly calls: number }[];
  /** The tools that were called most. */
  readonly tools: readonly { readonly tool: string; readonly calls: number }[];
}

/** Of each group. */
const MOST_METHODS = 20;
const MOST_TOOLS = 10;

interface McpRow {
  /** JSON list of the values of the dimensions. */
  readonly grouped: string;
  readonly period: string;
  readonly calls: number;
  readonly errors: number;
  readonly tool_errors: number;
  readonly cancelled: number;
  readonly cost: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  /** JSON lists of pairs. */
  readonly methods: string | null;
  readonly tools: string | null;
}

const rank = (percent: number) => `MAX(CASE WHEN place = (of_all * ${percent} + 99) / 100 THEN duration_ms END) AS p${percent}`;

/** What was asked for most in each group, as a table. */
const mix = (name: string, column: string, most: number) => `
  ${name} AS (
    SELECT grouped, json_group_array(json_array(named, times)) AS ${name} FROM (
      SELECT grouped, ${column} AS named, COUNT(*) AS times,
        ROW_NUMBER() OVER (PARTITION BY grouped ORDER BY COUNT(*) DESC, ${column}) AS place
      FROM calls WHERE ${column} IS NOT NULL GROUP BY grouped, ${column} ORDER BY grouped, place
    ) WHERE place <= ${most} GROUP BY grouped
  )`;

/**
 * What requests to MCP servers came to, the group that asked most first; where a period is what they are summed by first, the
 * newest period comes first. Every such request that the filters leave is read. Throws `invalid_request` on a cursor that is none.
 */
export async function reportMcp(
  db: D1Database,
  request: PageRequest & { readonly by: readonly Dimension[]; readonly filters: RecordFilters },
): Promise<Page<McpUsageItem>> {
  const { by, filters, limit } = request;
  const position = readCursor(request.cursor, ['string', 'number', 'string']);
  const values = by.map(columnOf);
  const narrowed = where([{ sql: 'mcp_method IS NOT NULL', bound: [] }, ...conditionsOf(filters)]);
  const { results } = await db
    .prepare(
      `WITH
       calls AS MATERIALIZED (
         SELECT json_array(${values.map(({ sql }) => `json(${sql})`).join(', ')}) AS grouped,
           duration_ms, cost, mcp_method, mcp_tool, mcp_outcome FROM requests${narrowed.sql}
       ),
       ranked AS (
         SELECT *, ROW_NUMBER() OVER (PARTITION BY grouped ORDER BY duration_ms) AS place, COUNT(*) OVER (PARTITION BY grouped) AS of_all
         FROM calls
       ),
       summed AS (
         SELECT grouped, ${isPeriod(by[0]) ? "grouped ->> '$[0]'" : "''"} AS period, COUNT(*) AS calls,
           SUM(mcp_outcome IN ('error', 'interrupted')) AS errors, SUM(mcp_outcome = 'tool-error') AS tool_errors,
           SUM(mcp_outcome = 'cancelled') AS cancelled, IFNULL(SUM(cost), 0) AS cost, ${[50, 90, 99].map(rank).join(', ')}
         FROM ranked GROUP BY grouped
       ),
       ${mix('methods', 'mcp_method', MOST_METHODS)},
       ${mix('tools', 'mcp_tool', MOST_TOOLS)}
       SELECT summed.*, methods.methods, tools.tools
       FROM summed LEFT JOIN methods USING (grouped) LEFT JOIN tools USING (grouped)
       ${position === undefined ? '' : 'WHERE (period, calls, grouped) < (?, ?, ?)'}
       ORDER BY period DESC, calls DESC, grouped DESC LIMIT ?`,
    )
    .bind(...values.flatMap(({ bound }) => bound), ...narrowed.bound, ...(position ?? []), limit + 1)
    .all<McpRow>();
  const page = pageOf(results, limit, ({ period, calls, grouped }) => [period, calls, grouped]);
  return { ...page, items: page.items.map((row) => itemOf(row, by)) };
}

function itemOf(row: McpRow, by: readonly Dimension[]): McpUsageItem {
  const { calls, errors, cancelled, cost, p50, p90, p99 } = row;
  const values = parseJson(row.grouped);
  const list = Array.isArray(values) ? values : [];
  return {
    group: Object.fromEntries(by.map((dimension, at) => [nameOf(dimension), list[at] ?? null])),
    ...{ calls, errors, toolErrors: row.tool_errors, cancelled, cost, latency: { p50, p90, p99 } },
    methods: pairsOf(row.methods).map(([method, times]) => ({ method, calls: times })),
    tools: pairsOf(row.tools).map(([tool, times]) => ({ tool, calls: times })),
  };
}

function pairsOf(text: string | null): readonly (readonly [string, number])[] {
  const pairs = text === null ? [] : parseJson(text);
  if (pairs === undefined || !isArray(pairs)) return [];
  return pairs
    .flatMap((pair) => (isArray(pair) ? [[String(pair[0]), Number(pair[1])] as const] : []))
    .toSorted(([left, more], [right, than]) => than - more || (left < right ? -1 : 1));
}
