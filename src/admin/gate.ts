import { Hono } from 'hono';
import { requireAdmin } from './auth.ts';
import type { AdminDeps, AdminEnv } from './deps.ts';
import { idempotent } from './idempotency.ts';

/** An app of which everything, known path or not, asks first who it is, and whose answers nobody keeps. */
export function gated(deps: AdminDeps): Hono<AdminEnv> {
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
    context.set('actor', await requireAdmin(context.req.raw, deps, (work) => context.executionCtx.waitUntil(work)));
    await next();
  });
  app.use('*', idempotent(deps));
  return app;
}
