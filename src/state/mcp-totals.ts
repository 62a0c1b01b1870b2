import { BOUNDS_MS, SENT } from './totals.ts';

/** Rows of `mcp_totals` beyond which a tool that has none yet is counted as `other`. */
export const MOST_MCP_TOTALS = 1_000;

/** What the requests of one route, source, method, tool and outcome came to. */
export interface McpTotals {
  readonly route: string;
  readonly source: string;
  readonly method: string;
  readonly tool: string;
  readonly outcome: string;
  readonly requests: number;
  /** Nano-dollars, as decimal digits: it may be more than a number holds exactly. */
  readonly cost: string;
  readonly duration_ms: number;
  /** For each of `BOUNDS_MS` how many lasted no longer. */
  readonly durations: readonly number[];
}

/** Of every revision. Callers may name others, which must not become labels. */
const METHODS = [
  ...['initialize', 'server/discover', 'ping', 'logging/setLevel', 'completion/complete', 'subscriptions/listen'],
  ...['tools/list', 'tools/call', 'prompts/list', 'prompts/get'],
  ...['resources/list', 'resources/read', 'resources/templates/list', 'resources/subscribe', 'resources/unsubscribe'],
  ...['tasks/get', 'tasks/list', 'tasks/result', 'tasks/cancel', 'tasks/update'],
];

const LABELS = ['route', 'source', 'method', 'tool', 'outcome'] as const;
const labels = LABELS.join(', ');
const histogram = `json_array(${BOUNDS_MS.map((bound) => `IFNULL(SUM(duration_ms <= ${bound}), 0)`).join(', ')})`;

/** Beside `ADD_TOTALS`, with the same parameter. A name becomes a label once a tool has answered to it: callers may invent names. */
export const ADD_MCP_TOTALS = `
INSERT INTO mcp_totals (${labels}, requests, cost, duration_ms, durations)
WITH ${SENT},
fresh AS MATERIALIZED (
  SELECT value ->> '$.route' AS route, IFNULL(value ->> '$.mcp_source', '') AS source, value ->> '$.mcp_method' AS asked,
    IFNULL(value ->> '$.mcp_tool', '') AS named, IFNULL(value ->> '$.mcp_outcome', '') AS outcome,
    value ->> '$.cost' AS cost, value ->> '$.duration_ms' AS duration_ms
  FROM sent WHERE value ->> '$.mcp_method' IS NOT NULL AND NOT EXISTS (SELECT 1 FROM requests WHERE id = value ->> '$.id')
),
known AS MATERIALIZED (
  SELECT route, source, tool FROM mcp_totals
  UNION SELECT route, source, named FROM fresh
    WHERE outcome IN ('complete', 'input-required') AND (SELECT COUNT(*) FROM mcp_totals) < ${MOST_MCP_TOTALS}
)
SELECT route, source, CASE WHEN asked IN (${METHODS.map((method) => `'${method}'`).join(', ')}) THEN asked ELSE 'other' END AS method,
  CASE WHEN named = '' OR (route, source, named) IN known THEN named ELSE 'other' END AS tool, outcome,
  COUNT(*), IFNULL(SUM(cost), 0), SUM(duration_ms), ${histogram}
FROM fresh WHERE true GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (${labels}) DO UPDATE SET requests = requests + excluded.requests, cost = cost + excluded.cost,
  duration_ms = duration_ms + excluded.duration_ms,
  durations = (SELECT json_group_array(old.value + new.value)
    FROM json_each(mcp_totals.durations) AS old JOIN json_each(excluded.durations) AS new ON new.key = old.key)`;

interface McpTotalsRow extends Omit<McpTotals, 'durations'> {
  readonly durations: string;
}

/** Every row of `mcp_totals`. */
export async function readMcpTotals(db: D1Database): Promise<readonly McpTotals[]> {
  const { results } = await db
    .prepare(`SELECT ${labels}, requests, CAST(cost AS TEXT) AS cost, duration_ms, durations FROM mcp_totals ORDER BY ${labels}`)
    .all<McpTotalsRow>();
  return results.map((row) => {
    const counts: unknown = JSON.parse(row.durations);
    if (!Array.isArray(counts)) throw new Error('a histogram of mcp_totals is no list');
    return { ...row, durations: counts.map(Number) };
  });
}
