import { Hono } from 'hono';
import { GatewayError } from '../core/errors.ts';
import { auditRoutes } from './audit.ts';
import { requireToken } from './auth.ts';
import { configRoutes } from './config.ts';
import type { AdminDeps, AdminEnv, AdminRoute } from './deps.ts';
import { openApi } from './openapi.ts';
import { problemResponse } from './problem.ts';
import { requestRoutes } from './requests.ts';
import { tenantRoutes } from './resources/routes.ts';

export type { AdminDeps, AdminEnv } from './deps.ts';

const routes: readonly AdminRoute[] = [
  ...configRoutes,
  ...tenantRoutes,
  ...requestRoutes,
  ...auditRoutes,
  {
    method: 'GET',
    path: '/openapi.json',
    doc: { summary: 'This API as OpenAPI 3.1' },
    handle: (context) => context.json(openApi(routes)),
  },
];

/**
 * The admin API, to be mounted at `/admin/v1`. Everything below it, known path or not, asks for the token first.
 * There is no cross-origin access: no answer carries a CORS header, and `OPTIONS` is a method like any other.
 */
export function adminApp(deps: AdminDeps): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.use('*', async (context, next) => {
    const requestId = context.get('requestId') ?? crypto.randomUUID();
    context.set('requestId', requestId);
    await next();
    context.header('x-weir-request-id', requestId);
    context.header('cache-control', 'no-store');
    context.header('x-content-type-options', 'nosniff');
  });
  app.use('*', async (context, next) => {
    await requireToken(context.req.header('authorization'), deps.token);
    await next();
  });
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
