import type { Context } from 'hono';
import type { z } from 'zod';
import type { PlanSource } from '../config/load.ts';
import type { Rolls } from '../config/rolls.ts';
import { GatewayError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { KeySeal } from '../core/tenant.ts';

/** What the admin API works with; nothing is read from anywhere else. */
export interface AdminDeps {
  /** Absent: the configuration is the bundled one, and nothing is logged. */
  readonly db?: D1Database | undefined;
  readonly planSource: PlanSource;
  readonly rolls: Rolls;
  /** `WEIR_ADMIN_TOKEN`; without it every request is refused. */
  readonly token?: string | undefined;
  readonly clock: Clock;
  /** Makes keys, and is told what changed; absent: tenants are read only. */
  readonly keys?: KeyDesk | undefined;
  /** What keys are for unless their maker says otherwise. */
  readonly environment?: Environment;
  /** Told of every change of an organisation, or of anything in it, before the answer goes out. */
  readonly tenantsChanged?: ((org: string, generation: number) => Promise<void> | void) | undefined;
  /** Told of what failed inside the gateway: the answer only gives the request id. */
  readonly log?: (message: string, cause: unknown) => void;
}

export type Environment = 'live' | 'dev' | 'test';

/** Where keys are made. */
export interface KeyDesk {
  /** A new key; under the id of one that there is, its successor. Throws `not_supported` where the deployment has no secret. */
  mint(environment: Environment, id?: string): Promise<{ readonly id: string; readonly key: string; readonly seal: KeySeal }>;
  /** What of a key may be shown. */
  shown(environment: Environment, id: string): string;
  /** Nothing that was known of any key holds. */
  changed(): void;
}

/** `requestId` is set by whoever mounts the app; on its own the app makes one. */
export interface AdminEnv {
  readonly Variables: { requestId?: string };
}

export type AdminContext = Context<AdminEnv>;

/** What a route takes and answers, for the OpenAPI document. */
export interface RouteDoc {
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The status of success and what it answers; without a schema, no body or any JSON. */
  readonly status?: number;
  readonly answer?: z.ZodType;
}

export interface AdminRoute {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/admin/v1`, with Hono's parameters. */
  readonly path: string;
  readonly doc: RouteDoc;
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
