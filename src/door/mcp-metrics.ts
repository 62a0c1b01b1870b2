import type { McpTotals } from '../state/mcp-totals.ts';
import { family, grouped, histogramLines, type Labels, sample, usdOf } from './metrics-text.ts';

const CALLS = 'weir_mcp_calls_total';
const COST = 'weir_mcp_cost_usd_total';
const DURATION = 'weir_mcp_call_duration_seconds';

const askedOf = ({ route, source, method, tool }: McpTotals): Labels => ({ route, source, method, tool });
const toolOf = ({ route, source, tool }: McpTotals): Labels => ({ route, source, tool });

/** What requests to MCP servers came to, as Prometheus reads it. */
export const mcpFamilies = (all: readonly McpTotals[]): readonly string[] => [
  ...family(
    CALLS,
    'counter',
    'Requests to MCP servers that have ended, by outcome.',
    all.map((totals) => sample(CALLS, { ...askedOf(totals), outcome: totals.outcome }, String(totals.requests))),
  ),
  ...family(
    COST,
    'counter',
    'What calls of tools cost by the prices of their route, in US dollars.',
    grouped(
      all.filter(({ tool }) => tool !== ''),
      toolOf,
    ).map(({ labels, of }) => sample(COST, labels, usdOf(of.map(({ cost }) => cost)))),
  ),
  ...family(
    DURATION,
    'histogram',
    'Until the last byte of the answer to an MCP request had left.',
    grouped(all, askedOf).flatMap(({ labels, of }) =>
      histogramLines(
        DURATION,
        labels,
        of.map(({ durations, requests, duration_ms }) => ({ counts: durations, count: requests, milliseconds: duration_ms })),
      ),
    ),
  ),
];
