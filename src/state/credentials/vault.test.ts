import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import { VaultSeal } from './seal.ts';
import { unlocked } from './unlocked.ts';
import { Vault } from './vault.ts';

const { DB: db } = env;
const SECRET = 'a secret of the tests';
const place = { org: 'org_a', name: 'github', id: 'cred_1', revision: 1 };

let now = 0;
const clock = { now: () => now };

async function write(parts: Partial<typeof place> = {}, value = 'ghp_value', secret = SECRET): Promise<void> {
  const { org, name, id, revision } = { ...place, ...parts };
  const sealed = await new VaultSeal([secret]).seal(value, { org, name, id, revision });
  await db.prepare('INSERT INTO orgs (id, name, created_at, updated_at) VALUES (?, ?, 1, 1) ON CONFLICT DO NOTHING').bind(org, org).run();
  await db
    .prepare(
      "INSERT INTO credentials (id, org_id, name, description, wrapped, sealed, revision, created_at, updated_at) VALUES (?, ?, ?, '', ?, ?, ?, 1, 1)",
    )
    .bind(id, org, name, sealed?.wrapped, sealed?.sealed, revision)
    .run();
}

beforeEach(async () => {
  now = 1_000_000;
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});

describe('a value that is sealed', () => {
  const seal = new VaultSeal([SECRET]);

  it('is opened in its place alone, and is never sealed the same way twice', async () => {
    const sealed = await seal.seal('ghp_value', place);
    const again = await seal.seal('ghp_value', place);
    if (sealed === undefined || again === undefined) throw new Error('not sealed');
    expect(await seal.open(sealed, place)).toBe('ghp_value');
    expect(again.sealed).not.toBe(sealed.sealed);
    expect(again.wrapped).not.toBe(sealed.wrapped);
    expect(JSON.stringify(sealed)).not.toContain('ghp');
    for (const elsewhere of [{ org: 'org_b' }, { name: 'gitlab' }, { id: 'cred_2' }, { revision: 2 }]) {
      expect(await seal.open(sealed, { ...place, ...elsewhere })).toBeUndefined();
    }
    // The key of one value does not open another, though both are of the same place.
    expect(await seal.open({ ...sealed, wrapped: again.wrapped }, place)).toBeUndefined();
  });

  it('is not opened where a bit of it was changed', async () => {
    const sealed = await seal.seal('v', place);
    if (sealed === undefined) throw new Error('not sealed');
    for (const part of ['wrapped', 'sealed'] as const) {
      const bytes = Uint8Array.from(atob(sealed[part]), (each) => each.charCodeAt(0));
      for (let at = 0; at < bytes.length; at++) {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ 1;
        expect(await seal.open({ ...sealed, [part]: btoa(String.fromCharCode(...changed)) }, place)).toBeUndefined();
      }
    }
  });

  it('is opened with the secret before the one in use, and with no other', async () => {
    const sealed = await seal.seal('v', place);
    if (sealed === undefined) throw new Error('not sealed');
    expect(await new VaultSeal(['new', SECRET]).open(sealed, place)).toBe('v');
    expect(await new VaultSeal(['new']).open(sealed, place)).toBeUndefined();
    expect(await new VaultSeal([]).seal('v', place)).toBeUndefined();
  });
});

describe('the vault', () => {
  it('gives each organisation its own, and nothing of a row that stands in the place of another', async () => {
    await write();
    await write({ org: 'org_b', id: 'cred_2' }, 'of b');
    const vault = new Vault(db, [SECRET], clock);
    expect(await vault.value('org_a', 'github')).toBe('ghp_value');
    expect(await vault.value('org_b', 'github')).toBe('of b');
    expect(await vault.value('org_a', 'other')).toBeUndefined();
    await db
      .prepare("UPDATE credentials SET org_id = 'org_x' WHERE id = 'cred_1'")
      .run()
      .catch(() => undefined);
    await db
      .prepare('UPDATE credentials SET (wrapped, sealed) = (SELECT wrapped, sealed FROM credentials WHERE id = ?) WHERE id = ?')
      .bind('cred_2', 'cred_1')
      .run();
    await expect(new Vault(db, [SECRET], clock).value('org_a', 'github')).rejects.toMatchObject({ code: 'provider_key_missing' });
  });

  it('keeps a value in memory for a minute and no longer', async () => {
    await write();
    const vault = new Vault(db, [SECRET], clock);
    await vault.value('org_a', 'github');
    await db.prepare('DELETE FROM credentials').run();
    now += 59_999;
    expect(await vault.value('org_a', 'github')).toBe('ghp_value');
    now += 1;
    expect(await vault.value('org_a', 'github')).toBeUndefined();
  });

  it('says that it cannot be read where the database does not answer', async () => {
    const silent = { prepare: () => ({ bind: () => ({ first: () => new Promise(() => undefined) }) }) } as unknown as D1Database;
    await expect(new Vault(silent, [SECRET], clock).value('org_a', 'github')).rejects.toMatchObject({ code: 'overloaded' });
  });
});

describe('a database that does not answer', () => {
  it('fails at once those who ask for the same value in the next five seconds, each with an error of its own', async () => {
    let asked = 0;
    const broken = { prepare: () => ({ bind: () => ({ first: () => Promise.reject(new Error(`D1 is away (${++asked})`)) }) }) };
    const vault = new Vault(broken as unknown as D1Database, [SECRET], clock);
    const failed = () => vault.value('org_a', 'github').catch((thrown: unknown) => thrown);
    const [first, second] = [await failed(), await failed()];
    expect(first).toMatchObject({ code: 'overloaded' });
    expect(second).toMatchObject({ code: 'overloaded' });
    expect(second).not.toBe(first);
    expect(asked).toBe(1);
    now += 5_000;
    await failed();
    expect(asked).toBe(2);
  });

  it('fails nobody who does not need the value', async () => {
    const kept = {
      vault: async (_: string, name: string) => (name === 'a' ? 'value' : Promise.reject(new GatewayError('overloaded', 'away'))),
    };
    const vault = await unlocked(kept, 'org_a', ['a', 'b']);
    expect(vault.get('a')).toBe('value');
    expect(() => vault.get('b')).toThrow('away');
    expect(vault.get('c')).toBeUndefined();
  });
});
