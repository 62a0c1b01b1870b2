import { describe, expect, it, vi } from 'vitest';
import { fakePorts } from '../../core/fakes.ts';
import { FRESH, REMEMBERED, STALE } from '../../core/fresh-callers.ts';
import type { KeySeal, StoredKey } from '../../core/tenant.ts';
import { newKey } from './format.ts';
import { KeyRing } from './ring.ts';

const FIXED = 'weir_dev_of-the-deployment';
const fixedIdentity = { keyId: 'key_dev', org: 'org_dev', team: 'team_dev', app: 'app_dev', principal: 'app_dev' };

function storedKey(id: string, key: string, parts: Partial<StoredKey> = {}): StoredKey {
  const levels = (['org', 'team', 'app', 'key'] as const).map((level) => ({ level, id: level === 'key' ? id : `${level}_1`, limits: [] }));
  const seal = { digest: `sealed ${key}`, pepper: 'new' };
  return { id, org: 'org_1', team: 'team_1', app: 'app_1', generation: 1, active: true, seal, levels, metadata: {}, ...parts };
}

/** A ring over a store of the test's own, with what was asked of it. */
function setUp({ fixed = true, secret = true } = {}) {
  const ports = fakePorts();
  const stored = new Map<string, StoredKey>();
  const reads: string[] = [];
  const resealed: string[] = [];
  const logged: string[] = [];
  const state = { fails: false };
  let gate: Promise<void> | undefined;
  const store = {
    async read(id: string) {
      reads.push(id);
      const found = stored.get(id);
      await gate;
      if (state.fails) throw new Error('D1_ERROR: SELECT secrets');
      return found;
    },
    seal: async (presented: string) => (secret ? { digest: `sealed ${presented}`, pepper: 'new' } : undefined),
    opens: async (presented: string, { digest, pepper }: KeySeal) => {
      if (digest !== `sealed ${presented}`) return undefined;
      return pepper === 'new' ? {} : { renewed: { digest, pepper: 'new' } };
    },
    reseal: async (id: string) => void resealed.push(id),
  };
  const ring = new KeyRing({
    clock: ports.clock,
    fixed: fixed ? [{ key: FIXED, identity: fixedIdentity }] : [],
    store,
    log: (message) => logged.push(message),
  });
  const add = (parts: Partial<StoredKey> = {}) => {
    const made = newKey('live');
    stored.set(made.id, storedKey(made.id, made.key, parts));
    return made;
  };
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    return () => {
      gate = undefined;
      resolve();
    };
  };
  return { ...ports, ring, stored, reads, resealed, logged, state, add, hold, identify: (key: string) => ring.identify(key, ports.after) };
}

describe('a key', () => {
  it('is looked up once and then known, without waiting', async () => {
    const { ring, add, reads, identify, after } = setUp();
    const { id, key } = add();
    expect(ring.known(key, after)).toBeUndefined();
    expect(await identify(key)).toMatchObject({ keyId: id, app: 'app_1', principal: 'app_1' });
    expect(ring.known(key, after)).toMatchObject({ keyId: id });
    expect(reads).toEqual([id]);
  });

  it('is looked up again behind a request, once, and waited for only when it is stale', async () => {
    const { ring, add, reads, identify, after, clock, settled, stored } = setUp();
    const { id, key } = add();
    await identify(key);
    clock.advance(FRESH);
    for (let each = 0; each < 5; each++) expect(ring.known(key, after)).toBeDefined();
    await settled();
    expect(reads).toHaveLength(2);
    clock.advance(FRESH);
    stored.delete(id);
    expect(ring.known(key, after)).toBeDefined();
    await settled();
    expect(ring.known(key, after)).toBeUndefined();
    expect(await identify(key)).toBeUndefined();

    const other = add();
    await identify(other.key);
    clock.advance(STALE);
    expect(ring.known(other.key, after)).toBeUndefined();
  });

  it('of which something changed here is unknown at once, also to a look-up that began before', async () => {
    const { ring, add, identify, after, hold, stored, reads } = setUp();
    const { id, key } = add();
    const open = hold();
    const early = identify(key);
    // The row is read before the change, and comes after it.
    await vi.waitFor(() => expect(reads).toHaveLength(1), { timeout: 15_000 });
    ring.changed();
    stored.delete(id);
    open();
    expect(await early).toBeDefined();
    expect(ring.known(key, after)).toBeUndefined();
    expect(await identify(key)).toBeUndefined();
  });

  it('is out of date when its organisation has changed elsewhere', async () => {
    const { ring, add, identify, after } = setUp();
    const mine = add({ generation: 4 });
    const other = add({ org: 'org_2', generation: 1 });
    await identify(mine.key);
    await identify(other.key);
    ring.saw('org_1', 4);
    expect(ring.known(mine.key, after)).toBeDefined();
    ring.saw('org_1', 5);
    expect(ring.known(mine.key, after)).toBeUndefined();
    expect(ring.known(other.key, after)).toBeDefined();
  });

  it.each<[string, Partial<StoredKey>]>([
    ['disabled or deleted, or something above it', { active: false }],
    ['expired', { expiresAt: 1_800_000_000_000 }],
    ['another secret', { seal: { digest: 'sealed something else', pepper: 'new' } }],
    ['sealed with nothing', {}],
  ])('is refused when it is %s', async (why, parts) => {
    const { add, identify, stored } = setUp();
    const { id, key } = add(parts);
    const found = stored.get(id);
    if (why === 'sealed with nothing' && found !== undefined) {
      const { seal: _, ...rest } = found;
      stored.set(id, rest);
    }
    expect(await identify(key)).toBeUndefined();
  });

  it('ends when it expires, also where it is remembered', async () => {
    const { ring, add, identify, after, clock } = setUp();
    const { key } = add({ expiresAt: 1_800_000_000_500 });
    expect(await identify(key)).toBeDefined();
    clock.advance(499);
    expect(ring.known(key, after)).toBeDefined();
    clock.advance(1);
    expect(ring.known(key, after)).toBeUndefined();
    expect(await identify(key)).toBeUndefined();
  });

  it('of before a rotation is good until the overlap ends, and the new one beyond', async () => {
    const { ring, add, identify, after, clock, stored } = setUp();
    const { id, key: old } = add();
    const { key } = newKey('live', id);
    const previous = { seal: { digest: `sealed ${old}`, pepper: 'new' }, until: 1_800_000_000_500 };
    stored.set(id, storedKey(id, key, { previous }));
    expect(await identify(old)).toMatchObject({ keyId: id });
    expect(await identify(key)).toMatchObject({ keyId: id });
    clock.advance(500);
    expect(ring.known(old, after)).toBeUndefined();
    expect(await identify(old)).toBeUndefined();
    expect(ring.known(key, after)).toBeDefined();
  });

  it('that was sealed with an older pepper is sealed anew when it is used', async () => {
    const { add, identify, resealed, settled, stored } = setUp();
    const { id, key } = add();
    stored.set(id, storedKey(id, key, { seal: { digest: `sealed ${key}`, pepper: 'old' } }));
    expect(await identify(key)).toBeDefined();
    await settled();
    expect(resealed).toEqual([id]);
  });
});

describe('who holds no key', () => {
  it('is told so without a look-up where it is not even the form of one', async () => {
    const { identify, reads, add } = setUp();
    const { key } = add();
    for (const wrong of ['', 'x', key.slice(0, -1), `${key}x`, "' OR 1=1 --", 'x'.repeat(100_000)])
      expect(await identify(wrong)).toBeUndefined();
    expect(reads).toEqual([]);
  });

  it('costs one look-up in a while, and as much memory as there is room for', async () => {
    const { ring, identify, reads, clock, add, after } = setUp();
    const { key } = newKey('live');
    await identify(key);
    await identify(key);
    expect(reads).toHaveLength(1);
    clock.advance(2_000);
    await identify(key);
    expect(reads).toHaveLength(2);
    const good = add();
    await identify(good.key);
    for (let each = 0; each < REMEMBERED + 10; each++) await identify(newKey('live').key);
    expect(ring.known(good.key, after)).toBeDefined();
    // The first of them was forgotten to make room.
    await identify(key);
    expect(reads).toHaveLength(REMEMBERED + 14);
  });

  it('is not taken for somebody whose key begins alike', async () => {
    const { identify, add } = setUp();
    const { id } = add();
    expect(await identify(newKey('live', id).key)).toBeUndefined();
  });
});

describe('a database that does not answer', () => {
  it('takes no key away from those who had one, and is no verdict on others', async () => {
    const { ring, add, identify, after, clock, state, logged, settled } = setUp();
    const had = add();
    const other = add();
    await identify(had.key);
    state.fails = true;
    clock.advance(FRESH);
    expect(ring.known(had.key, after)).toBeDefined();
    await settled();
    clock.advance(STALE);
    expect(await identify(had.key)).toMatchObject({ keyId: had.id });
    await expect(identify(other.key)).rejects.toMatchObject({ code: 'overloaded', status: 503, details: { retryAfter: 2 } });
    expect(logged.length).toBeGreaterThan(0);
    clock.advance(3_600_000);
    await expect(identify(had.key)).rejects.toMatchObject({ code: 'overloaded' });
    state.fails = false;
    expect(await identify(other.key)).toMatchObject({ keyId: other.id });
  });
});

describe("the deployment's own key", () => {
  it('is whose its row says, and as good as its row', async () => {
    const { ring, identify, stored, after, reads } = setUp();
    const { seal: _, ...row } = storedKey('key_dev', '', { org: 'org_dev', app: 'app_dev' });
    stored.set('key_dev', row);
    expect(await identify(FIXED)).toMatchObject({ keyId: 'key_dev', app: 'app_dev', generation: 1 });
    expect(ring.known(FIXED, after)).toBeDefined();
    expect(reads).toEqual(['key_dev']);
    stored.set('key_dev', { ...row, active: false });
    ring.changed();
    expect(await identify(FIXED)).toBeUndefined();
    expect(await identify(`${FIXED}x`)).toBeUndefined();
  });

  it('is all there is without a database', async () => {
    const { clock, after } = fakePorts();
    const ring = new KeyRing({ clock, fixed: [{ key: FIXED, identity: fixedIdentity }] });
    expect(await ring.identify(FIXED, after)).toEqual(fixedIdentity);
    expect(await ring.identify(newKey('live').key, after)).toBeUndefined();
    await expect(ring.mint('live')).rejects.toMatchObject({ code: 'not_supported' });
  });

  it('is none where none is set', async () => {
    expect(await setUp({ fixed: false }).identify(FIXED)).toBeUndefined();
  });
});

describe('making keys', () => {
  it('gives the key and what is stored of it, new or as the successor of another', async () => {
    const { ring } = setUp();
    const made = await ring.mint('test');
    expect(made.seal).toEqual({ digest: `sealed ${made.key}`, pepper: 'new' });
    const next = await ring.mint('test', made.id);
    expect(next.id).toBe(made.id);
    expect(next.key).not.toBe(made.key);
  });

  it('needs a secret', async () => {
    await expect(setUp({ secret: false }).ring.mint('live')).rejects.toMatchObject({ code: 'not_supported', status: 501 });
  });
});
