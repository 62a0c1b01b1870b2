import type { Dialect } from './dialect.ts';
import type { KindName } from './exchange.ts';
import type { BreakerSettings } from './health.ts';
import type { PlanIdentity } from './identity.ts';
import type { Policy, Touches } from './policy.ts';
import type { Secrets } from './ports.ts';
import type { PriceList } from './price.ts';
import type { Provider, ProviderSettings, Transport } from './provider.ts';
import type { Strategy, Target } from './strategy.ts';

/** One configuration revision, compiled: what an isolate serves from. Frozen; replaced whole, never changed. */
export interface Plan {
  /** 0 is the bundled document. */
  readonly revision: number;
  /** Whether this run may reach loopback addresses and hold literal keys. */
  readonly local: boolean;
  /** Every provider that can be named: the built-in ones and the document's own. */
  readonly providers: ReadonlyMap<string, PlanProvider>;
  /** Virtual models by name. */
  readonly models: ReadonlyMap<string, VirtualModel>;
  /** There is always one of kind `llm`. */
  readonly routes: readonly PlanRoute[];
  /** The settings of every route of kind `mcp`, by its name; what they are that kind knows. */
  readonly servers: ReadonlyMap<string, object>;
  readonly limits: PlanLimits;
  readonly state: PlanState;
  /** Who may ask without a key of this gateway, in the order in which they are tried. */
  readonly identities: readonly PlanIdentity[];
  /** Whether any answer is read on when its caller has left. */
  readonly drains?: true;
  /** The names under which organisations keep keys for providers themselves; absent where none do. */
  readonly vault?: readonly string[];
}

export interface PlanProvider {
  readonly provider: Provider;
  /** The dialects it speaks, native first, each with its base URL (no trailing slash). */
  readonly dialects: readonly { readonly dialect: Dialect; readonly baseUrl: string; readonly transport?: Transport }[];
  /** What the operator filled in, defaults included. */
  readonly settings: ProviderSettings;
  /** The settings it cannot do without and does not have. */
  readonly missing: readonly string[];
  /** Names of its credentials: `key`, or `1`, `2`, … where it has several; `own` where callers bring theirs. Never empty. */
  readonly credentials: readonly string[];
  /**
   * One of its credentials, the first where none is named; `undefined` where the secret it names is not set, or the caller's
   * organisation keeps none. Throws where the vault cannot be read. Never called where auth is `none`.
   */
  credential(secrets: Secrets, name?: string): string | undefined;
  /** Those of its credentials that each organisation keeps itself, with the names of the vault; absent where none is. */
  readonly vault?: { readonly [credential: string]: string };
  /** Where it runs, as the operator says. */
  readonly region?: string;
  /** Whether the operator says that it keeps nothing of a call. */
  readonly zeroRetention?: boolean;
  /** The caller's own credential is handed on instead, where the gateway's key came apart from it. */
  readonly passthrough?: true;
  /** The secret's name, for the message that asks the operator to set it. */
  readonly secretName?: string;
  /** Whether the document lists it, or the built-in provider has its credential: what `/v1/models` shows. */
  readonly configured: boolean;
  /** What the document says of its models' prices; absent: the catalogue's hold, under the provider's own id. */
  readonly prices?: PriceList;
}

export interface VirtualModel {
  readonly name: string;
  readonly strategy: Strategy;
  /** The strategy's own parsed settings. */
  readonly settings: unknown;
  readonly options: readonly PlanOption[];
  readonly retry: PlanRetry;
  readonly timeout: Timeouts;
  /** What every target must fulfil, also those of virtual models among the options. No fallback escapes it. */
  readonly require: Requirement;
  readonly breaker: BreakerSettings;
  /** A second try beside a first one that is slow to begin. */
  readonly hedge?: PlanHedge;
  /** Where a part of the calls goes a second time, unseen by the caller. */
  readonly mirror?: PlanMirror;
  /** Calls that belong together go where the first of them was answered, as long as that does well. */
  readonly affinity?: PlanAffinity;
  /** Whether the beginning of calls is marked for the vendor's prompt cache; absent: as the model above it says, or not. */
  readonly promptCache?: PlanPromptCache | false;
  /** Milliseconds for which its answers are read on when their caller has left; 0: they are not. Absent: as the route says. */
  readonly drain?: number;
}

export interface PlanPromptCache {
  /** How long it is kept, where the vendor lets one choose; its usual time when absent. */
  readonly ttl?: '1h';
}

export interface PlanAffinity {
  /** What they belong to: one of the forms of `subjectPattern`. */
  readonly by: string;
  /** Milliseconds from the last answer on. */
  readonly lasts: number;
}

/** What a virtual model chooses among: a provider's model, or another virtual model. */
export type PlanOption = Target | NestedModel;

export interface NestedModel {
  readonly virtual: VirtualModel;
  readonly weight?: number;
}

/** Refusals that are the call's own and that another target may not share. */
export const refusalKinds = ['context-window', 'content-policy'] as const;
export type RefusalKind = (typeof refusalKinds)[number];

export interface PlanRetry {
  /** Tries on one target, the first included. */
  readonly attempts: number;
  /** Refusals after which the next target is asked all the same. */
  readonly on: readonly RefusalKind[];
}

/** Where a call may be answered. Empty: anywhere. */
export interface Requirement {
  /** Regions of which the target's must be one, or lie within: `eu` holds `eu-west-1`. */
  readonly regions?: readonly string[];
  readonly zeroRetention?: true;
}

export interface PlanHedge {
  /** Milliseconds without content after which a second target is asked; `p95`: what 19 of 20 answers of the first stay within. */
  readonly after: number | 'p95';
}

export interface PlanMirror {
  readonly to: PlanOption;
  /** Part of the calls, from 0 to 1. */
  readonly share: number;
  /** What it may cost a day, in nano-USD. */
  readonly budget: number;
}

/** Milliseconds. */
export interface Timeouts {
  /** From sending to the first content event (or the whole JSON answer's headers). */
  readonly firstToken: number;
  /** Between two pieces of a stream. */
  readonly idle: number;
  /** From the request's arrival to the end. */
  readonly total: number;
  /** For a whole answer that is not streamed, from one target; absent: what is left of `total`, so that no other is asked. */
  readonly answer?: number;
}

export interface PlanRoute {
  readonly name: string;
  readonly kind: KindName;
  /** Global policies first, then the route's own. */
  readonly policies: readonly PlanPolicy[];
  /** What every target of its calls must fulfil, whatever model is asked for. */
  readonly require: Requirement;
  /** As of a model; absent: answers end with their callers. */
  readonly drain?: number;
}

export interface PlanPolicy {
  readonly policy: Policy;
  /** The policy's own parsed settings. */
  readonly settings: unknown;
  readonly touches: Touches;
}

export interface PlanLimits {
  /** Largest request body in bytes (default 32 MiB). */
  readonly body: number;
  /** Milliseconds of upstream silence after which a stream gets a `: ping` (default 15,000). */
  readonly ping: number;
  /** Milliseconds after which a call that nobody ended counts as it was foreseen (default 15 minutes). */
  readonly hold: number;
  /** Whether isolates may borrow from limits for calls that come often (default true); else each call asks the ledger. */
  readonly allowances: boolean;
}

/** What is kept between the calls of one app, and how long (`Ports.continuity`). */
export interface PlanState {
  /** Milliseconds for stored responses and conversations (default 30 days). */
  readonly responses: number;
  /** Milliseconds for vendors' signatures that the caller's dialect has no place for (default 24 hours). */
  readonly signatures: number;
  /** Milliseconds for answers of calls with an `Idempotency-Key` (default 24 hours); 0: such keys mean nothing. */
  readonly idempotency: number;
  /** At most for one app, all together (default 20,000). */
  readonly items: number;
  /** At most for one app, all together, sealed (default 256 MiB). */
  readonly bytes: number;
}

export const DEFAULT_STATE: PlanState = {
  responses: 30 * 86_400_000,
  signatures: 86_400_000,
  idempotency: 86_400_000,
  items: 20_000,
  bytes: 256 * 1024 * 1024,
};
export const DEFAULT_TIMEOUTS: Timeouts = { firstToken: 60_000, idle: 60_000, total: 600_000 };
export const DEFAULT_LIMITS: PlanLimits = { body: 32 * 1024 * 1024, ping: 15_000, hold: 15 * 60_000, allowances: true };
export const DEFAULT_ATTEMPTS = 2;
