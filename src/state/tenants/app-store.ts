import type { AppRef, StoredCaller } from '../../core/tenant.ts';
import { type AppRow, appLevels, callerOf, columnsOf } from './rules.ts';

/** One of a level by its id or its name; names of what is deleted are free. */
const named = (table: string, at: number) => `(${table}.id = ?${at} OR ${table}.name = ?${at} AND ${table}.deleted_at IS NULL)`;

const statement = (conditions: readonly string[]) => `SELECT ${columnsOf(appLevels)}
  FROM orgs JOIN teams ON teams.org_id = orgs.id JOIN apps ON apps.team_id = teams.id
  WHERE ${conditions.join(' AND ')} LIMIT 3`;

/** Reads as `AppStore` of `identity/apps/ring.ts`. */
export const appStore = (db: D1Database) => ({
  async read({ app, org, team }: AppRef): Promise<StoredCaller | undefined> {
    const given = [
      ['apps', app] as const,
      ...(org === undefined ? [] : [['orgs', org] as const]),
      ...(team === undefined ? [] : [['teams', team] as const]),
    ];
    const conditions = given.map(([table], at) => named(table, at + 1));
    const { results } = await db
      .prepare(statement(conditions))
      .bind(...given.map(([, value]) => value))
      .all<AppRow>();
    const exact = results.filter((row) => row.app_id === app);
    const [found, another] = exact.length > 0 ? exact : results;
    // A name that several have is nobody's, rather than one of theirs.
    return found === undefined || another !== undefined ? undefined : callerOf(found);
  },
});
