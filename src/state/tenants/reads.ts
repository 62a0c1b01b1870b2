import { and, desc, eq, gte, inArray, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core';
import type { AuditOutcome } from '../../core/ledger/audit.ts';
import type { KeySeal, TenantLevel } from '../../core/tenant.ts';
import { type Page, type PageRequest, pageOf, readCursor } from '../paging.ts';
import { audit, keyAliases, keys } from './tables.ts';
import { type Tenant, tenantOf } from './tenant.ts';
import { control, tables } from './writes.ts';

/** One by its id; a deleted one only where that is asked for. */
export async function readTenant(db: D1Database, level: TenantLevel, id: string, deleted = false): Promise<Tenant | undefined> {
  const table = tables[level];
  const [row] = await control(db)
    .select()
    .from(table)
    .where(and(eq(table.id, id), deleted ? undefined : isNull(table.deletedAt)));
  return row === undefined ? undefined : tenantOf(row);
}

/** The key that another gateway's stands for, by what may be stored of it. */
export async function findByAlias(db: D1Database, seals: readonly KeySeal[]): Promise<Tenant | undefined> {
  const digests = seals.map(({ digest }) => digest);
  const [row] = await control(db)
    .select({ key: keys })
    .from(keyAliases)
    .innerJoin(keys, eq(keys.id, keyAliases.keyId))
    .where(and(inArray(keyAliases.digest, digests), isNull(keys.deletedAt)))
    .limit(1);
  return row === undefined ? undefined : tenantOf(row.key);
}

export interface TenantFilters {
  /** By id; a level that the listed things do not belong to narrows nothing. */
  readonly org?: string | undefined;
  readonly team?: string | undefined;
  readonly app?: string | undefined;
  /** How the name begins. */
  readonly name?: string | undefined;
  readonly disabled?: boolean | undefined;
  /** Deleted ones too. */
  readonly deleted?: boolean | undefined;
}

/** Newest first. Throws `invalid_request` on a cursor that is none. */
export async function listTenants(
  db: D1Database,
  level: TenantLevel,
  { limit, cursor, filters }: PageRequest & { readonly filters: TenantFilters },
): Promise<Page<Tenant>> {
  const table = tables[level];
  const position = readCursor(cursor, ['number', 'string']);
  const { name, disabled, deleted = false } = filters;
  const rows = await control(db)
    .select()
    .from(table)
    .where(
      and(
        ...parentsAre(level, filters),
        name === undefined ? undefined : startsWith(table.name, name),
        disabled === undefined ? undefined : eq(table.disabled, disabled),
        deleted ? undefined : isNull(table.deletedAt),
        position === undefined ? undefined : sql`(${table.createdAt}, ${table.id}) < (${position[0]}, ${position[1]})`,
      ),
    )
    .orderBy(desc(table.createdAt), desc(table.id))
    .limit(limit + 1);
  return pageOf(rows.map(tenantOf), limit, ({ createdAt, id }) => [createdAt, id]);
}

/** Letter for letter, unlike LIKE. */
const startsWith = (column: SQLiteColumn, text: string): SQL => sql`substr(${column}, 1, length(${text})) = ${text}`;

function parentsAre(level: TenantLevel, { org, team, app }: TenantFilters): SQL[] {
  const table = tables[level];
  return [
    ...(org === undefined ? [] : [eq('org' in table ? table.org : table.id, org)]),
    ...(team === undefined || !('team' in table) ? [] : [eq(table.team, team)]),
    ...(app === undefined || !('app' in table) ? [] : [eq(table.app, app)]),
  ];
}

/** What one can be found by: its id, or its name among those of the same organisation or team. */
export interface Named {
  readonly level: Exclude<TenantLevel, 'key'>;
  readonly named: string;
  /** By id. */
  readonly org?: string | undefined;
  readonly team?: string | undefined;
}

/** All that may be meant, two at most: an id says it for sure. */
export async function findTenants(db: D1Database, { level, named, org, team }: Named): Promise<readonly Tenant[]> {
  const table = tables[level];
  const rows = await control(db)
    .select()
    .from(table)
    .where(and(or(eq(table.id, named), eq(table.name, named)), isNull(table.deletedAt), ...parentsAre(level, { org, team })))
    .limit(3);
  const exact = rows.filter(({ id }) => id === named);
  return (exact.length > 0 ? exact : rows.slice(0, 2)).map(tenantOf);
}

export interface AuditFilters {
  readonly actor?: string | undefined;
  /** Whole, or up to a dot: `key` is every action on keys. */
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
  readonly org?: string | undefined;
  readonly outcome?: AuditOutcome | undefined;
  /** At or after; milliseconds since the epoch. */
  readonly since?: number | undefined;
  /** Before; milliseconds since the epoch. */
  readonly until?: number | undefined;
}

export type AuditRow = typeof audit.$inferSelect;

/** Who changed what or tried to, newest first. Throws `invalid_request` on a cursor that is none. */
export async function listAudit(
  db: D1Database,
  { limit, cursor, filters }: PageRequest & { readonly filters: AuditFilters },
): Promise<Page<AuditRow>> {
  const [before] = readCursor(cursor, ['number']) ?? [];
  const { actor, action, subject, org, outcome, since, until } = filters;
  const rows = await control(db)
    .select()
    .from(audit)
    .where(
      and(
        before === undefined ? undefined : lt(audit.id, before),
        actor === undefined ? undefined : eq(audit.actor, actor),
        action === undefined ? undefined : or(eq(audit.action, action), startsWith(audit.action, `${action}.`)),
        subject === undefined ? undefined : eq(audit.subject, subject),
        org === undefined ? undefined : eq(audit.org, org),
        outcome === undefined ? undefined : eq(audit.outcome, outcome),
        since === undefined ? undefined : gte(audit.at, since),
        until === undefined ? undefined : lt(audit.at, until),
      ),
    )
    .orderBy(desc(audit.id))
    .limit(limit + 1);
  return pageOf(rows, limit, ({ id }) => [id]);
}
