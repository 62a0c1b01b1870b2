import type { Context } from 'hono';
import type { z } from 'zod';
import type { PlanSource } from '../config/load.ts';
import type { Rolls } from '../config/rolls.ts';
import { GatewayError } from '../core/errors.ts';
import type { BoardPlace } from '../core/health/board.ts';
import type { PlaceFilter } from '../core/health/places.ts';
import type { Idempotency } from '../core/idempotency/port.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditEntry, AuditEvent, AuditHead } from '../core/ledger/audit.ts';
import type { Looked } from '../core/ledger/meters.ts';
import type { Take } from '../core/ledger/take.ts';
import type { Clock } from '../core/ports.ts';
import type { KeySeal } from '../core/tenant.ts';
import type { AuditSigner } from '../state/audit-signer.ts';
import type { CredentialDesk } from '../state/credentials/index.ts';
import type { Delivery } from '../state/ledger/alerts.ts';
import type { ChangePlace } from '../state/ledger/audit-log.ts';
import type { AuthorizationServer } from '../state/oauth/authorization-server.ts';
import type { SigningSecrets } from '../state/webhooks/secrets.ts';
import type { Explanation } from './explanation.ts';

/** What the admin API works with; nothing is read from anywhere else. */
export interface AdminDeps {
  /** Absent: the configuration is the bundled one, and nothing is logged. */
  readonly db?: D1Database | undefined;
  readonly planSource: PlanSource;
  readonly rolls: Rolls;
  /** `WEIR_ADMIN_TOKEN`; without it only those may ask whom `identify` knows. */
  readonly token?: string | undefined;
  /** Who a bearer token is that is not the admin token; absent: nobody. */
  readonly identify?: (
    token: string,
    request: Request,
    after: (work: Promise<unknown>) => void,
  ) => Promise<{ readonly actor: string } | { readonly refusal: GatewayError }>;
  readonly clock: Clock;
  /** Makes keys, and is told what changed; absent: tenants are read only. */
  readonly keys?: KeyDesk | undefined;
  /** What keys are for unless their maker says otherwise. */
  readonly environment?: Environment;
  /**
   * The ledger of an organisation, by its id, or of the deployment (`DEPLOYMENT_CHAIN`); absent: limits count nothing, and
   * nothing can be changed. Ask it only of organisations that the database has: an object is made for every name that is
   * asked for.
   */
  readonly ledger?: ((org: string) => OrgLedger) | undefined;
  /** Whether this is a run on somebody's own machine: webhooks may be on it too. */
  readonly local?: boolean | undefined;
  /** Absent, or without a secret: no webhooks are made. */
  readonly webhookSecrets?: SigningSecrets | undefined;
  /** What keeps credentials for the servers behind the gateway; absent, or without a secret: none are kept. */
  readonly credentials?: CredentialDesk | undefined;
  /** What granted tokens to clients of OAuth; absent: nobody did. */
  readonly grants?: Pick<AuthorizationServer, 'endGrant'> | undefined;
  /** The link by which an operator consents for an organisation. Throws `not_found` where the source is none that is consented to. Absent: nobody consents. */
  readonly connect?: ((asked: ConnectAsk, request: Request) => Promise<{ readonly url: string; readonly expiresAt: number }>) | undefined;
  /** Absent, or without a secret: no checkpoints of the audit are made. */
  readonly signer?: AuditSigner | undefined;
  /** Told of every change of an organisation, or of anything in it, before the answer goes out. */
  readonly tenantsChanged?: ((org: string, generation: number) => Promise<void> | void) | undefined;
  /** How the places do that calls are sent to; absent: nobody watches. */
  readonly health?: HealthControl | undefined;
  /** Keeps the answers of requests with an `Idempotency-Key`; one for a request. Absent where the deployment cannot. */
  readonly idempotency?: (() => Idempotency) | undefined;
  /** Says what would become of a call; throws what its caller would be told. Absent: nobody can say. */
  readonly explain?: ((asked: ExplainAsk, after: (work: Promise<unknown>) => void) => Promise<Explanation>) | undefined;
  /** Told of what failed inside the gateway: the answer only gives the request id. */
  readonly log?: (message: string, cause: unknown) => void;
}

/** For whom an operator consents, and at which source. */
export interface ConnectAsk {
  readonly org: string;
  readonly route: string;
  readonly source: string;
}

/** A call that nobody makes, to be explained. */
export interface ExplainAsk {
  readonly path: string;
  readonly headers: Headers;
  readonly body: JsonObject;
  /** Whose it would be; absent: of nobody whom anything limits. */
  readonly as?: { readonly key: string } | { readonly app: string };
  /** Where it would come from: ISO 3166-1 alpha-2, in capitals. */
  readonly country?: string | undefined;
}

/** What the admin API asks of the ledger of one organisation; `LedgerClient` says what each does. */
export interface OrgLedger {
  audit(event: AuditEvent, place?: ChangePlace): Promise<AuditEntry>;
  auditAfter(seq: number, limit: number): Promise<readonly AuditEntry[]>;
  auditHead(): Promise<AuditHead>;
  look(takes: readonly Take[]): Promise<Looked>;
  /** `subject`: as `runSubject` of `core/ledger/runs.ts` names a run. */
  stop(subject: string): Promise<void>;
  deliveries(webhook: string, before: number | undefined, limit: number): Promise<readonly Delivery[]>;
  ping(webhook: string): Promise<Delivery | undefined>;
}

/** What the admin API asks of the health of places; `HealthDesk` says what each does. */
export interface HealthControl {
  seen(): Promise<readonly BoardPlace[]>;
  reset(filter: PlaceFilter): Promise<void>;
}

export type Environment = 'live' | 'dev' | 'test';

/** Where keys are made. */
export interface KeyDesk {
  /** A new key; under the id of one that there is, its successor. Throws `not_supported` where the deployment has no secret. */
  mint(environment: Environment, id?: string): Promise<{ readonly id: string; readonly key: string; readonly seal: KeySeal }>;
  /** What may be stored of a key that another gateway made, by its SHA-256 in hex. Throws `not_supported` likewise. */
  sealForeign(sha256: string): Promise<readonly KeySeal[]>;
  /** What of a key may be shown. */
  shown(environment: Environment, id: string): string;
  /** Nothing that was known of any key holds. */
  changed(): void;
}

/** `requestId` is set by whoever mounts the app; on its own the app makes one. `actor`: whom the audit names. */
export interface AdminEnv {
  readonly Variables: { requestId?: string; actor?: string };
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

/** Whom the audit names where the admin token was shown. */
export const ACTOR = 'admin-token';

/** Throws `not_supported` where no database is bound. */
export function requireDb({ db }: AdminDeps): D1Database {
  if (db === undefined) {
    throw new GatewayError('not_supported', 'This needs the database, and none is bound. The operator binds a D1 database as DB.');
  }
  return db;
}
