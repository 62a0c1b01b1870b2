import { applyD1Migrations, env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../core/fakes.ts';
import type { NewHold, ReservedCalls, Settlement } from '../../core/ledger/holds.ts';
import type { Take } from '../../core/ledger/take.ts';
import { Allowances } from './allowances.ts';
import { LedgerClient, type Lender } from './client.ts';
import type { Ledger } from './ledger-object.ts';

/** Later than the machine's own clock: no alarm comes by itself. */
const NOW = Date.UTC(2040, 10, 21, 12);

/** An isolate: its clock and its sleepers move when the test says so. */
class Isolate {
  now = NOW;
  readonly asked: string[] = [];
  readonly calls: ReservedCalls;
  readonly #work: Promise<unknown>[] = [];
  readonly #sleepers: (() => void)[] = [];

  constructor(org: string, name: string) {
    let ids = 0;
    const allowances = new Allowances(this.#listened(new LedgerClient(env.LEDGER, org)), {
      clock: { now: () => this.now },
      newId: () => `lease_${name}_${ids++}`,
      sleep: () => new Promise((resolve) => void this.#sleepers.push(resolve)),
    });
    this.calls = allowances.for((work) => void this.#work.push(work));
  }

  #listened(ledger: Lender): Lender {
    return new Proxy(ledger, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name);
        if (typeof found !== 'function') return found;
        return (...given: unknown[]) => {
          this.asked.push(String(name));
          return Reflect.apply(found, target, given);
        };
      },
    });
  }

  /** Waits until what was borrowed is here. */
  async lent(): Promise<void> {
    await vi.waitFor(() => expect(this.#sleepers).not.toHaveLength(0));
  }

  /** Lets the second end: everything goes back. */
  async end(): Promise<void> {
    this.now += 1_000;
    for (const wake of this.#sleepers.splice(0)) wake();
    await Promise.all(this.#work.splice(0));
  }
}

const usd = (limit: number, amount: number): Take => ({
  ...{ level: 'key', subject: 'key_1', unit: 'usd', limit, amount },
  window: { kind: 'calendar', unit: 'month', zone: 'UTC' },
});
const usageOf = (org: string) => ({ requestId: 'req_1', startedAt: NOW, org, team: 't', app: 'a', keyId: 'key_1', cost: 3 });
const holdOf = (org: string, id: string, takes: readonly Take[]): NewHold => ({
  ...{ id, subjects: ['key:key_1'], generation: 0, takes, ttl: 60_000, usage: usageOf(org) },
});
const settlement = (org: string, usdSpent: number): Settlement => ({
  actual: { usd: usdSpent },
  usage: { ...usageOf(org), cost: usdSpent, status: 'complete' },
});
const usedOf = async (org: string) => (await new LedgerClient(env.LEDGER, org).look([usd(1, 0)])).standings[0]?.used;

async function rowsOf(org: string) {
  await runDurableObjectAlarm(env.LEDGER.getByName(org));
  const { results } = await env.DB.prepare('SELECT id, status, cost FROM usage WHERE org = ? ORDER BY id').bind(org).all();
  return results;
}

/** An isolate that has borrowed a block of ten calls: eight asked for themselves, and two came before the block did. */
async function warm(org: string, limit: number, amount: number): Promise<Isolate> {
  const isolate = new Isolate(org, 'a');
  for (let n = 0; n < 8; n++) {
    await isolate.calls.reserve(holdOf(org, `w${n}`, [usd(limit, amount)]));
    await isolate.calls.settle(`w${n}`, settlement(org, amount));
  }
  await isolate.lent();
  isolate.asked.length = 0;
  return isolate;
}

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('an allowance', () => {
  it('serves hot calls without asking anybody, and gives one account of all of them', async () => {
    const isolate = await warm('org_hot', 10_000, 10);
    expect(await usedOf('org_hot')).toBe(80 + 8 * 10);
    for (let n = 0; n < 8; n++) {
      expect(await isolate.calls.reserve(holdOf('org_hot', `h${n}`, [usd(10_000, 10)]))).toMatchObject({ allowed: true });
      expect(await isolate.calls.settle(`h${n}`, settlement('org_hot', 4))).toEqual({ ending: 'settled', now: true });
    }
    expect(isolate.asked).toEqual([]);
    await isolate.end();
    expect(isolate.asked).toEqual(['giveBack']);
    expect(await usedOf('org_hot')).toBe(80 + 8 * 4);
    const rows = await rowsOf('org_hot');
    expect(rows).toHaveLength(16);
    expect(rows.reduce((sum, { cost }) => sum + Number(cost), 0)).toBe(80 + 8 * 4);
  });

  it('says what is left, as it was when the block was lent, without what was taken here', async () => {
    const isolate = await warm('org_left', 10_000, 10);
    const here = await isolate.calls.reserve(holdOf('org_left', 'h0', [usd(10_000, 10)]));
    expect(here.standings).toMatchObject([{ used: 80, remaining: 9_920 }]);
    const next = await isolate.calls.reserve(holdOf('org_left', 'h1', [usd(10_000, 10)]));
    expect(next.standings).toMatchObject([{ used: 90, remaining: 9_910 }]);
  });

  it('counts as spent where the isolate ends without a word', async () => {
    vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
    const isolate = await warm('org_dies', 10_000, 10);
    await isolate.calls.reserve(holdOf('org_dies', 'h0', [usd(10_000, 10)]));
    await isolate.calls.settle('h0', settlement('org_dies', 1));
    vi.setSystemTime(NOW + 20_000);
    const rows = await rowsOf('org_dies');
    expect(rows).toHaveLength(9);
    expect(rows[0]).toEqual({ id: 'lease_a_0', status: 'lost', cost: 80 });
    expect(await usedOf('org_dies')).toBe(160);
    // Its account comes after all: the row is kept, and nothing is taken back.
    await isolate.end();
    expect(await rowsOf('org_dies')).toContainEqual({ id: 'h0', status: 'complete', cost: 1 });
    expect(await usedOf('org_dies')).toBe(160);
  });

  it('hands calls that go on to the ledger, which ends them', async () => {
    const isolate = await warm('org_long', 10_000, 10);
    for (const id of ['long', 'gone', 'late']) await isolate.calls.reserve(holdOf('org_long', id, [usd(10_000, 10)]));
    expect(await isolate.calls.extend('long', 60_000)).toEqual({ state: 'open' });
    const ended = isolate.end();
    // While the account is on its way.
    while (!isolate.asked.includes('giveBack')) await Promise.resolve();
    expect(await isolate.calls.settle('late', settlement('org_long', 7))).toEqual({ ending: 'settled', now: true });
    expect(await isolate.calls.settle('late', settlement('org_long', 7))).toEqual({ ending: 'settled', now: false });
    await ended;
    expect(isolate.asked).toEqual(['giveBack', 'settle']);
    expect(await usedOf('org_long')).toBe(80 + 7 + 20);
    expect(await isolate.calls.extend('long', 60_000)).toEqual({ state: 'open' });
    expect(await isolate.calls.settle('long', settlement('org_long', 50))).toEqual({ ending: 'settled', now: true });
    expect(await isolate.calls.release('gone')).toEqual({ ending: 'released', now: true });
    expect(await usedOf('org_long')).toBe(80 + 7 + 50);
    expect((await rowsOf('org_long')).slice(0, 2).map(({ id }) => id)).toEqual(['late', 'long']);
  });

  it('moves a call to other meters, or leaves it where it was', async () => {
    const isolate = await warm('org_moves', 10_000, 10);
    await isolate.calls.reserve(holdOf('org_moves', 'h0', [usd(10_000, 10)]));
    const other = { ...usd(15, 20), level: 'model', subject: 'mock/b' } as const;
    expect(await isolate.calls.move('h0', [other], usageOf('org_moves'))).toMatchObject({ allowed: false, refusal: { level: 'model' } });
    expect(await isolate.calls.move('h0', [{ ...other, amount: 5 }], usageOf('org_moves'))).toMatchObject({ allowed: true });
    expect(await isolate.calls.settle('h0', settlement('org_moves', 6))).toEqual({ ending: 'settled', now: true });
    await isolate.end();
    expect(await usedOf('org_moves')).toBe(80);
    expect((await new LedgerClient(env.LEDGER, 'org_moves').look([other])).standings).toMatchObject([{ used: 6 }]);
  });

  it('is not lent near a limit, where each call asks', async () => {
    const isolate = new Isolate('org_near', 'a');
    const allowed: boolean[] = [];
    for (let n = 0; n < 20; n++) allowed.push((await isolate.calls.reserve(holdOf('org_near', `h${n}`, [usd(150, 10)]))).allowed);
    expect(allowed.filter(Boolean)).toHaveLength(15);
    expect(isolate.asked.filter((name) => name === 'reserve')).toHaveLength(20);
    expect(isolate.asked.filter((name) => name === 'borrow')).toHaveLength(1);
  });

  it('never lets isolates together pass a limit, whichever of them die', async () => {
    vi.spyOn(console, 'error').mockReturnValue();
    for (let seed = 0; seed < 3; seed++) {
      const org = `org_many_${seed}`;
      const random = seededRandom(seed);
      const limit = 9_000;
      const isolates = Array.from({ length: 5 }, (_, n) => ({ isolate: new Isolate(org, `i${n}`), open: [] as string[], dead: false }));
      const spent = { here: 0 };
      for (let step = 0; step < 700; step++) {
        const each = isolates[Math.floor(random() * isolates.length)];
        if (each === undefined || each.dead) continue;
        const drawn = random();
        if (drawn < 0.6) {
          const id = `h${step}`;
          const { allowed } = await each.isolate.calls.reserve(holdOf(org, id, [usd(limit, 40)]));
          if (allowed) each.open.push(id);
          spent.here += allowed ? 40 : 0;
        } else if (drawn < 0.97) {
          const id = each.open.shift();
          const actual = Math.floor(random() * 41);
          if (id !== undefined) {
            await each.isolate.calls.settle(id, settlement(org, actual));
            spent.here -= 40 - actual;
          }
        } else if (drawn < 0.995) await each.isolate.end();
        else each.dead = true;
        expect(spent.here).toBeLessThanOrEqual(limit);
      }
      for (const { isolate, dead } of isolates) if (!dead) await isolate.end();
      expect(await usedOf(org)).toBeGreaterThanOrEqual(spent.here);
      expect(await usedOf(org)).toBeLessThanOrEqual(limit);
      const leases = isolates.flatMap(({ isolate }) => isolate.asked.filter((name) => name === 'borrow'));
      expect(leases.length).toBeGreaterThan(0);
    }
  }, 60_000);
});

describe('a revocation', () => {
  it('is heard of when the block is at its end, and at once by a caller who knows', async () => {
    const isolate = await warm('org_told', 10_000, 10);
    const generation = await new LedgerClient(env.LEDGER, 'org_told').revoke('key:key_1');
    expect(await isolate.calls.reserve(holdOf('org_told', 'h0', [usd(10_000, 10)]))).toMatchObject({ allowed: true });
    const knowing = { ...holdOf('org_told', 'h1', [usd(10_000, 10)]), generation };
    expect(await isolate.calls.reserve(knowing)).toMatchObject({ allowed: true, generation });
    expect(isolate.asked).toEqual(['reserve']);
    await isolate.end();
    expect(await isolate.calls.reserve(holdOf('org_told', 'h2', [usd(10_000, 10)]))).toMatchObject({ refusal: { reason: 'revoked' } });
    await runInDurableObject(env.LEDGER.getByName('org_told'), (object: Ledger) => expect(object.counts().refused).toBe(1));
  });
});
