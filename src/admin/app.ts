import type { Hono } from 'hono';
import { GatewayError } from '../core/errors.ts';
import { approvalRoutes } from './approvals.ts';
import { auditRoutes } from './audit.ts';
import { cacheRoutes } from './cache.ts';
import { cacheCheckRoutes } from './cache-checks.ts';
import { configRoutes } from './config.ts';
import { connectionRoutes } from './connections.ts';
import { credentialRoutes } from './credentials.ts';
import type { AdminDeps, AdminEnv, AdminRoute } from './deps.ts';
import { explainRoutes } from './explain.ts';
import { gated } from './gate.ts';
import { grantRoutes } from './grants.ts';
import { healthRoutes } from './health.ts';
import { mcpUsageRoutes } from './mcp-usage.ts';
import { messages } from './messages.ts';
import { openApi } from './openapi.ts';
import { problemResponse } from './problem.ts';
import { requestRoutes } from './requests.ts';
import { limitRoutes } from './resources/limits.ts';
import { tenantRoutes } from './resources/routes.ts';
import { runStopRoutes } from './run-stop.ts';
import { runRoutes } from './runs.ts';
import { toolRoutes } from './tools.ts';
import { usageRoutes } from './usage.ts';
import { webhookRoutes } from './webhooks.ts';

export type { AdminDeps, AdminEnv } from './deps.ts';

const routes: readonly AdminRoute[] = [
  ...configRoutes,
  ...tenantRoutes,
  ...limitRoutes,
  ...requestRoutes,
  ...explainRoutes,
  ...runRoutes,
  ...runStopRoutes,
  ...usageRoutes,
  ...mcpUsageRoutes,
  ...healthRoutes,
  ...cacheRoutes,
  ...cacheCheckRoutes,
  ...auditRoutes,
  ...webhookRoutes,
  ...credentialRoutes,
  ...connectionRoutes,
  ...grantRoutes,
  ...toolRoutes,
  ...approvalRoutes,
  {
    method: 'GET',
    path: '/openapi.json',
    doc: { summary: 'This API as OpenAPI 3.1' },
    handle: (context) => context.json(openApi(routes, messages)),
  },
];

/**
 * The admin API, to be mounted at `/admin/v1`. Everything below it, known path or not, asks who it is first.
 * There is no cross-origin access: no answer carries a CORS header, and `OPTIONS` is a method like any other.
 */
export function adminApp(deps: AdminDeps): Hono<AdminEnv> {
  const app = gated(deps);
  for (const { method, path, handle } of routes) app.on(method, path, (context) => handle(context, deps));
  for (const path of new Set(routes.map((route) => route.path))) {
    const allow = allowed(path);
    app.all(path, () => {
      throw new GatewayError('method_not_allowed', `This path takes ${allow}.`, { allow });
    });
  }
  app.all('*', () => {
    throw new GatewayError('not_found', 'The admin API has nothing at this path.');
  });
  app.onError((thrown, context) => {
    const requestId = context.get('requestId') ?? crypto.randomUUID();
    const error = GatewayError.from(thrown);
    if (error.code === 'internal') deps.log?.(`The admin request ${requestId} failed`, error.cause ?? error);
    return problemResponse(error, requestId);
  });
  return app;
}

function allowed(path: string): string {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
}
