import { applyD1Migrations, env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { NewHold, Settlement } from '../../core/ledger/holds.ts';
import type { Amounts, Take } from '../../core/ledger/take.ts';
import type { UsageDraft } from '../../core/ledger/usage.ts';
import { LedgerClient } from './client.ts';
import type { Ledger } from './ledger-object.ts';

const CENT = 10_000_000;
/** Later than the machine's own clock: no alarm comes by itself. */
const NOW = Date.UTC(2040, 10, 21, 12);
const MINUTE = 60_000;

const usageOf = (org: string, parts: Partial<UsageDraft> = {}): UsageDraft => ({
  ...{ requestId: 'req_1', startedAt: NOW, org, team: 'team_1', app: 'app_1', keyId: 'key_1', model: 'mock/a', cost: 7 },
  ...parts,
});
const usd = (limit: number, amount: number, subject = 'key_1'): Take => ({
  ...{ level: 'key', subject, unit: 'usd', limit, amount },
  window: { kind: 'calendar', unit: 'month', zone: 'UTC' },
});
const slots = (limit: number): Take => ({ level: 'key', subject: 'key_1', unit: 'concurrent', window: { kind: 'held' }, limit, amount: 1 });
const holdOf = (org: string, id: string, takes: readonly Take[], parts: Partial<NewHold> = {}): NewHold => ({
  ...{ id, subjects: ['key:key_1'], generation: 0, takes, ttl: 15 * MINUTE, usage: usageOf(org) },
  ...parts,
});
const settlement = (org: string, actual: Amounts): Settlement => ({ actual, usage: { ...usageOf(org), status: 'complete' } });
const ledgerOf = (org: string) => ({ client: new LedgerClient(env.LEDGER, org), stub: env.LEDGER.getByName(org) });

/** Rows of D1, by the hold's id. */
async function rowsOf(org: string) {
  const { results } = await env.DB.prepare('SELECT id, status, cost, estimated FROM usage WHERE org = ? ORDER BY id').bind(org).all();
  return results;
}

/** What the object stores, by table. */
const stored = (stub: DurableObjectStub<Ledger>, table: 'holds' | 'ended' | 'meters') =>
  runInDurableObject(stub, (_object: Ledger, state) => state.storage.sql.exec(`SELECT * FROM ${table}`).toArray());

const at = (now: number) => vi.useFakeTimers({ now, toFake: ['Date'] });

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a budget', () => {
  it('admits of a thousand calls at once exactly those that fit, with restarts in between', { timeout: 60_000 }, async () => {
    const { client, stub } = ledgerOf('org_race');
    const ask = (from: number, to: number) =>
      Promise.all(
        Array.from({ length: to - from }, (_, n) => client.reserve(holdOf('org_race', `h${from + n}`, [usd(CENT, 130_001), slots(5_000)]))),
      );
    const before = await ask(0, 40);
    await evictDurableObject(stub);
    const after = await ask(40, 1_040);
    expect([...before, ...after].filter(({ allowed }) => allowed)).toHaveLength(Math.floor(CENT / 130_001));
    const refused = after.at(-1);
    expect(refused).toMatchObject({
      allowed: false,
      refusal: { reason: 'limit', level: 'key', subject: 'key_1', unit: 'usd', limit: CENT, used: 76 * 130_001, asked: 130_001 },
    });
    expect(await stored(stub, 'holds')).toHaveLength(76);
    expect((await client.look([usd(CENT, 0), slots(1)])).standings.map(({ used }) => used)).toEqual([76 * 130_001, 76]);
  });

  it('is not lost with the object, and neither are its open holds', async () => {
    const { client, stub } = ledgerOf('org_evicted');
    await client.reserve(holdOf('org_evicted', 'h1', [usd(100, 60)]));
    await evictDurableObject(stub);
    expect(await client.reserve(holdOf('org_evicted', 'h2', [usd(100, 60)]))).toMatchObject({ allowed: false });
    expect(await client.settle('h1', settlement('org_evicted', { usd: 10 }))).toEqual({ ending: 'settled', now: true });
    await evictDurableObject(stub);
    expect(await client.settle('h1', settlement('org_evicted', { usd: 90 }))).toEqual({ ending: 'settled', now: false });
    expect(await client.reserve(holdOf('org_evicted', 'h3', [usd(100, 90)]))).toMatchObject({ allowed: true });
  });

  it('takes everything or nothing, and a refusal leaves no trace', async () => {
    const { client, stub } = ledgerOf('org_atomic');
    const takes = [usd(100, 50), { ...usd(100, 50), subject: 'key_2', limit: 40 }];
    expect(await client.reserve(holdOf('org_atomic', 'h1', takes))).toMatchObject({ allowed: false, refusal: { subject: 'key_2' } });
    expect(await stored(stub, 'meters')).toEqual([]);
    expect(await stored(stub, 'holds')).toEqual([]);
    expect(await stub.counts()).toMatchObject({ refused: 1, waiting: false });
  });

  it('undoes all of an operation of which a part cannot be written', async () => {
    const { client, stub } = ledgerOf('org_undone');
    await client.reserve(holdOf('org_undone', 'h1', [usd(100, 50)]));
    await runInDurableObject(stub, (_object: Ledger, state) =>
      state.storage.sql.exec(`CREATE TRIGGER broken BEFORE INSERT ON ended BEGIN SELECT RAISE(ABORT, 'disk full'); END`),
    );
    await expect(client.settle('h1', settlement('org_undone', { usd: 1 }))).rejects.toMatchObject({ code: 'overloaded' });
    expect((await client.look([usd(100, 0)])).standings).toMatchObject([{ used: 50 }]);
    await runInDurableObject(stub, (_object: Ledger, state) => state.storage.sql.exec('DROP TRIGGER broken'));
    expect(await client.settle('h1', settlement('org_undone', { usd: 1 }))).toEqual({ ending: 'settled', now: true });
    expect((await client.look([usd(100, 0)])).standings).toMatchObject([{ used: 1 }]);
  });

  it('refuses what no meter can count', async () => {
    const { client } = ledgerOf('org_odd');
    vi.spyOn(console, 'error').mockReturnValue();
    for (const amount of [-5, 0.5, Number.NaN, 1e308]) {
      await expect(client.reserve(holdOf('org_odd', 'h1', [usd(100, amount)]))).rejects.toThrow(RangeError);
    }
    await client.reserve(holdOf('org_odd', 'h1', [usd(100, 40)]));
    expect(await client.settle('h1', settlement('org_odd', { usd: -5 }))).toEqual({ ending: 'settled', now: true, rejected: true });
    expect((await client.look([usd(100, 0)])).standings).toMatchObject([{ used: 40 }]);
  });
});

describe('a hold that nobody ends', () => {
  it('is settled as estimated when its time is over, by an alarm alone', async () => {
    const { client, stub } = ledgerOf('org_abandoned');
    at(NOW);
    await client.reserve(holdOf('org_abandoned', 'h1', [usd(100, 60), slots(1)]));
    await client.reserve(holdOf('org_abandoned', 'h2', [usd(100, 10)]));
    expect(await client.extend('h2', 60 * MINUTE)).toEqual({ state: 'open' });
    expect(await runInDurableObject(stub, (_object: Ledger, state) => state.storage.getAlarm())).toBe(NOW + 15 * MINUTE);
    at(NOW + 15 * MINUTE);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect((await client.look([usd(100, 0), slots(1)])).standings).toMatchObject([{ used: 70 }, { used: 0 }]);
    expect(await rowsOf('org_abandoned')).toEqual([{ id: 'h1', status: 'abandoned', cost: 7, estimated: 1 }]);
    expect(await client.settle('h1', settlement('org_abandoned', { usd: 1 }))).toEqual({ ending: 'abandoned', now: false });
    expect(await runInDurableObject(stub, (_object: Ledger, state) => state.storage.getAlarm())).toBe(NOW + 60 * MINUTE);
  });
});

describe('usage rows', () => {
  it('reach D1 once each, also when the database fails or takes them twice', async () => {
    const { client, stub } = ledgerOf('org_outbox');
    const errors = vi.spyOn(console, 'error').mockReturnValue();
    for (const id of ['h1', 'h2', 'h3']) {
      await client.reserve(holdOf('org_outbox', id, []));
      if (id === 'h2') await client.release(id);
      else await client.settle(id, settlement('org_outbox', {}));
    }
    await env.DB.prepare('ALTER TABLE usage RENAME TO elsewhere').run();
    await runDurableObjectAlarm(stub);
    expect(errors).toHaveBeenCalledOnce();
    // What waits is nothing that a call waits for.
    expect(await client.reserve(holdOf('org_outbox', 'h4', [usd(100, 1)]))).toMatchObject({ allowed: true });
    await client.settle('h4', settlement('org_outbox', {}));
    await env.DB.prepare('ALTER TABLE elsewhere RENAME TO usage').run();
    at(Date.now() + 10_000);
    await runDurableObjectAlarm(stub);
    expect((await rowsOf('org_outbox')).map(({ id }) => id)).toEqual(['h1', 'h3', 'h4']);
    // As if the answer of D1 had been lost: all of them are sent again.
    await runInDurableObject(stub, (_object: Ledger, state) =>
      state.storage.sql.exec('UPDATE numbers SET value = 0 WHERE name = ?', 'drained'),
    );
    await client.reserve(holdOf('org_outbox', 'h5', []));
    await client.settle('h5', settlement('org_outbox', {}));
    await runDurableObjectAlarm(stub);
    expect((await rowsOf('org_outbox')).map(({ id }) => id)).toEqual(['h1', 'h3', 'h4', 'h5']);
    expect(await stub.counts()).toMatchObject({ waiting: false });
  });

  it('are remembered for an hour after they went out, and forgotten then', async () => {
    const { client, stub } = ledgerOf('org_forgets');
    at(NOW);
    await client.reserve(holdOf('org_forgets', 'h1', [usd(100, 1)]));
    await client.settle('h1', settlement('org_forgets', {}));
    await runDurableObjectAlarm(stub);
    expect(await stored(stub, 'ended')).toHaveLength(1);
    at(Date.UTC(2040, 11, 2));
    await client.reserve(holdOf('org_forgets', 'h2', []));
    await client.settle('h2', settlement('org_forgets', {}));
    await runDurableObjectAlarm(stub);
    expect((await stored(stub, 'ended')).map(({ id }) => id)).toEqual(['h2']);
    expect(await stored(stub, 'meters')).toEqual([]);
  });
});

describe('a revocation', () => {
  it('is known to the next call, of whatever isolate', async () => {
    const { client } = ledgerOf('org_revokes');
    await client.reserve(holdOf('org_revokes', 'h1', []));
    await client.changed(7);
    await client.changed(6);
    const outdated = { allowed: false, generation: 7, refusal: { reason: 'outdated' } };
    expect(await client.reserve(holdOf('org_revokes', 'h2', []))).toMatchObject(outdated);
    expect(await client.reserve(holdOf('org_revokes', 'h2', [], { generation: 6 }))).toMatchObject(outdated);
    expect(await client.borrow(holdOf('org_revokes', 'l1', []))).toMatchObject(outdated);
    expect(await client.pulse()).toEqual({ generation: 7, stopped: [] });
    expect(await client.reserve(holdOf('org_revokes', 'h2', [], { generation: 7 }))).toMatchObject({ allowed: true });
    // What has begun may end: whether its key still holds is looked up while it goes on.
    expect(await client.extend('h1', MINUTE)).toEqual({ state: 'open' });
  });

  it('stops a run whatever its callers know', async () => {
    const { client, stub } = ledgerOf('org_stops');
    await client.reserve(holdOf('org_stops', 'h0', [], { subjects: ['run:r1'] }));
    await client.stop('run:r1');
    await evictDurableObject(stub);
    expect(await client.pulse()).toEqual({ generation: 0, stopped: ['run:r1'] });
    expect(await client.extend('h0', MINUTE)).toMatchObject({ refusal: { reason: 'stopped' } });
    const asked = holdOf('org_stops', 'h1', [], { subjects: ['key:key_1', 'run:r1'], generation: 99 });
    expect(await client.reserve(asked)).toMatchObject({ allowed: false, refusal: { reason: 'stopped', subject: 'run:r1' } });
  });
});
