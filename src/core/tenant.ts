import type { Json, JsonObject } from './json.ts';

/** Who owns what, from the widest: an organisation has teams, a team has apps, an app has keys. */
export const tenantLevels = ['org', 'team', 'app', 'key'] as const;
export type TenantLevel = (typeof tenantLevels)[number];

/** What may be asked, and from where. A list that is absent allows everything. */
export interface AllowLists {
  /** Names of models as callers write them; `*` stands for any text. */
  readonly models?: readonly string[];
  /** Names of routes of the configuration. */
  readonly routes?: readonly string[];
  /** Addresses and ranges (CIDR) of IPv4 and IPv6. */
  readonly ips?: readonly string[];
  /** ISO 3166-1 alpha-2, in capitals. */
  readonly countries?: readonly string[];
}

/** The lists of every level that has one: all of them must allow. */
export type Allowed = { readonly [list in keyof AllowLists]-?: readonly (readonly string[])[] };

/** What one level says of the calls made below it. */
export interface LevelRules extends AllowLists {
  readonly level: TenantLevel;
  readonly id: string;
  /** As operators write them. */
  readonly limits: readonly Json[];
}

/** What stands in storage for a key: nothing from which the key can be made. */
export interface KeySeal {
  /** HMAC-SHA-256 of the whole key, as base64url. */
  readonly digest: string;
  /** Which pepper it was made with. */
  readonly pepper: string;
}

/** An app, or something below it, with everything above it, as read at one moment. */
export interface StoredCaller {
  readonly org: string;
  readonly team: string;
  readonly app: string;
  /** Counts the changes of everything in the organisation. */
  readonly generation: number;
  /** Neither it nor anything above it is disabled or deleted. */
  readonly active: boolean;
  /** Widest first. */
  readonly levels: readonly LevelRules[];
  /** Of all levels; the narrower one's holds. */
  readonly metadata: JsonObject;
}

/** How a configuration names an app: by id or by name, among those of the organisation and the team where they are named. */
export interface AppRef {
  readonly app: string;
  readonly org?: string | undefined;
  readonly team?: string | undefined;
}

/** A key and everything above it, as read at one moment. */
export interface StoredKey extends StoredCaller {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** Absent where the key itself is a secret of the Worker. */
  readonly seal?: KeySeal;
  /** Of the key before the last rotation, which is good until then (milliseconds since the epoch). */
  readonly previous?: { readonly seal: KeySeal; readonly until: number };
}
