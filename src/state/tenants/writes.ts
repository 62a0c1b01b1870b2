import { eq, type SQL, sql } from 'drizzle-orm';
import type { BatchItem } from 'drizzle-orm/batch';
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TenantLevel } from '../../core/tenant.ts';
import type { AuditTrail } from '../audit-trail.ts';
import type { AuditMark } from '../ledger/audit-index.ts';
import { apps, audit, credentials, keys, orgs, teams, webhooks } from './tables.ts';

/** How something is changed, in whose name, and when (milliseconds since the epoch). */
export interface By {
  readonly trail: AuditTrail;
  readonly now: number;
}

/** The organisation that was changed, and the number of its changes since it was made. */
export interface Changed {
  readonly org: string;
  readonly generation: number;
}

/** A row as it was read: a change of it fails where it is not so any more. */
export interface Seen {
  readonly level: TenantLevel | 'webhook' | 'credential';
  readonly id: string;
  /** Absent where it only must still be there. */
  readonly version?: number;
}

export const tables = { org: orgs, team: teams, app: apps, key: keys, webhook: webhooks, credential: credentials } as const;

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
 * Writes the intent into the organisation's chain; then the audit's row, the change and the organisation's generation in
 * one transaction: none of them is there without the others. Throws `overloaded` where the chain cannot be written,
 * `conflict` where what the change was made from is not so any more, `already_exists` where a name is taken.
 */
export function write(database: Database, { trail }: By, change: Write): Promise<Changed> {
  return trail.inDatabase(change, (mark) => apply(database, change, mark));
}

async function apply(database: Database, change: Write, mark: AuditMark): Promise<Changed> {
  const { org } = change;
  const [, generations] = await attempt(() =>
    database.batch([
      database.insert(audit).values({ ...mark, outcome: 'done', detail: guarded(change) }),
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

export const alreadyExists = (cause?: unknown): GatewayError =>
  new GatewayError('already_exists', 'There is one of this name already. Choose another name.', { cause, param: 'name' });

async function attempt<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const text = messagesOf(cause);
    if (/UNIQUE constraint failed: audit\.change/i.test(text)) {
      throw new GatewayError('overloaded', 'The change took too long and was given up. Try again in a moment.', { cause });
    }
    if (/UNIQUE constraint failed: key_aliases/i.test(text)) {
      throw new GatewayError('already_exists', 'That key stands for another one already.', { cause, param: 'importedHash' });
    }
    if (/UNIQUE constraint failed/i.test(text)) {
      throw alreadyExists(cause);
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
