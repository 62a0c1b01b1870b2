import { and, desc, eq, gt, lte, sql } from 'drizzle-orm';
import { within } from '../../core/deadline.ts';
import { type Page, type PageRequest, pageOf, readCursor } from '../paging.ts';
import { oauthGrants } from '../tenants/tables.ts';
import { control } from '../tenants/writes.ts';

/** Milliseconds that the database may take: nobody who signs in or revokes waits for it longer. */
const DEADLINE = 2_000;

/** Who let which client do what, for those who administer it. */
export type GrantRow = typeof oauthGrants.$inferSelect;

/** Notes a grant, and forgets those that are over: an object that could not say so has left its row. */
export async function noteGrant(db: D1Database, row: GrantRow): Promise<void> {
  const tables = control(db);
  const outdated = tables.delete(oauthGrants).where(lte(oauthGrants.expiresAt, row.createdAt));
  await within(DEADLINE, tables.batch([outdated, tables.insert(oauthGrants).values(row)]));
}

export async function forgetGrant(db: D1Database, id: string): Promise<void> {
  await within(DEADLINE, control(db).delete(oauthGrants).where(eq(oauthGrants.id, id)).run());
}

export async function readGrant(db: D1Database, id: string, now: number): Promise<GrantRow | undefined> {
  const [row] = await control(db)
    .select()
    .from(oauthGrants)
    .where(and(eq(oauthGrants.id, id), gt(oauthGrants.expiresAt, now)));
  return row;
}

export interface GrantFilters {
  readonly org?: string | undefined;
  readonly app?: string | undefined;
  readonly user?: string | undefined;
  readonly key?: string | undefined;
  readonly client?: string | undefined;
}

/** Newest first. Throws `invalid_request` on a cursor that is none. */
export async function listGrants(
  db: D1Database,
  { limit, cursor, filters, now }: PageRequest & { readonly filters: GrantFilters; readonly now: number },
): Promise<Page<GrantRow>> {
  const position = readCursor(cursor, ['number', 'string']);
  const { org, app, user, key, client } = filters;
  const rows = await control(db)
    .select()
    .from(oauthGrants)
    .where(
      and(
        gt(oauthGrants.expiresAt, now),
        org === undefined ? undefined : eq(oauthGrants.org, org),
        app === undefined ? undefined : eq(oauthGrants.app, app),
        user === undefined ? undefined : eq(oauthGrants.user, user),
        key === undefined ? undefined : eq(oauthGrants.key, key),
        client === undefined ? undefined : eq(oauthGrants.client, client),
        position === undefined ? undefined : sql`(${oauthGrants.createdAt}, ${oauthGrants.id}) < (${position[0]}, ${position[1]})`,
      ),
    )
    .orderBy(desc(oauthGrants.createdAt), desc(oauthGrants.id))
    .limit(limit + 1);
  return pageOf(rows, limit, ({ createdAt, id }) => [createdAt, id]);
}
