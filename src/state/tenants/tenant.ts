import type { Json, JsonObject } from '../../core/json.ts';
import type { TenantLevel } from '../../core/tenant.ts';
import type { apps, keys, orgs, teams } from './tables.ts';

/** What every level has, as it may be written. A list that is `null` allows everything. */
export interface TenantRules {
  readonly name: string;
  readonly limits: readonly Json[];
  readonly models: readonly string[] | null;
  readonly routes: readonly string[] | null;
  readonly ips: readonly string[] | null;
  readonly countries: readonly string[] | null;
  readonly metadata: JsonObject;
  readonly disabled: boolean;
  /** Of keys only; milliseconds since the epoch. */
  readonly expiresAt?: number | null;
}

/** Whose it is, by id: of an organisation nobody's, of a key all three. */
export interface Parents {
  readonly org?: string;
  readonly team?: string;
  readonly app?: string;
}

/** An organisation, a team, an app or a key, without what a key is checked by. */
export interface Tenant extends TenantRules, Parents {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deletedAt: number | null;
  /** Counts the changes. */
  readonly version: number;
  /** Of keys only. */
  readonly environment?: 'live' | 'dev' | 'test';
  /** Of keys only: until when the key before the last rotation is good; `null` where there is none. */
  readonly previousUntil?: number | null;
}

type TenantRow = typeof orgs.$inferSelect | typeof teams.$inferSelect | typeof apps.$inferSelect | typeof keys.$inferSelect;

export function tenantOf(row: TenantRow): Tenant {
  const { id, name, limits, models, routes, ips, countries, metadata, disabled, createdAt, updatedAt, deletedAt, version } = row;
  return {
    id,
    ...('org' in row ? { org: row.org } : {}),
    ...('team' in row ? { team: row.team } : {}),
    ...('app' in row ? { app: row.app, environment: row.environment } : {}),
    name,
    limits,
    models,
    routes,
    ips,
    countries,
    metadata,
    disabled,
    ...('expiresAt' in row ? { expiresAt: row.expiresAt, previousUntil: row.previousUntil } : {}),
    createdAt,
    updatedAt,
    deletedAt,
    version,
  };
}

/** The organisation a thing belongs to; an organisation belongs to itself. */
export const orgOf = ({ id, org }: Pick<Tenant, 'id' | 'org'>): string => org ?? id;

/** What is directly above, by level; nothing is above an organisation. */
export const above: { readonly [level in TenantLevel]: Exclude<TenantLevel, 'key'> | undefined } = {
  org: undefined,
  team: 'org',
  app: 'team',
  key: 'app',
};
