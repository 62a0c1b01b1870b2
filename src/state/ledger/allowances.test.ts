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

/** An isolate: its clock and who sleeps for a second move when the test says so. */
class Isolate {
  now = NOW;
  /** What it asked of the ledger, save what it told behind its calls. */
  readonly asked: string[] = [];
  /** Messages about calls behind them. */
  told = 0;
  /** Nothing that it says is heard any more. */
  dead = false;
  readonly calls: ReservedCalls;
  readonly #work: Promise<unknown>[] = [];
  readonly #sleepers: (() => void)[] = [];

  constructor(org: string, name: string) {
    let ids = 0;
    const allowances = new Allowances(this.#listened(new LedgerClient(env.LEDGER, org)), {
      clock: { now: () => this.now },
      newId: () => `lease_${name}_${ids++}`,
      sleep: (milliseconds) =>
        new Promise((resolve) => void (milliseconds < 1_000 ? setTimeout(resolve, milliseconds) : this.#sleepers.push(resolve))),
    });
    this.calls = allowances.for((work) => void this.#work.push(work));
  }

  #listened(ledger: Lender): Lender {
    return new Proxy(ledger, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name);
        if (typeof found !== 'function') return found;
        return (...given: unknown[]) => {
          if (this.dead) return new Promise(() => undefined);
          if (name === 'progress') this.told += 1;
          else this.asked.push(String(name));
          return Reflect.apply(found, target, given);
        };
      },
    });
  }

  /** Waits until what was borrowed is here. */
  async lent(): Promise<void> {
    await vi.waitFor(() => expect(this.#sleepers).not.toHaveLength(0), { timeout: 15_000 });
  }

  /** Lets the second end: everything goes back. */
  async end(): Promise<void> {
    this.wake();
    await Promise.all(this.#work.splice(0));
  }

  /** Moves the clock by a second. */
  wake(): void {
    this.now += 1_000;
    for (const wake of this.#sleepers.splice(0)) wake();
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
    isolate.dead = true;
    vi.setSystemTime(NOW + 20_000);
    const rows = await rowsOf('org_dies');
    expect(rows).toHaveLength(9);
    expect(rows[0]).toEqual({ id: 'lease_a_0', status: 'lost', cost: 80 });
    expect(await usedOf('org_dies')).toBe(160);
    // Its account comes after all: the row is kept, and nothing is taken back.
    isolate.dead = false;
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

  it('moves a call within its block, where the same meters hold another target, and needs no room for it twice', async () => {
    const isolate = await warm('org_within', 400, 10);
    for (let n = 0; n < 8; n++) await isolate.calls.reserve(holdOf('org_within', `h${n}`, [usd(400, 10)]));
    // All the rest of the limit is taken by somebody else.
    const client = new LedgerClient(env.LEDGER, 'org_within');
    expect(await client.reserve(holdOf('org_within', 'other', [usd(400, 240)]))).toMatchObject({ allowed: true });
    const other = { ...usageOf('org_within'), model: 'mock/b', cost: 9 };
    isolate.asked.length = 0;
    expect(await isolate.calls.move('h0', [usd(400, 9)], other)).toMatchObject({ allowed: true });
    expect(isolate.asked).toEqual([]);
    // One token more than the block has left: that is the ledger's to say.
    expect(await isolate.calls.move('h1', [usd(400, 12)], other)).toMatchObject({ allowed: false });
    expect(isolate.asked).toEqual(['reserve']);
    for (let n = 0; n < 8; n++) expect(await isolate.calls.settle(`h${n}`, settlement('org_within', 8))).toMatchObject({ now: true });
    await isolate.end();
    expect(await usedOf('org_within')).toBe(80 + 240 + 8 * 8);
  });

  it('is not lent near a limit, where each call asks', async () => {
    const isolate = new Isolate('org_near', 'a');
    const allowed: boolean[] = [];
    for (let n = 0; n < 20; n++) allowed.push((await isolate.calls.reserve(holdOf('org_near', `h${n}`, [usd(150, 10)]))).allowed);
    expect(allowed.filter(Boolean)).toHaveLength(15);
    expect(isolate.asked.filter((name) => name === 'reserve')).toHaveLength(20);
    expect(isolate.asked.filter((name) => name === 'borrow')).toHaveLength(1);
  });

  it('keeps no call from what was lent while it waited for its own answer', async () => {
    const isolate = new Isolate('org_meanwhile', 'a');
    const asked = Array.from({ length: 60 }, (_, n) => isolate.calls.reserve(holdOf('org_meanwhile', `m${n}`, [usd(40, 1)])));
    const allowed = (await Promise.all(asked)).filter((answer) => answer.allowed);
    expect(isolate.asked).toContain('borrow');
    expect(allowed).toHaveLength(40);
  });

  it('never lets isolates together pass a limit, whichever of them die', async () => {
    vi.spyOn(console, 'error').mockReturnValue();
    for (let seed = 0; seed < 3; seed++) {
      const org = `org_many_${seed}`;
      const random = seededRandom(seed);
      const limit = 9_000;
      const isolates = Array.from({ length: 5 }, (_, n) => ({ isolate: new Isolate(org, `i${n}`), open: [] as string[] }));
      const spent = { here: 0 };
      for (let step = 0; step < 700; step++) {
        const each = isolates[Math.floor(random() * isolates.length)];
        if (each === undefined || each.isolate.dead) continue;
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
        else each.isolate.dead = true;
        expect(spent.here).toBeLessThanOrEqual(limit);
      }
      for (const { isolate } of isolates) if (!isolate.dead) await isolate.end();
      expect(await usedOf(org)).toBeGreaterThanOrEqual(spent.here);
      expect(await usedOf(org)).toBeLessThanOrEqual(limit);
      const leases = isolates.flatMap(({ isolate }) => isolate.asked.filter((name) => name === 'borrow'));
      expect(leases.length).toBeGreaterThan(0);
    }
  }, 60_000);
});

describe('a rate', () => {
  it('lets isolates together through what its burst is and what has drained, however they borrow', { timeout: 60_000 }, async () => {
    vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
    const rate: Take = {
      level: 'key',
      subject: 'key_1',
      unit: 'requests',
      window: { kind: 'rate', milliseconds: 60_000 },
      limit: 60,
      amount: 1,
    };
    const take = { ...rate, burst: 400 };
    const isolates = Array.from({ length: 3 }, (_, n) => new Isolate('org_rate', `r${n}`));
    let admitted = 0;
    const ask = async (rounds: number) => {
      for (let n = 0; n < rounds; n++) {
        for (const [at, isolate] of isolates.entries()) {
          const id = `${admitted}-${n}-${at}`;
          const { allowed } = await isolate.calls.reserve(holdOf('org_rate', id, [take]));
          if (!allowed) continue;
          admitted += 1;
          await isolate.calls.settle(id, { actual: { requests: 1 }, usage: { ...usageOf('org_rate'), status: 'complete' } });
        }
      }
    };
    await ask(60);
    const borrowed = isolates.flatMap(({ asked }) => asked.filter((name) => name === 'borrow')).length;
    expect(borrowed).toBeGreaterThan(0);
    for (const isolate of isolates) await isolate.end();
    await ask(160);
    for (const isolate of isolates) await isolate.end();
    await ask(20);
    expect(admitted).toBe(400);
    vi.setSystemTime(NOW + 5_000);
    await ask(20);
    expect(admitted).toBe(405);
  });
});

describe('calls that nobody asked the ledger about', () => {
  const call = async (isolate: Isolate, org: string, id: string, actual?: number) => {
    await isolate.calls.reserve(holdOf(org, id, [usd(10_000, 10)]));
    if (actual !== undefined) await isolate.calls.settle(id, settlement(org, actual));
  };

  it('have a row each before their answers leave, should the isolate end without a word', async () => {
    vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
    const isolate = await warm('org_known', 10_000, 10);
    await call(isolate, 'org_known', 'h0', 4);
    await isolate.calls.kept?.('h0');
    await call(isolate, 'org_known', 'h1');
    await call(isolate, 'org_known', 'h2');
    await isolate.calls.kept?.('h2');
    await isolate.calls.release('h2');
    await call(isolate, 'org_known', 'h3', 9);
    await isolate.calls.kept?.('h3');
    // Nobody has this answer: it may have no row, and counts all the same.
    await call(isolate, 'org_known', 'h4', 1);
    isolate.dead = true;
    vi.setSystemTime(NOW + 20_000);
    expect((await rowsOf('org_known')).filter(({ id }) => !String(id).startsWith('w'))).toEqual([
      { id: 'h0', status: 'complete', cost: 4 },
      { id: 'h1', status: 'abandoned', cost: 3 },
      { id: 'h3', status: 'complete', cost: 9 },
      { id: 'lease_a_0', status: 'lost', cost: 80 - 4 - 3 - 9 },
    ]);
    expect(await usedOf('org_known')).toBe(160);
    await runInDurableObject(env.LEDGER.getByName('org_known'), (_object: Ledger, state) => {
      expect(state.storage.sql.exec('SELECT * FROM progress').toArray()).toEqual([]);
    });
  });

  it('are told of in few messages, and each of them once', async () => {
    const isolate = await warm('org_few', 10_000, 10);
    for (let n = 0; n < 8; n++) {
      await call(isolate, 'org_few', `h${n}`, 4);
      // The ledger knows: nothing waits.
      if (n === 3) await isolate.calls.kept?.('h3');
      if (n === 3) expect(isolate.calls.kept?.('h3')).toBeUndefined();
    }
    await isolate.calls.kept?.('h7');
    expect(isolate.told).toBe(2);
    expect(isolate.asked).toEqual([]);
    await isolate.end();
    expect(await usedOf('org_few')).toBe(80 + 8 * 4);
    expect((await rowsOf('org_few')).map(({ id }) => id)).toEqual(
      Array.from('hw', (kind) => [0, 1, 2, 3, 4, 5, 6, 7].map((n) => kind + n)).flat(),
    );
  });

  it('are answered all the same where the ledger does not hear of them', async () => {
    const isolate = await warm('org_deaf', 10_000, 10);
    await call(isolate, 'org_deaf', 'h0');
    await call(isolate, 'org_deaf', 'h1');
    isolate.dead = true;
    const first = isolate.calls.kept?.('h0');
    const second = isolate.calls.kept?.('h1');
    expect(first).toBeInstanceOf(Promise);
    await new Promise((resolve) => setTimeout(resolve, 50));
    isolate.wake();
    await Promise.race([first, second]);
  });

  it('that are moved to other meters are theirs alone', async () => {
    vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
    const isolate = await warm('org_moved', 10_000, 10);
    await call(isolate, 'org_moved', 'h0');
    await isolate.calls.kept?.('h0');
    const other = { ...usd(15, 5), level: 'model', subject: 'mock/b' } as const;
    expect(await isolate.calls.move('h0', [other], usageOf('org_moved'))).toMatchObject({ allowed: true });
    isolate.dead = true;
    vi.setSystemTime(NOW + 20_000);
    expect((await rowsOf('org_moved')).filter(({ status }) => status !== 'complete')).toEqual([
      { id: 'lease_a_0', status: 'lost', cost: 80 },
    ]);
    expect(await new LedgerClient(env.LEDGER, 'org_moved').settle('h0', settlement('org_moved', 2))).toMatchObject({ now: true });
    expect(await rowsOf('org_moved')).toContainEqual({ id: 'h0', status: 'complete', cost: 2 });
  });
});

it('calls that are said to be alike take from one block, and from none of it where they know more', async () => {
  const isolate = await warm('org_alike', 10_000, 10);
  const meters = {};
  const own = holdOf('org_alike', '', [usd(10_000, 10)]);
  const reserve = (id: string, more = {}) => isolate.calls.reserve({ ...own, id, ...more }, meters);
  await reserve('h0');
  expect(isolate.asked).toEqual([]);
  const others = [{ generation: 1 }, { subjects: ['run:another'] }, { subjects: ['key:key_1', 'run:another'] }];
  for (const [at, more] of others.entries()) await reserve(`o${at}`, more);
  await reserve('h2');
  expect(isolate.asked).toEqual(['reserve', 'reserve', 'reserve']);
});

describe('a revocation', () => {
  it('is heard of when the block is at its end, and at once by a caller who knows', async () => {
    const isolate = await warm('org_told', 10_000, 10);
    const generation = 5;
    await new LedgerClient(env.LEDGER, 'org_told').changed(generation);
    expect(await isolate.calls.reserve(holdOf('org_told', 'h0', [usd(10_000, 10)]))).toMatchObject({ allowed: true });
    const knowing = { ...holdOf('org_told', 'h1', [usd(10_000, 10)]), generation };
    expect(await isolate.calls.reserve(knowing)).toMatchObject({ allowed: true, generation });
    expect(isolate.asked).toEqual(['reserve']);
    await isolate.end();
    expect(await isolate.calls.reserve(holdOf('org_told', 'h2', [usd(10_000, 10)]))).toMatchObject({ refusal: { reason: 'outdated' } });
    await runInDurableObject(env.LEDGER.getByName('org_told'), (object: Ledger) => expect(object.counts().refused).toBe(1));
  });
});
