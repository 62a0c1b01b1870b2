import type { Hono } from 'hono';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { adminApp } from '../app.ts';
import type { AdminDeps, AdminEnv } from '../deps.ts';
import { gated } from '../gate.ts';
import { InnerAdmin } from './inner.ts';
import { block, type Desk, generate, info, remove, update } from './keys.ts';
import { type LitellmPath, litellmPaths } from './paths.ts';
import * as teams from './teams.ts';

const handlers: { readonly [path in LitellmPath]: (request: Request, desk: Desk) => Promise<JsonObject> } = {
  '/key/generate': generate,
  '/key/info': info,
  '/key/update': update,
  '/key/delete': remove,
  '/key/block': block(true),
  '/key/unblock': block(false),
  '/team/new': teams.create,
  '/team/info': teams.info,
};

/**
 * The part of LiteLLM's management API that programs call which make keys for people, to be mounted at the root. The
 * admin token is its master key. It asks the admin API for everything that it does.
 */
export function litellmApp(deps: AdminDeps): Hono<AdminEnv> {
  const app = gated(deps);
  const admin = adminApp(deps);
  for (const [method, path] of litellmPaths) {
    app.on(method, path, async (context) => {
      const request = context.req.raw;
      const inner = new InnerAdmin((each) => admin.fetch(each, context.env, context.executionCtx), request);
      return context.json(await handlers[path](request, { inner, deps }));
    });
  }
  app.onError((thrown) => {
    const error = GatewayError.from(thrown);
    if (error.code === 'internal') deps.log?.('A request to the LiteLLM paths failed', error.cause ?? error);
    const headers = { 'content-type': 'application/json', ...(error.status === 401 ? { 'www-authenticate': 'Bearer' } : {}) };
    return new Response(JSON.stringify(errorBody(error)), { status: error.status, headers });
  });
  return app;
}

/** As LiteLLM's proxy writes errors: the code is its status, as text. */
const errorBody = (error: GatewayError) => ({
  error: {
    message: error.message,
    type: typeOf(error),
    param: error.details.param ?? null,
    code: String(error.status),
    weir_code: error.code,
  },
});

function typeOf({ status }: GatewayError): string {
  if (status === 401 || status === 403) return 'auth_error';
  if (status === 404) return 'not_found_error';
  return status < 500 ? 'bad_request_error' : 'internal_server_error';
}
