import { reportMcp } from '../state/mcp-report.ts';
import type { AdminRoute } from './deps.ts';
import { pageShape } from './input.ts';
import { mcpUsageItem } from './log-shapes.ts';
import { asReport } from './usage.ts';

const { query, handle } = asReport('route,source,tool', reportMcp);

export const mcpUsageRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/mcp/usage',
    doc: {
      summary: 'What requests to MCP servers came to, by route, server and tool where nothing else is asked for; most called first',
      query,
      answer: pageShape(mcpUsageItem),
    },
    handle,
  },
];
