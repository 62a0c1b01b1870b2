import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { appStore } from './app-store.ts';

const { DB: db } = env;
const store = appStore(db);

async function insert(table: string, row: { readonly [column: string]: string | number }) {
  const columns = Object.keys({ ...row, created_at: 1, updated_at: 1 });
  const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
  await db
    .prepare(sql)
    .bind(...Object.values(row), 1, 1)
    .run();
}

const app = (id: string, org: string, team: string, parts: object = {}) =>
  insert('apps', { id, name: 'web', org_id: org, team_id: team, ...parts });

beforeEach(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
  for (const org of ['1', '2']) {
    await insert('orgs', {
      id: `org_${org}`,
      name: `acme${org}`,
      models: '["m"]',
      metadata: '{"a":1,"b":1}',
      limits: '[{"unit":"requests"}]',
    });
    for (const team of ['red', 'blue']) await insert('teams', { id: `team_${team}${org}`, name: team, org_id: `org_${org}` });
  }
  await app('app_1', 'org_1', 'team_red1', { metadata: '{"b":2}', ips: '["::1"]' });
});

describe('an app', () => {
  it.each([
    { app: 'app_1' },
    { app: 'web' },
    { app: 'web', org: 'acme1' },
    { app: 'web', org: 'org_1', team: 'red' },
    { app: 'app_1', team: 'team_red1' },
  ])('is found by id or name, with all above it: %j', async (ref) => {
    expect(await store.read(ref)).toEqual({
      org: 'org_1',
      team: 'team_red1',
      app: 'app_1',
      generation: 1,
      active: true,
      levels: [
        { level: 'org', id: 'org_1', limits: [{ unit: 'requests' }], models: ['m'] },
        { level: 'team', id: 'team_red1', limits: [] },
        { level: 'app', id: 'app_1', limits: [], ips: ['::1'] },
      ],
      metadata: { a: 1, b: 2 },
    });
  });

  it.each([
    { app: 'none' },
    { app: '' },
    { app: 'WEB' },
    { app: 'web', org: 'acme2' },
    { app: 'app_1', org: 'acme2' },
    { app: 'app_1', team: 'blue' },
    { app: "' OR 1=1 --" },
    { app: 'web', org: '%' },
  ])('is none where it is not of whom the names mean: %j', async (ref) => {
    expect(await store.read(ref)).toBeUndefined();
  });

  it('of a name that several have is nobody’s until it is said whose', async () => {
    await app('app_2', 'org_2', 'team_red2');
    await app('app_3', 'org_1', 'team_blue1');
    expect(await store.read({ app: 'web' })).toBeUndefined();
    expect(await store.read({ app: 'web', org: 'acme1' })).toBeUndefined();
    expect(await store.read({ app: 'web', org: 'acme1', team: 'blue' })).toMatchObject({ app: 'app_3' });
    expect(await store.read({ app: 'web', org: 'acme2' })).toMatchObject({ app: 'app_2' });
  });

  it('is meant by its id before another one is by its name', async () => {
    await app('app_2', 'org_2', 'team_red2', { name: 'app_1' });
    expect(await store.read({ app: 'app_1' })).toMatchObject({ app: 'app_1', org: 'org_1' });
  });

  it.each(['orgs', 'teams', 'apps'])('is not active while one of %s above it is disabled, or deleted', async (table) => {
    await db.prepare(`UPDATE ${table} SET disabled = 1`).run();
    expect(await store.read({ app: 'app_1' })).toMatchObject({ active: false });
    await db.prepare(`UPDATE ${table} SET disabled = 0, deleted_at = 1`).run();
    expect((await store.read({ app: 'app_1' }))?.active ?? false).toBe(false);
    expect((await store.read({ app: 'web', org: 'acme1', team: 'red' }))?.active ?? false).toBe(false);
  });
});
