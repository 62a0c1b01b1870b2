import type { Context } from 'hono';
import type { PlanSource } from '../config/load.ts';
import type { Rolls } from '../config/rolls.ts';
import { GatewayError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';

/** What the admin API works with; nothing is read from anywhere else. */
export interface AdminDeps {
  /** Absent: the configuration is the bundled one, and nothing is logged. */
  readonly db?: D1Database | undefined;
  readonly planSource: PlanSource;
  readonly rolls: Rolls;
  /** `WEIR_ADMIN_TOKEN`; without it every request is refused. */
  readonly token?: string | undefined;
  readonly clock: Clock;
  /** Told of what failed inside the gateway: the answer only gives the request id. */
  readonly log?: (message: string, cause: unknown) => void;
}

/** `requestId` is set by whoever mounts the app; on its own the app makes one. */
export interface AdminEnv {
  readonly Variables: { requestId?: string };
}

export type AdminContext = Context<AdminEnv>;

export interface AdminRoute {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/admin/v1`, with Hono's parameters. */
  readonly path: string;
  handle(context: AdminContext, deps: AdminDeps): Promise<Response> | Response;
}

/** Who the audit names while there is one admin token and no admin identity. */
export const ACTOR = 'admin-token';

/** Throws `not_supported` where no database is bound. */
export function requireDb({ db }: AdminDeps): D1Database {
  if (db === undefined) {
    throw new GatewayError('not_supported', 'This needs the database, and none is bound. The operator binds a D1 database as DB.');
  }
  return db;
}
