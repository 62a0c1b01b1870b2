import { and, desc, eq, sql } from 'drizzle-orm';
import { type Page, type PageRequest, pageOf, readCursor } from '../paging.ts';
import { connections } from '../tenants/tables.ts';
import { control } from '../tenants/writes.ts';

/** Who granted what, for those who administer it; the grant itself lies elsewhere, sealed. */
export type ConnectionRow = typeof connections.$inferSelect;

/** Notes what was granted, in the place of what was granted there before. */
export async function noteConnection(db: D1Database, row: Omit<ConnectionRow, 'createdAt' | 'updatedAt'>, now: number): Promise<void> {
  const { id: _, ...changed } = row;
  await control(db)
    .insert(connections)
    .values({ ...row, createdAt: now, updatedAt: now })
    .onConflictDoUpdate({ target: connections.id, set: { ...changed, updatedAt: now } });
}

export async function forgetConnection(db: D1Database, id: string): Promise<void> {
  await control(db).delete(connections).where(eq(connections.id, id));
}

export async function readConnection(db: D1Database, id: string): Promise<ConnectionRow | undefined> {
  const [row] = await control(db).select().from(connections).where(eq(connections.id, id));
  return row;
}

export interface ConnectionFilters {
  readonly org?: string | undefined;
  readonly app?: string | undefined;
  readonly user?: string | undefined;
  readonly route?: string | undefined;
  readonly source?: string | undefined;
}

/** Newest first. Throws `invalid_request` on a cursor that is none. */
export async function listConnections(
  db: D1Database,
  { limit, cursor, filters }: PageRequest & { readonly filters: ConnectionFilters },
): Promise<Page<ConnectionRow>> {
  const position = readCursor(cursor, ['number', 'string']);
  const { org, app, user, route, source } = filters;
  const rows = await control(db)
    .select()
    .from(connections)
    .where(
      and(
        org === undefined ? undefined : eq(connections.org, org),
        app === undefined ? undefined : eq(connections.app, app),
        user === undefined ? undefined : eq(connections.user, user),
        route === undefined ? undefined : eq(connections.route, route),
        source === undefined ? undefined : eq(connections.source, source),
        position === undefined ? undefined : sql`(${connections.createdAt}, ${connections.id}) < (${position[0]}, ${position[1]})`,
      ),
    )
    .orderBy(desc(connections.createdAt), desc(connections.id))
    .limit(limit + 1);
  return pageOf(rows, limit, ({ createdAt, id }) => [createdAt, id]);
}
