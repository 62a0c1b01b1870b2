import { eq, type SQL, sql } from 'drizzle-orm';
import type { BatchItem } from 'drizzle-orm/batch';
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TenantLevel } from '../../core/tenant.ts';
import { apps, audit, keys, orgs, teams } from './tables.ts';

/** Who changes something, and when (milliseconds since the epoch). */
export interface By {
  readonly actor: string;
  readonly now: number;
}

/** The organisation that was changed, and the number of its changes since it was made. */
export interface Changed {
  readonly org: string;
  readonly generation: number;
}

/** A row as it was read: a change of it fails where it is not so any more. */
export interface Seen {
  readonly level: TenantLevel;
  readonly id: string;
  /** Absent where it only must still be there. */
  readonly version?: number;
}

export const tables = { org: orgs, team: teams, app: apps, key: keys } as const;

type Statement = BatchItem<'sqlite'>;
type Database = DrizzleD1Database;

export const control = (db: D1Database): Database => drizzle(db);

export interface Write {
  readonly action: string;
  readonly subject: string;
  readonly org: string;
  readonly detail: JsonObject;
  /** What must be so for the change to be made at all; absent for what depends on nothing. */
  readonly seen?: Seen;
  readonly statements: readonly Statement[];
}

/**
 * Writes the audit, then the change and the organisation's generation, in one transaction: none of them is there without
 * the others. Throws `conflict` where what the change was made from is not so any more, `already_exists` where a
 * name is taken.
 */
export async function write(database: Database, { actor, now }: By, change: Write): Promise<Changed> {
  const { action, subject, org } = change;
  const [, generations] = await attempt(() =>
    database.batch([
      database.insert(audit).values({ at: now, actor, action, subject, org, detail: guarded(change) }),
      database
        .update(orgs)
        .set({ generation: sql`${orgs.generation} + 1` })
        .where(eq(orgs.id, org))
        .returning({ generation: orgs.generation }),
      ...change.statements,
    ]),
  );
  // An organisation that is only just being made is at its first.
  return { org, generation: generations[0]?.generation ?? 1 };
}

/** NULL, and so a broken constraint that undoes the whole batch, where the row that was seen is not so any more. */
function guarded({ detail, seen }: Write): SQL | JsonObject {
  if (seen === undefined) return detail;
  const table = tables[seen.level];
  const version = seen.version === undefined ? sql`` : sql` AND version = ${seen.version}`;
  return sql`(SELECT ${JSON.stringify(detail)} FROM ${table} WHERE id = ${seen.id} AND deleted_at IS NULL${version})`;
}

async function attempt<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const text = messagesOf(cause);
    if (/UNIQUE constraint failed/i.test(text)) {
      throw new GatewayError('already_exists', 'There is one of this name already. Choose another name.', { cause, param: 'name' });
    }
    if (/NOT NULL constraint failed: audit\.detail/i.test(text)) {
      throw new GatewayError('conflict', 'It was changed at the same moment. Read it again and try again.', { cause });
    }
    throw cause;
  }
}

/** The query builder wraps what the database said. */
function messagesOf(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.message}\n${messagesOf(thrown.cause)}` : '';
}
