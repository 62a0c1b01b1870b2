import type { z } from 'zod';
import type { JsonObject } from './json.ts';
import type { Limit } from './ledger/limits.ts';
import type { TokenRef } from './oauth.ts';
import type { Awaitable } from './policy.ts';
import type { Ports } from './ports.ts';
import type { Template } from './template.ts';

/** What a request shows of who sends it. */
export interface Shown {
  /** Its body must still be there for the exchange afterwards. */
  readonly request: Request;
  /** What stands where a gateway key may stand and is none; absent where nothing stands there. */
  readonly token?: string;
  /** Where it comes from, as far as the platform vouches for it. */
  readonly ip?: string;
  /** What the platform says of the caller's certificate; absent where there is no platform that would verify one. */
  readonly tlsClient?: unknown;
  /** The largest body in bytes. */
  readonly mostBody: number;
}

/** What a credential proved. */
export interface Proof {
  /** What templates are filled from. Nothing in it is secret. */
  readonly facts: JsonObject;
  /** Whom limits `per` user count by, unless the mapping says otherwise. */
  readonly user?: string;
  /** Who it is to the admin API, where it may use that. */
  readonly admin?: string;
  /** What it may be used for; absent where it knows no scopes. */
  readonly scopes?: readonly string[];
  /** The id of the gateway key that it stands for, in the place of what the entry's mapping says. */
  readonly key?: string;
  /** The gateway's own access token that it is, which can be revoked while an answer comes. */
  readonly token?: TokenRef;
}

export type IdentityPorts = Pick<Ports, 'clock' | 'egress' | 'secrets' | 'after' | 'accessTokens'>;

/** One entry of `identities`, at work in one isolate: it may remember what it learnt, within bounds. */
export interface Witness {
  /**
   * What the request proves; `undefined` where it shows nothing of this sort. Throws `invalid_key` for a credential that
   * is not good, `not_allowed` for one that is and may not do this, `overloaded` where that cannot be found out now.
   */
  prove(shown: Shown, ports: IdentityPorts): Awaitable<Proof | undefined>;
}

/** A way to say who is asking, besides keys. */
export interface IdentityKind<Use extends string = string, Config = unknown> {
  readonly use: Use;
  /** The entry's own settings: without `use`, `name`, `as` and `limits`, which every entry has. */
  readonly config: z.ZodType<Config>;
  /** Whole entries as an operator writes them: what the laws are tried with and the docs show. At least one. */
  readonly examples: readonly JsonObject[];
  /** The names that templates may begin with. */
  readonly facts: readonly string[];
  /** It asks for no credential: an entry must have limits of its own, and there can be only one. */
  readonly anybody?: true;
  /** At most one entry of it makes sense. */
  readonly single?: true;
  /** Whether its credentials say by themselves whose calls they are (`Proof.key`), so that an entry needs no mapping. */
  standsAlone?(config: Config): boolean;
  /** What is wrong with settings that the schema cannot say. */
  problems?(config: Config, place: { readonly local: boolean }): readonly { readonly path: string; readonly message: string }[];
  /** Does nothing yet. `name`: the entry's own. */
  witness(config: Config, name: string): Witness;
}

/** Ties the type of an entry's settings to their schema. */
export const defineIdentity = <const Use extends string, Config>(kind: IdentityKind<Use, Config>): IdentityKind<Use, Config> => kind;

/** As whom the calls of an entry count. */
export interface Mapping {
  readonly app: Template;
  readonly org?: Template;
  readonly team?: Template;
  readonly user?: Template;
  readonly metadata: readonly (readonly [name: string, value: Template])[];
}

/** One entry of `identities`, compiled. */
export interface PlanIdentity {
  readonly kind: IdentityKind;
  readonly name: string;
  readonly settings: unknown;
  /** Absent: the entry is for the admin API alone. */
  readonly as?: Mapping;
  /** Held in addition to those of the app and what is above it. */
  readonly limits: readonly Limit[];
}
