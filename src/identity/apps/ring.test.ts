import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import { fakePorts } from '../../core/fakes.ts';
import { FRESH, REMEMBERED, STALE } from '../../core/fresh-callers.ts';
import type { AppRef, StoredCaller } from '../../core/tenant.ts';
import { AppRing } from './ring.ts';

const stored = (parts: Partial<StoredCaller> = {}): StoredCaller => ({
  org: 'org_1',
  team: 'team_1',
  app: 'app_1',
  generation: 1,
  active: true,
  levels: [{ level: 'app', id: 'app_1', limits: [{ unit: 'requests', limit: 5, window: '1m' }], models: ['a'] }],
  metadata: { cost: 'x' },
  ...parts,
});

function setUp(first: StoredCaller | undefined = stored()) {
  const ports = fakePorts();
  const state: { app: StoredCaller | undefined; fails: boolean } = { app: first, fails: false };
  const reads: AppRef[] = [];
  const logged: string[] = [];
  const store = {
    async read(ref: AppRef) {
      reads.push(ref);
      if (state.fails) throw new Error('D1_ERROR');
      return state.app;
    },
  };
  const ring = new AppRing({ clock: ports.clock, store, log: (message) => logged.push(message) });
  const identify = async (ref: AppRef = { app: 'web', org: 'acme' }) => ring.identify(ref, ports.after);
  return { ...ports, ring, state, reads, logged, identify };
}

describe('an app', () => {
  it('is looked up once, with all that holds for its calls, and then known without waiting', async () => {
    const { ring, reads, identify, after } = setUp();
    const found = await identify();
    expect(found).toMatchObject({ keyId: 'app_1', principal: 'app_1', metadata: { cost: 'x' }, allowed: { models: [['a']] } });
    expect(found?.limits).toHaveLength(1);
    expect(ring.identify({ app: 'web', org: 'acme' }, after)).toBe(found);
    expect(reads).toEqual([{ app: 'web', org: 'acme' }]);
  });

  it('is another one under the same name elsewhere', async () => {
    const { reads, identify } = setUp();
    for (const ref of [{ app: 'web' }, { app: 'web', org: 'acme' }, { app: 'web', team: 'acme' }, { app: 'web', org: 'acme', team: 'red' }])
      await identify(ref);
    expect(reads).toHaveLength(4);
  });

  it('is looked up again behind the request after a while, and waited for after a second', async () => {
    const { identify, clock, state, settled, reads } = setUp();
    await identify();
    state.app = undefined;
    clock.advance(FRESH);
    expect(await identify()).toBeDefined();
    expect(reads).toHaveLength(2);
    await settled();
    expect(await identify()).toBeUndefined();
    const waiting = setUp();
    await waiting.identify();
    waiting.state.app = stored({ active: false });
    waiting.clock.advance(STALE);
    expect(await waiting.identify()).toBeUndefined();
  });

  it.each([undefined, stored({ active: false })])(
    'that is none or may not be used is refused, and not asked for each time',
    async (none) => {
      const { identify, reads, state, clock } = setUp(none ?? stored({ active: false }));
      if (none === undefined) state.app = undefined;
      for (let count = 0; count < 5; count++) expect(await identify()).toBeUndefined();
      expect(reads).toHaveLength(1);
      state.app = stored();
      clock.advance(2_000);
      expect(await identify()).toBeDefined();
    },
  );

  it('is forgotten where something changed, here or as is told', async () => {
    const { ring, identify, reads } = setUp();
    await identify();
    ring.changed();
    await identify();
    ring.saw('org_2', 9);
    ring.saw('org_1', 1);
    await identify();
    expect(reads).toHaveLength(2);
    ring.saw('org_1', 2);
    await identify();
    expect(reads).toHaveLength(3);
  });

  it('stays good while the database is silent, and is unknown rather than refused where it never was', async () => {
    const { identify, clock, state, logged } = setUp();
    await identify();
    state.fails = true;
    clock.advance(STALE);
    expect(await identify()).toBeDefined();
    await expect(identify({ app: 'other' })).rejects.toMatchObject({ code: 'overloaded' });
    expect(logged).not.toEqual([]);
    clock.advance(3_600_000);
    await expect(identify()).rejects.toBeInstanceOf(GatewayError);
  });

  it('fails where its limits cannot be read: they are not skipped', async () => {
    const { identify } = setUp(stored({ levels: [{ level: 'app', id: 'app_1', limits: [{ unit: 'pounds' }] }] }));
    await expect(identify()).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('is remembered among a bounded number of others', async () => {
    const { identify, reads } = setUp();
    for (let count = 0; count <= REMEMBERED; count++) await identify({ app: `app-${count}` });
    const before = reads.length;
    await identify({ app: `app-${REMEMBERED}` });
    expect(reads).toHaveLength(before);
    await identify({ app: 'app-0' });
    expect(reads).toHaveLength(before + 1);
  });
});

it('there are none without a database', async () => {
  const { clock, after } = fakePorts();
  expect(await new AppRing({ clock }).identify({ app: 'web' }, after)).toBeUndefined();
});
