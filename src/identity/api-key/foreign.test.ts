import { describe, expect, it } from 'vitest';
import { fakePorts } from '../../core/fakes.ts';
import { STALE } from '../../core/fresh-callers.ts';
import type { KeySeal, StoredKey } from '../../core/tenant.ts';
import type { ForeignKey } from './foreign.ts';
import { newKey } from './format.ts';
import { KeyRing } from './ring.ts';

const OLD = 'sk-a-key-of-another-gateway';

const stored = (parts: Partial<StoredKey> = {}): StoredKey => ({
  id: 'key_1',
  org: 'org_1',
  team: 'team_1',
  app: 'app_1',
  generation: 1,
  active: true,
  levels: (['org', 'team', 'app', 'key'] as const).map((level) => ({ level, id: `${level}_1`, limits: [] })),
  metadata: {},
  ...parts,
});

/** A ring over a store of the test's own, with what was asked of it. */
function setUp(keys: { readonly [presented: string]: ForeignKey } = {}, secret = true) {
  const ports = fakePorts();
  const known = new Map(Object.entries(keys));
  const asked: string[] = [];
  const resealed: [KeySeal, KeySeal][] = [];
  const state = { fails: false };
  const foreign = {
    async any() {
      asked.push('any');
      if (state.fails) throw new Error('D1_ERROR');
      return known.size > 0;
    },
    async read(presented: string) {
      asked.push(presented);
      if (state.fails) throw new Error('D1_ERROR');
      return known.get(presented);
    },
    reseal: async (old: KeySeal, renewed: KeySeal) => void resealed.push([old, renewed]),
    seals: async (sha256: string) => (secret ? [{ digest: `sealed ${sha256}`, pepper: 'new' }] : []),
  };
  const store = { read: async () => undefined, seal: async () => undefined, opens: async () => undefined, reseal: async () => undefined };
  const ring = new KeyRing({ clock: ports.clock, fixed: [], store: { ...store, foreign } });
  return { ...ports, ring, known, asked, resealed, state, identify: (key: string) => ring.identify(key, ports.after) };
}

describe('a key of another gateway', () => {
  it('is whose key it stands for, looked up once and then known', async () => {
    const { ring, identify, asked, after } = setUp({ [OLD]: { stored: stored() } });
    expect(await identify(OLD)).toMatchObject({ keyId: 'key_1', org: 'org_1', app: 'app_1', principal: 'app_1' });
    expect(ring.known(OLD, after)).toMatchObject({ keyId: 'key_1' });
    expect(asked).toEqual(['any', OLD]);
  });

  it.each<[string, Partial<ForeignKey>]>([
    ['disabled or deleted, or something above it', { stored: stored({ active: false }) }],
    ['expired', { stored: stored({ expiresAt: 1_800_000_000_000 }) }],
    ['rotated, and the overlap is over', { until: 1_800_000_000_000 }],
  ])('is refused when that one is %s', async (_why, parts) => {
    const { identify } = setUp({ [OLD]: { stored: stored(), ...parts } });
    expect(await identify(OLD)).toBeUndefined();
  });

  it('is good for the overlap of a rotation, and no longer', async () => {
    const { ring, identify, clock, after } = setUp({ [OLD]: { stored: stored(), until: 1_800_000_000_500 } });
    expect(await identify(OLD)).toBeDefined();
    clock.advance(500);
    expect(ring.known(OLD, after)).toBeUndefined();
    expect(await identify(OLD)).toBeUndefined();
  });

  it('is sealed anew where the pepper has changed', async () => {
    const old = { digest: 'o', pepper: 'old' };
    const renewed = { digest: 'n', pepper: 'new' };
    const { identify, resealed, settled } = setUp({ [OLD]: { stored: stored(), outdated: { old, renewed } } });
    expect(await identify(OLD)).toBeDefined();
    await settled();
    expect(resealed).toEqual([[old, renewed]]);
  });

  it('stays good while the database does not answer, and a stranger is told that nobody knows', async () => {
    const { identify, state, clock } = setUp({ [OLD]: { stored: stored() } });
    await identify(OLD);
    state.fails = true;
    clock.advance(STALE);
    expect(await identify(OLD)).toMatchObject({ keyId: 'key_1' });
    await expect(identify('sk-somebody-else')).rejects.toMatchObject({ code: 'overloaded' });
  });
});

describe('strangers', () => {
  it('cost a deployment that took over no keys one query in ten seconds, whoever they are', async () => {
    const { identify, asked, clock } = setUp();
    for (let each = 0; each < 50; each++) expect(await identify(`sk-stranger-${each}`)).toBeUndefined();
    expect(asked).toEqual(['any']);
    clock.advance(10_000);
    await identify('sk-stranger-0');
    expect(asked).toEqual(['any', 'any']);
  });

  it('cost one that did one query each, and none for two seconds after it', async () => {
    const { identify, asked, clock } = setUp({ [OLD]: { stored: stored() } });
    for (let each = 0; each < 5; each++) await identify('sk-stranger');
    expect(asked).toEqual(['any', 'sk-stranger']);
    clock.advance(2_000);
    await identify('sk-stranger');
    expect(asked).toEqual(['any', 'sk-stranger', 'sk-stranger']);
  });

  it('cost none where what they show has not even the form of a key', async () => {
    const { identify, asked } = setUp({ [OLD]: { stored: stored() } });
    const { key } = newKey('live');
    for (const wrong of ['', 'short', `sk-${'x'.repeat(300)}`, 'sk-with a space', 'sk-ünïcode', `${key}x`, key.slice(0, -1), `${OLD}\n`])
      expect(await identify(wrong), wrong).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it('are let in at once when their key is taken over here', async () => {
    const { ring, identify, known } = setUp();
    expect(await identify(OLD)).toBeUndefined();
    known.set(OLD, { stored: stored() });
    ring.changed();
    expect(await identify(OLD)).toBeDefined();
  });
});

describe('taking one over', () => {
  it('needs a secret', async () => {
    expect(await setUp().ring.sealForeign('ab')).toEqual([{ digest: 'sealed ab', pepper: 'new' }]);
    await expect(setUp({}, false).ring.sealForeign('ab')).rejects.toMatchObject({ code: 'not_supported', status: 501 });
  });
});
