import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { getTableConfig, type SQLiteTable } from 'drizzle-orm/sqlite-core';
import { beforeAll, expect, it } from 'vitest';
import { apps, audit, connections, credentials, keyAliases, keys, oauthGrants, orgs, teams, webhooks } from './tables.ts';

const { DB: db } = env;

beforeAll(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});

const TABLES: readonly SQLiteTable[] = [orgs, teams, apps, keys, keyAliases, webhooks, credentials, connections, oauthGrants, audit];

it.each(TABLES.map((table) => [getTableConfig(table).name, table] as const))(
  '%s is here as the migrations make it',
  async (name, table) => {
    const made = await db.prepare(`SELECT name, type, "notnull" AS mandatory, pk FROM pragma_table_info(?) ORDER BY cid`).bind(name).all();
    const { columns } = getTableConfig(table);
    expect(
      columns.map((column) => ({
        name: column.name,
        type: column.getSQLType().toUpperCase(),
        mandatory: column.notNull && !column.primary ? 1 : 0,
        pk: column.primary ? 1 : 0,
      })),
    ).toEqual(made.results);
  },
);
