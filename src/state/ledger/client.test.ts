import { applyD1Migrations, env, runDurableObjectAlarm } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NewHold, Settlement } from '../../core/ledger/holds.ts';
import type { Take } from '../../core/ledger/take.ts';
import { LedgerClient } from './client.ts';
import type { Ledger } from './ledger-object.ts';

const NOW = Date.UTC(2040, 10, 21, 12);
const usageOf = (org: string) => ({ requestId: 'req_1', startedAt: NOW, org, team: 't', app: 'a', keyId: 'key_1', cost: 3 });
const take: Take = { level: 'key', subject: 'key_1', unit: 'usd', window: { kind: 'always' }, limit: 100, amount: 40 };
const holdOf = (org: string, id: string): NewHold => ({
  ...{ id, subjects: ['key:key_1'], generation: 0, takes: [take], ttl: 60_000, usage: usageOf(org) },
});
const settlement = (org: string, usd: number): Settlement => ({
  actual: { usd },
  usage: { ...usageOf(org), cost: usd, status: 'complete' },
});

/** As the platform throws them: developers.cloudflare.com/durable-objects/best-practices/error-handling. */
const reset = () => Object.assign(new Error('Durable Object reset because its code was updated.'), { durableObjectReset: true });
const overloaded = () => Object.assign(new Error('Durable Object is overloaded.'), { overloaded: true });

/**
 * A namespace whose objects fail with these, one after the other, and then work. `done`: only their answer is lost, and
 * what was asked for has been done.
 */
function failing(errors: readonly Error[], done: boolean) {
  const left = [...errors];
  const asked = { stubs: 0, questions: 0 };
  const failed = (stub: DurableObjectStub<Ledger>) =>
    new Proxy(stub, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name);
        if (typeof found !== 'function') return found;
        return async (...given: unknown[]) => {
          asked.questions += 1;
          const error = left.shift();
          if (error === undefined || done) await Reflect.apply(found, target, given);
          if (error !== undefined) throw error;
          return Reflect.apply(found, target, given);
        };
      },
    });
  const namespace = new Proxy(env.LEDGER, {
    get: (target, name) => {
      if (name !== 'getByName') return Reflect.get(target, name);
      return (org: string) => {
        asked.stubs += 1;
        return failed(target.getByName(org));
      };
    },
  });
  return { namespace, asked };
}

const usedOf = async (org: string) => (await new LedgerClient(env.LEDGER, org).look([{ ...take, amount: 0 }])).standings[0]?.used;

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));

describe('a ledger that goes away in the middle of a question', () => {
  it.each([
    ['before it was answered', false],
    ['when it was done and not yet answered', true],
  ])('%s, is asked once more, with the same id and another stub', async (_when, done) => {
    const org = `org_reset_${done}`;
    const { namespace, asked } = failing([reset()], done);
    expect(await new LedgerClient(namespace, org).reserve(holdOf(org, 'h1'))).toMatchObject({ allowed: true });
    expect(asked).toEqual({ stubs: 2, questions: 2 });
    expect(await usedOf(org)).toBe(40);
  });

  it('again, is given up: the limit counts as reached, and nothing is taken twice', async () => {
    const { namespace, asked } = failing([reset(), reset()], false);
    await expect(new LedgerClient(namespace, 'org_gone').reserve(holdOf('org_gone', 'h1'))).rejects.toMatchObject({ code: 'overloaded' });
    expect(asked.questions).toBe(2);
    expect(await usedOf('org_gone')).toBe(0);
  });

  it('is not asked again where it says that it is overloaded', async () => {
    const { namespace, asked } = failing([overloaded()], false);
    const refused = new LedgerClient(namespace, 'org_full').reserve(holdOf('org_full', 'h1'));
    await expect(refused).rejects.toMatchObject({ code: 'overloaded', retryable: true });
    expect(asked.questions).toBe(1);
  });
});

describe('the same end, told five times at once', () => {
  it('counts once, and leaves one row', async () => {
    const client = new LedgerClient(env.LEDGER, 'org_five');
    await client.reserve(holdOf('org_five', 'h1'));
    const ends = await Promise.all(Array.from({ length: 5 }, (_, n) => client.settle('h1', settlement('org_five', 10 + n))));
    expect(ends.filter(({ now }) => now)).toHaveLength(1);
    expect(ends.every(({ ending }) => ending === 'settled')).toBe(true);
    const used = await usedOf('org_five');
    expect([10, 11, 12, 13, 14]).toContain(used);
    const stub = env.LEDGER.getByName('org_five');
    // The alarm once more, as the platform repeats one whose end it did not see.
    await runDurableObjectAlarm(stub);
    await runDurableObjectAlarm(stub);
    const { results } = await env.DB.prepare('SELECT cost FROM usage WHERE org = ?').bind('org_five').all();
    expect(results).toEqual([{ cost: used }]);
  });
});
