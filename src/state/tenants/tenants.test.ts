import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { KeySeal } from '../../core/tenant.ts';
import { FakeChains } from '../fake-audit.ts';
import { changeTenant, createTenant, type Draft, deleteTenant, rotateKey } from './changes.ts';
import { keyStore } from './key-store.ts';
import { Peppers } from './peppers.ts';
import { findByAlias, listAudit, listTenants, readTenant } from './reads.ts';

const { DB: db } = env;
const chains = new FakeChains(() => 1_000);
const by = { trail: chains.trail(db), now: 1_000 };
const store = keyStore(db, new Peppers(['secret']));

beforeEach(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});

const seal: KeySeal = { digest: 'd', pepper: 'p' };
const draft = (id: string, parts: Partial<Draft> = {}): Draft => ({
  id,
  name: id,
  limits: [],
  models: null,
  routes: null,
  ips: null,
  countries: null,
  metadata: {},
  disabled: false,
  parents: {},
  ...parts,
});

/** An organisation with one team, one app and one key. */
async function family(of = '1') {
  const org = `org_${of}`;
  const team = `team_${of}`;
  const app = `app_${of}`;
  await createTenant(db, 'org', draft(org), by);
  await createTenant(db, 'team', draft(team, { parents: { org } }), by);
  await createTenant(db, 'app', draft(app, { parents: { org, team } }), by);
  await createTenant(db, 'key', draft(`key_${of}`, { parents: { org, team, app }, key: { environment: 'live', seal } }), by);
  return { org, team, app, key: `key_${of}` };
}

const seen = async (level: 'org' | 'team' | 'app' | 'key', id: string) => {
  const found = await readTenant(db, level, id, true);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
};

const actions = async () =>
  (await listAudit(db, { limit: 100, filters: { outcome: 'done' } })).items.map(({ action, subject }) => `${action} ${subject}`).reverse();

describe('tenants', () => {
  it('begin with those of the deployment itself', async () => {
    expect(await store.read('key_dev')).toEqual({
      id: 'key_dev',
      org: 'org_dev',
      team: 'team_dev',
      app: 'app_dev',
      generation: 1,
      active: true,
      levels: [
        { level: 'org', id: 'org_dev', limits: [] },
        { level: 'team', id: 'team_dev', limits: [] },
        { level: 'app', id: 'app_dev', limits: [] },
        { level: 'key', id: 'key_dev', limits: [] },
      ],
      metadata: {},
    });
  });

  it('are read with everything above them, the narrower metadata over the wider', async () => {
    const { key, org, app } = await family();
    await changeTenant(db, 'org', await seen('org', org), { models: ['a'], metadata: { cost: 'org', org: 1 } }, by);
    await changeTenant(
      db,
      'app',
      await seen('app', app),
      { ips: ['::1'], limits: [{ unit: 'usd', limit: 1 }], metadata: { cost: 'app' } },
      by,
    );
    expect(await store.read(key)).toMatchObject({
      active: true,
      generation: 6,
      seal,
      metadata: { cost: 'app', org: 1 },
      levels: [
        { level: 'org', models: ['a'], limits: [] },
        { level: 'team', limits: [] },
        { level: 'app', ips: ['::1'], limits: [{ unit: 'usd', limit: 1 }] },
        { level: 'key' },
      ],
    });
    expect(await store.read('key_none')).toBeUndefined();
  });

  it.each(['org', 'team', 'app', 'key'] as const)('work only while no %s above them is disabled', async (level) => {
    const made = await family();
    await changeTenant(db, level, await seen(level, made[level]), { disabled: true }, by);
    expect(await store.read(made.key)).toMatchObject({ active: false });
    await changeTenant(db, level, await seen(level, made[level]), { disabled: false }, by);
    expect(await store.read(made.key)).toMatchObject({ active: true });
  });

  it.each([
    ['org', ['org', 'team', 'app', 'key']],
    ['team', ['team', 'app', 'key']],
    ['app', ['app', 'key']],
    ['key', ['key']],
  ] as const)('that are deleted take all below them along, and nothing else: %s', async (level, gone) => {
    const made = await family();
    await family('2');
    await deleteTenant(db, level, await seen(level, made[level]), by);
    for (const each of ['org', 'team', 'app', 'key'] as const) {
      const kept = (await readTenant(db, each, made[each])) !== undefined;
      expect(kept, each).toBe(!gone.some((one) => one === each));
      expect(await readTenant(db, each, `${each}_2`)).toBeDefined();
      expect((await listTenants(db, each, { limit: 9, filters: { deleted: true } })).items).toHaveLength(3);
    }
    expect(await store.read(made.key)).toMatchObject({ active: false });
    expect(await store.read('key_2')).toMatchObject({ active: true });
  });

  it('give a name once among siblings, and again when it is free', async () => {
    const { org } = await family();
    await expect(createTenant(db, 'org', draft('org_x', { name: org }), by)).rejects.toMatchObject({ code: 'already_exists', status: 409 });
    await createTenant(db, 'org', draft('org_2'), by);
    // Somebody else's team of the same name.
    await createTenant(db, 'team', draft('team_x', { name: 'team_1', parents: { org: 'org_2' } }), by);
    await expect(createTenant(db, 'team', draft('team_y', { name: 'team_1', parents: { org } }), by)).rejects.toMatchObject({
      code: 'already_exists',
    });
    const before = await actions();
    await expect(changeTenant(db, 'org', await seen('org', 'org_2'), { name: org }, by)).rejects.toMatchObject({ code: 'already_exists' });
    expect(await actions()).toEqual(before);
    await deleteTenant(db, 'team', await seen('team', 'team_1'), by);
    await createTenant(db, 'team', draft('team_z', { name: 'team_1', parents: { org } }), by);
  });

  it('are not made below what has just been deleted', async () => {
    const { app, team, org } = await family();
    await deleteTenant(db, 'app', await seen('app', app), by);
    const before = await actions();
    const orphan = draft('key_x', { parents: { org, team, app }, key: { environment: 'live', seal } });
    await expect(createTenant(db, 'key', orphan, by)).rejects.toMatchObject({ code: 'conflict' });
    expect(await readTenant(db, 'key', 'key_x', true)).toBeUndefined();
    expect(await actions()).toEqual(before);
  });
});

describe('a change', () => {
  it('is made from what was seen or not at all, and is audited with what was and what is', async () => {
    const { key, org } = await family();
    const old = await seen('key', key);
    expect(await changeTenant(db, 'key', old, { name: 'new', expiresAt: 5 }, by)).toEqual({ org, generation: 5 });
    await expect(changeTenant(db, 'key', old, { name: 'newer' }, by)).rejects.toMatchObject({ code: 'conflict', status: 412 });
    await expect(rotateKey(db, old, { seal: { digest: 'e', pepper: 'p' }, previousUntil: 9 }, by)).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await seen('key', key)).toMatchObject({ name: 'new', expiresAt: 5, version: 2 });
    const [last] = (await listAudit(db, { limit: 1, filters: { outcome: 'done' } })).items;
    expect(last).toEqual({
      id: expect.any(Number),
      change: expect.stringMatching(/^chg_/),
      seq: expect.any(Number),
      outcome: 'done',
      at: 1_000,
      actor: 'ann',
      action: 'key.change',
      subject: key,
      org,
      detail: { from: { name: 'key_1', expiresAt: null }, to: { name: 'new', expiresAt: 5 } },
    });
  });

  it('of which the audit cannot be written is not made', async () => {
    const { key } = await family();
    await db.prepare(`CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END`).run();
    await expect(changeTenant(db, 'key', await seen('key', key), { disabled: true }, by)).rejects.toThrow();
    await expect(deleteTenant(db, 'key', await seen('key', key), by)).rejects.toThrow();
    await expect(createTenant(db, 'org', draft('org_9'), by)).rejects.toThrow();
    expect(await store.read(key)).toMatchObject({ active: true, generation: 4 });
    expect(await readTenant(db, 'org', 'org_9', true)).toBeUndefined();
  });

  it('leaves one audit row each, which holds no digest', async () => {
    const { key } = await family();
    await rotateKey(db, await seen('key', key), { seal: { digest: 'secret-digest', pepper: 'p' }, previousUntil: 2_000 }, by);
    await deleteTenant(db, 'key', await seen('key', key), by);
    expect(await actions()).toEqual([
      'org.create org_1',
      'team.create team_1',
      'app.create app_1',
      'key.create key_1',
      'key.rotate key_1',
      'key.delete key_1',
    ]);
    const { results } = await db.prepare('SELECT detail FROM audit').all();
    expect(JSON.stringify(results)).not.toMatch(/digest|"p"/);
    const only = await listAudit(db, { limit: 9, filters: { action: 'key', org: 'org_1', since: 1_000, until: 1_001, actor: 'ann' } });
    expect(only.items.map(({ action }) => action)).toEqual(['key.delete', 'key.rotate', 'key.create']);
    expect((await listAudit(db, { limit: 9, filters: { action: 'ke' } })).items).toEqual([]);
  });
});

describe('a rotation', () => {
  it('keeps the digest before for a while, and only that one', async () => {
    const { key } = await family();
    await rotateKey(db, await seen('key', key), { seal: { digest: 'e', pepper: 'p' }, previousUntil: 2_000 }, by);
    expect(await store.read(key)).toMatchObject({ seal: { digest: 'e' }, previous: { seal, until: 2_000 } });
    await rotateKey(db, await seen('key', key), { seal: { digest: 'f', pepper: 'p' }, previousUntil: 3_000 }, by);
    expect(await store.read(key)).toMatchObject({ seal: { digest: 'f' }, previous: { seal: { digest: 'e' }, until: 3_000 } });
    await rotateKey(db, await seen('key', key), { seal: { digest: 'g', pepper: 'p' }, previousUntil: by.now }, by);
    expect(await store.read(key)).not.toHaveProperty('previous');
  });
});

describe('lists', () => {
  it('come page by page, newest first, also of one moment, and as narrow as asked', async () => {
    for (let each = 0; each < 7; each++)
      await createTenant(db, 'org', draft(`org_${each}`, { name: each < 3 ? `a_${each}%` : `b${each}` }), by);
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page: { items: readonly { id: string }[]; next: string | null } = await listTenants(db, 'org', {
        limit: 3,
        cursor,
        filters: {},
      });
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(ids).toEqual(['org_6', 'org_5', 'org_4', 'org_3', 'org_2', 'org_1', 'org_0', 'org_dev']);
    const named = async (name: string) => (await listTenants(db, 'org', { limit: 9, filters: { name } })).items.map(({ id }) => id);
    expect(await named('a_')).toEqual(['org_2', 'org_1', 'org_0']);
    // Wildcards of LIKE, and other cases, are letters like any other.
    expect(await named('a%')).toEqual([]);
    expect(await named('A_')).toEqual([]);
    await changeTenant(db, 'org', await seen('org', 'org_1'), { disabled: true }, by);
    expect((await listTenants(db, 'org', { limit: 9, filters: { disabled: true } })).items.map(({ id }) => id)).toEqual(['org_1']);
  });
});

describe('peppers', () => {
  it('make digests that say nothing without them, and tell keys apart', async () => {
    const peppers = new Peppers(['one']);
    const made = await peppers.seal('key');
    if (made === undefined) throw new Error('no seal');
    expect(made).toEqual({ digest: expect.stringMatching(/^[\w-]{43}$/), pepper: expect.stringMatching(/^[\w-]{8}$/) });
    expect(await peppers.opens('key', made)).toEqual({});
    expect(await peppers.opens('kez', made)).toBeUndefined();
    expect(await peppers.opens('key', { ...made, digest: 'A'.repeat(43) })).toBeUndefined();
    expect(await peppers.opens('key', { ...made, digest: '?' })).toBeUndefined();
    expect((await new Peppers(['two']).seal('key'))?.digest).not.toBe(made.digest);
    expect(await new Peppers(['two']).opens('key', made)).toBeUndefined();
    expect(await new Peppers([]).seal('key')).toBeUndefined();
  });

  it('change while keys stay, each sealed anew when it is used', async () => {
    const made = await family();
    const old = await new Peppers(['old']).seal('the key');
    if (old === undefined) throw new Error('no seal');
    await rotateKey(db, await seen('key', made.key), { seal: old, previousUntil: 0 }, by);
    const between = keyStore(db, new Peppers(['new', 'old']));
    const opened = await between.opens('the key', old);
    expect(opened?.renewed).toBeDefined();
    if (opened?.renewed !== undefined) await between.reseal(made.key, old, opened.renewed);
    const after = keyStore(db, new Peppers(['new']));
    const stored = (await after.read(made.key))?.seal;
    expect(stored === undefined ? undefined : await after.opens('the key', stored)).toEqual({});
    // A rotation in between is not undone.
    await after.reseal(made.key, old, old);
    expect((await after.read(made.key))?.seal).toEqual(stored);
  });

  it('are what a key is looked up with by one query over primary keys alone', async () => {
    const { results } = await db
      .prepare(
        `EXPLAIN QUERY PLAN SELECT 1 FROM keys JOIN apps ON apps.id = keys.app_id JOIN teams ON teams.id = keys.team_id
         JOIN orgs ON orgs.id = keys.org_id WHERE keys.id = 'x'`,
      )
      .all<{ detail: string }>();
    expect(
      results
        .map(({ detail }) => detail)
        .every((detail) => /^SEARCH \w+ USING (?:COVERING )?INDEX sqlite_autoindex_\w+_1 \(id=\?\)/.test(detail)),
    ).toBe(true);
  });
});

describe('a key of another gateway', () => {
  const sha256 = async (text: string) => {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  };
  const OLD = 'sk-of-another-gateway';
  const peppers = new Peppers(['secret']);
  const aliasOf = async (key: string, of = peppers) => (await of.seals(await sha256(key)))[0] ?? seal;

  /** A key that a foreign one stands for. */
  async function imported(of: string, key: string) {
    const { org, team, app } = await family(of);
    const id = `key_${of}_imported`;
    const made = { environment: 'live', seal, alias: await aliasOf(key) } as const;
    await createTenant(db, 'key', draft(id, { parents: { org, team, app }, key: made }), by);
    return id;
  }

  it('leads to the one that it stands for, and nothing of it is stored that its hash gives away', async () => {
    expect(await store.foreign.any()).toBe(false);
    const id = await imported('1', OLD);
    expect(await store.foreign.any()).toBe(true);
    expect((await store.foreign.read(OLD))?.stored).toMatchObject({ id, org: 'org_1', active: true });
    expect(await store.foreign.read(`${OLD}x`)).toBeUndefined();
    expect(await store.foreign.read(await sha256(OLD))).toBeUndefined();
    const { results } = await db.prepare('SELECT * FROM key_aliases').all();
    expect(JSON.stringify(results)).not.toContain(await sha256(OLD));
    expect(await findByAlias(db, [await aliasOf(OLD)])).toMatchObject({ id });
    expect((await listAudit(db, { limit: 1, filters: {} })).items[0]?.detail).toMatchObject({ imported: true });
  });

  it('stands for one only, until that one is deleted', async () => {
    const id = await imported('1', OLD);
    await expect(imported('2', OLD)).rejects.toMatchObject({ code: 'already_exists', details: { param: 'importedHash' } });
    await deleteTenant(db, 'org', await seen('org', 'org_1'), by);
    expect(await store.foreign.read(OLD)).toBeUndefined();
    expect(await readTenant(db, 'key', id)).toBeUndefined();
    const next = await imported('3', OLD);
    expect((await store.foreign.read(OLD))?.stored.id).toBe(next);
  });

  it('ends with the overlap of the first rotation', async () => {
    const id = await imported('1', OLD);
    await rotateKey(db, await seen('key', id), { seal: { digest: 'e', pepper: 'p' }, previousUntil: 2_000 }, by);
    expect((await store.foreign.read(OLD))?.until).toBe(2_000);
    await rotateKey(db, await seen('key', id), { seal: { digest: 'f', pepper: 'p' }, previousUntil: 9_000 }, by);
    expect((await store.foreign.read(OLD))?.until).toBe(2_000);
  });

  it('is found with the pepper before, sealed anew, and then with the new one alone', async () => {
    const id = await imported('1', OLD);
    const between = keyStore(db, new Peppers(['new', 'secret']));
    const found = await between.foreign.read(OLD);
    expect(found?.stored.id).toBe(id);
    if (found?.outdated === undefined) throw new Error('not outdated');
    await between.foreign.reseal(found.outdated.old, found.outdated.renewed);
    const after = keyStore(db, new Peppers(['new']));
    expect(await after.foreign.read(OLD)).toMatchObject({ stored: { id } });
    expect(await after.foreign.read(OLD)).not.toHaveProperty('outdated');
    expect(await store.foreign.read(OLD)).toBeUndefined();
    expect(await keyStore(db, new Peppers([])).foreign.read(OLD)).toBeUndefined();
  });

  it('is looked up with one query over indexes', async () => {
    const { results } = await db
      .prepare(
        `EXPLAIN QUERY PLAN SELECT 1 FROM key_aliases JOIN keys ON keys.id = key_aliases.key_id JOIN apps ON apps.id = keys.app_id
         JOIN teams ON teams.id = keys.team_id JOIN orgs ON orgs.id = keys.org_id WHERE key_aliases.digest IN ('x', 'y') LIMIT 1`,
      )
      .all<{ detail: string }>();
    expect(results.length).toBe(5);
    expect(results.every(({ detail }) => /^SEARCH \w+ USING (?:COVERING )?INDEX \w+ /.test(detail))).toBe(true);
  });
});
