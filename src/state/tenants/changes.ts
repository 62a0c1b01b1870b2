import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { KeySeal, TenantLevel } from '../../core/tenant.ts';
import { apps, keyAliases, keys, orgs, teams } from './tables.ts';
import { above, orgOf, type Parents, type Tenant, type TenantRules } from './tenant.ts';
import { alreadyExists, type By, type Changed, control, tables, write } from './writes.ts';

export interface Draft extends TenantRules {
  readonly id: string;
  readonly parents: Parents;
  /** Of keys. */
  readonly key?: {
    readonly environment: 'live' | 'dev' | 'test';
    readonly seal: KeySeal;
    /** Of a key that another gateway made and that stands for this one. */
    readonly alias?: KeySeal;
  };
}

/** Makes one. Throws `already_exists`, and `conflict` where what it was to belong to has just been deleted. */
export async function createTenant(db: D1Database, level: TenantLevel, draft: Draft, by: By): Promise<Changed> {
  const database = control(db);
  const { id, parents, key, ...rules } = draft;
  // Found out before its chain begins: a ledger of an organisation that never was would be left behind.
  if (level === 'org' && (await isTaken(db, draft.name))) throw alreadyExists();
  const row = { ...rules, ...parents, id, version: 1, createdAt: by.now, updatedAt: by.now };
  const parent = above[level];
  const parentId = parent === undefined ? undefined : parents[parent];
  return write(database, by, {
    action: `${level}.create`,
    subject: id,
    org: parents.org ?? id,
    detail: { ...rules, ...parents, ...(key?.alias === undefined ? {} : { imported: true }) },
    ...(parent === undefined || parentId === undefined ? {} : { seen: { level: parent, id: parentId } }),
    statements: [insertion(), ...(key?.alias === undefined ? [] : [database.insert(keyAliases).values(aliasRow(key.alias))])],
  });

  function aliasRow(alias: KeySeal) {
    return { ...alias, keyId: id, createdAt: by.now };
  }

  function insertion() {
    const { org = '', team = '', app = '' } = parents;
    if (level === 'org') return database.insert(orgs).values({ ...row, generation: 1 });
    if (level === 'team') return database.insert(teams).values({ ...row, org });
    if (level === 'app') return database.insert(apps).values({ ...row, org, team });
    if (key === undefined) throw new GatewayError('internal', 'A key cannot be made without its seal.');
    const { environment, seal } = key;
    return database.insert(keys).values({ ...row, org, team, app, environment, ...seal });
  }
}

async function isTaken(db: D1Database, name: string): Promise<boolean> {
  const found = await control(db)
    .select({ id: orgs.id })
    .from(orgs)
    .where(and(eq(orgs.name, name), isNull(orgs.deletedAt)));
  return found.length > 0;
}

/** Changes what is given and leaves the rest. Throws `already_exists`, and `conflict` where it is not as it was seen. */
export async function changeTenant(
  db: D1Database,
  level: TenantLevel,
  seen: Tenant,
  change: Partial<TenantRules>,
  by: By,
): Promise<Changed> {
  const database = control(db);
  const table = tables[level];
  const { id, version } = seen;
  const set = { ...change, version: version + 1, updatedAt: by.now };
  return write(database, by, {
    action: `${level}.change`,
    subject: id,
    org: orgOf(seen),
    detail: { from: parts(seen, Object.keys(change)), to: { ...change } },
    seen: { level, id, version },
    statements: [
      level === 'key' ? database.update(keys).set(set).where(eq(keys.id, id)) : database.update(table).set(set).where(eq(table.id, id)),
    ],
  });
}

function parts(tenant: Tenant, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(tenant).filter(([name]) => names.includes(name)));
}

/** Deletes it and everything below it, for ever: the rows stay. Throws `conflict` where it has just been deleted. */
export async function deleteTenant(db: D1Database, level: TenantLevel, seen: Tenant, by: By): Promise<Changed> {
  const database = control(db);
  const gone = { deletedAt: by.now, updatedAt: by.now };
  const { id } = seen;
  const own = tables[level];
  return write(database, by, {
    action: `${level}.delete`,
    subject: id,
    org: orgOf(seen),
    detail: { name: seen.name },
    seen: { level, id },
    statements: [
      // While the rows below are still to be told by what they belong to. What stood for a key may be taken over anew.
      database.delete(keyAliases).where(
        inArray(
          keyAliases.keyId,
          database
            .select({ id: keys.id })
            .from(keys)
            .where(eq(ownIn(level), id)),
        ),
      ),
      database.update(own).set(gone).where(eq(own.id, id)),
      ...(level === 'org'
        ? [
            database
              .update(teams)
              .set(gone)
              .where(and(eq(teams.org, id), isNull(teams.deletedAt))),
          ]
        : []),
      ...(level === 'org' || level === 'team'
        ? [
            database
              .update(apps)
              .set(gone)
              .where(and(eq(apps[level], id), isNull(apps.deletedAt))),
          ]
        : []),
      ...(level === 'key'
        ? []
        : [
            database
              .update(keys)
              .set(gone)
              .where(and(eq(keys[level], id), isNull(keys.deletedAt))),
          ]),
    ],
  });
}

/** The column of a key that says which one of a level it belongs to. */
const ownIn = (level: TenantLevel) => (level === 'key' ? keys.id : keys[level]);

export interface Rotation {
  readonly seal: KeySeal;
  /** Until when the key before is good; milliseconds since the epoch. */
  readonly previousUntil: number;
}

/** Gives a key a new secret. The one before it is good for a while, the one before that no more. Throws `conflict`. */
export async function rotateKey(db: D1Database, seen: Tenant, { seal, previousUntil }: Rotation, by: By): Promise<Changed> {
  const database = control(db);
  const { id, version } = seen;
  const overlaps = previousUntil > by.now;
  return write(database, by, {
    action: 'key.rotate',
    subject: id,
    org: orgOf(seen),
    detail: { previousUntil: overlaps ? previousUntil : null },
    seen: { level: 'key', id, version },
    statements: [
      database
        .update(keys)
        .set({
          ...seal,
          previousDigest: overlaps ? keys.digest : null,
          previousPepper: overlaps ? keys.pepper : null,
          previousUntil: overlaps ? previousUntil : null,
          version: version + 1,
          updatedAt: by.now,
        })
        .where(eq(keys.id, id)),
      // Another gateway's key that stands for it is a key from before, too.
      database
        .update(keyAliases)
        .set({ until: sql`min(coalesce(${keyAliases.until}, ${previousUntil}), ${previousUntil})` })
        .where(eq(keyAliases.keyId, id)),
    ],
  });
}
