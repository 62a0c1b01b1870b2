import { and, count, desc, eq, isNull, sql } from 'drizzle-orm';
import { GatewayError } from '../../core/errors.ts';
import { type Page, type PageRequest, pageOf, readCursor } from '../paging.ts';
import { credentials } from '../tenants/tables.ts';
import { type By, control, write } from '../tenants/writes.ts';
import type { SealedValue } from './seal.ts';

/** Values of one organisation at most. */
export const MOST_CREDENTIALS = 500;

/** One of the vault, without its value: that is never read but to be shown to a server. */
export interface CredentialRow {
  readonly id: string;
  readonly org: string;
  readonly name: string;
  readonly description: string;
  /** Of the value: how often it was written. */
  readonly revision: number;
  /** Of everything. */
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

const rowOf = ({ wrapped: _, sealed: __, deletedAt: ___, ...row }: typeof credentials.$inferSelect): CredentialRow => row;

export async function readCredential(db: D1Database, id: string): Promise<CredentialRow | undefined> {
  const [row] = await control(db)
    .select()
    .from(credentials)
    .where(and(eq(credentials.id, id), isNull(credentials.deletedAt)));
  return row === undefined ? undefined : rowOf(row);
}

/** Newest first. Throws `invalid_request` on a cursor that is none. */
export async function listCredentials(
  db: D1Database,
  { limit, cursor, org, name }: PageRequest & { readonly org?: string | undefined; readonly name?: string | undefined },
): Promise<Page<CredentialRow>> {
  const position = readCursor(cursor, ['number', 'string']);
  const rows = await control(db)
    .select()
    .from(credentials)
    .where(
      and(
        isNull(credentials.deletedAt),
        org === undefined ? undefined : eq(credentials.org, org),
        name === undefined ? undefined : eq(credentials.name, name),
        position === undefined ? undefined : sql`(${credentials.createdAt}, ${credentials.id}) < (${position[0]}, ${position[1]})`,
      ),
    )
    .orderBy(desc(credentials.createdAt), desc(credentials.id))
    .limit(limit + 1);
  return pageOf(rows.map(rowOf), limit, ({ createdAt, id }) => [createdAt, id]);
}

type Draft = Pick<CredentialRow, 'id' | 'org' | 'name' | 'description'> & SealedValue;

/** Makes one. Throws `already_exists`, `invalid_request` where there are too many, `conflict` where the organisation has just been deleted. */
export async function createCredential(db: D1Database, draft: Draft, by: By): Promise<void> {
  const database = control(db);
  const { id, org, name, description } = draft;
  const [known] = await database
    .select({ number: count() })
    .from(credentials)
    .where(and(eq(credentials.org, org), isNull(credentials.deletedAt)));
  if ((known?.number ?? 0) >= MOST_CREDENTIALS) {
    throw new GatewayError('invalid_request', `An organisation has ${MOST_CREDENTIALS} credentials at most: delete one first.`);
  }
  await write(database, by, {
    ...{ action: 'credential.create', subject: id, org, detail: { name, description } },
    seen: { level: 'org', id: org },
    statements: [database.insert(credentials).values({ ...draft, revision: 1, version: 1, createdAt: by.now, updatedAt: by.now })],
  });
}

/** What of one is replaced: its value is sealed for the revision after the one that was seen. */
export interface CredentialChange {
  readonly description?: string | undefined;
  readonly value?: SealedValue | undefined;
}

/** Throws `conflict` where it is not as it was seen. */
export async function changeCredential(
  db: D1Database,
  seen: CredentialRow,
  { description, value }: CredentialChange,
  by: By,
): Promise<void> {
  const database = control(db);
  const { id, org, name, version, revision } = seen;
  await write(database, by, {
    action: 'credential.change',
    subject: id,
    org,
    // That it has a new value, and never which.
    detail: { name, ...(description === undefined ? {} : { description }), ...(value === undefined ? {} : { revision: revision + 1 }) },
    seen: { level: 'credential', id, version },
    statements: [
      database
        .update(credentials)
        .set({
          ...(description === undefined ? {} : { description }),
          ...(value === undefined ? {} : { ...value, revision: revision + 1 }),
          version: version + 1,
          updatedAt: by.now,
        })
        .where(eq(credentials.id, id)),
    ],
  });
}

/** Deletes it for ever, and its value with it. Throws `conflict`. */
export async function deleteCredential(db: D1Database, { id, org, name, version }: CredentialRow, by: By): Promise<void> {
  const database = control(db);
  await write(database, by, {
    ...{ action: 'credential.delete', subject: id, org, detail: { name } },
    seen: { level: 'credential', id, version },
    statements: [
      database
        .update(credentials)
        .set({ wrapped: null, sealed: null, deletedAt: by.now, version: version + 1, updatedAt: by.now })
        .where(eq(credentials.id, id)),
    ],
  });
}
