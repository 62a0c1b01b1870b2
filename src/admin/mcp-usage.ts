import { z } from 'zod';
import { reportMcp } from '../state/mcp-report.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { pageShape, paging } from './input.ts';
import { checkFilters, logFilters, ownersOf } from './log-filters.ts';
import { mcpUsageItem } from './log-shapes.ts';
import { groupByOr, sinceOf } from './usage.ts';

const query = z.strictObject({
  ...paging,
  group_by: groupByOr('route,source,tool'),
  ...logFilters,
  since: logFilters.since.describe('At or after: milliseconds since the epoch, or ISO 8601. 30 days ago where nothing is said.'),
});

async function report(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, group_by: by, org, team, app, ...filters } = checkFilters(query, context.req.query());
  const db = requireDb(deps);
  const owners = await ownersOf(db, { org, team, app });
  const since = sinceOf(filters, deps);
  return context.json(await reportMcp(db, { by, limit, cursor, filters: { ...filters, ...owners, since } }));
}

export const mcpUsageRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/mcp/usage',
    doc: {
      summary: 'What requests to MCP servers came to, by route, server and tool where nothing else is asked for; most called first',
      query,
      answer: pageShape(mcpUsageItem),
    },
    handle: report,
  },
];
