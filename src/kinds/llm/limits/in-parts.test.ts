import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakePorts } from '../../../core/fakes.ts';
import type { Foreseen } from '../../../core/hold.ts';
import { MemoryStore } from '../../../core/ledger/fakes.ts';
import type { ReservedCalls } from '../../../core/ledger/holds.ts';
import type { Limit } from '../../../core/ledger/limits.ts';
import { extend, move, reserve } from '../../../core/ledger/reserve.ts';
import { release, settle } from '../../../core/ledger/settle.ts';
import { nanoUsd } from '../../../core/money.ts';
import { LedgerHold } from './hold.ts';

const NOW = 1_800_000_000_000;
const always = { kind: 'always' } as const;
const spendable: Limit = { unit: 'usd', limit: 1_000, window: always };
const perModel: Limit = { unit: 'requests', limit: 1, window: always, per: 'model' };
const requests: Limit = { unit: 'requests', limit: 5, window: always };

/** A call of a key with these limits, and a second key's of the same model where a test needs one. */
function held(limits: readonly Limit[] = [spendable, perModel, requests], store = new MemoryStore(), requestId = 'req_1') {
  const ledger: ReservedCalls = {
    reserve: async (hold) => reserve(store, hold, NOW),
    move: async (id, takes, usage) => move(store, id, takes, usage, NOW),
    settle: async (id, settlement) => settle(store, id, settlement, NOW),
    release: async (id) => release(store, id, NOW),
    extend: async (id, ttl) => extend(store, id, ttl, NOW),
  };
  const who = { keyId: 'key_1', org: 'o', team: 't', app: 'a', principal: 'a', limits: [{ level: 'key' as const, id: 'key_1', limits }] };
  const hold = new LedgerHold({
    requestId,
    startedAt: NOW,
    who,
    renewed: async () => who,
    ledger,
    route: 'llm',
    ttl: 60_000,
    clock: fakePorts({ now: NOW }).clock,
    log: (message, cause) => {
      throw new Error(message, { cause });
    },
  });
  const meter = (key: string) => store.meters([key]).get(key);
  const money = () => meter('key:usd:always:key_1');
  const ofModel = (model: string) => meter(`model:requests:always:key:key_1/${model}`);
  return { store, hold, money, ofModel, meter };
}

const foreseen = (model: string, cost: number, parts: Partial<Foreseen> = {}): Foreseen => ({
  provider: 'up',
  model,
  usage: { input: 10, output: 5 },
  cost: nanoUsd(cost),
  ...parts,
});
const done = (cost: number) => ({ status: 'complete' as const, httpStatus: 200, usage: { input: 8, output: 2 }, cost: nanoUsd(cost) });

describe('two targets that are held for beside each other', () => {
  it('take the larger amount of every meter, and only who serves is counted', async () => {
    const { store, hold, money, ofModel } = held();
    await hold.take(foreseen('up/a', 50));
    await hold.beside(foreseen('up/b', 80));
    expect(money()).toMatchObject({ spent: 0, reserved: 80 });
    expect([ofModel('up/a')?.reserved, ofModel('up/b')?.reserved]).toEqual([1, 1]);
    hold.only('second');
    await hold.settle(done(30), { servedModel: 'up/b' });
    expect(money()).toMatchObject({ spent: 30, reserved: 0 });
    expect(ofModel('up/a')).toMatchObject({ spent: 0, reserved: 0 });
    expect(ofModel('up/b')).toMatchObject({ spent: 1, reserved: 0 });
    expect(store.openHolds).toBe(0);
    expect(store.rows).toMatchObject([{ id: 'req_1', model: 'up/b', cost: 30 }]);
  });

  it('go back to what the first one takes where that one serves, even while the second is being asked for', async () => {
    const { store, hold, money, ofModel } = held();
    await hold.take(foreseen('up/a', 50));
    const asking = hold.beside(foreseen('up/b', 80));
    hold.only('first');
    await asking;
    await hold.settle(done(20), { servedModel: 'up/a' });
    expect(money()).toMatchObject({ spent: 20, reserved: 0 });
    expect(ofModel('up/b')).toMatchObject({ spent: 0, reserved: 0 });
    expect(store.rows).toHaveLength(1);
  });

  it('are refused where the second has no room: the first stays held as it was', async () => {
    const { store, hold, money, ofModel } = held([{ ...spendable, limit: 60 }, perModel]);
    await hold.take(foreseen('up/a', 50));
    await expect(hold.beside(foreseen('up/b', 80))).rejects.toMatchObject({ code: 'budget_exceeded' });
    expect(money()).toMatchObject({ reserved: 50 });
    expect(ofModel('up/b')?.reserved ?? 0).toBe(0);
    // The next target may still be taken instead.
    await hold.take(foreseen('up/c', 60));
    expect(money()).toMatchObject({ reserved: 60 });
    await hold.settle(done(5), { servedModel: 'up/c' });
    expect(store.openHolds).toBe(0);
  });

  it('count for neither where both fail, and for the first where nobody waited', async () => {
    const failed = held();
    await failed.hold.take(foreseen('up/a', 50));
    await failed.hold.beside(foreseen('up/b', 80));
    await failed.hold.settle({ status: 'failed', httpStatus: 502 }, {});
    expect(failed.money()).toMatchObject({ spent: 0, reserved: 0 });
    const left = held();
    await left.hold.take(foreseen('up/a', 50));
    await left.hold.beside(foreseen('up/b', 80));
    await left.hold.settle({ status: 'aborted', httpStatus: 200 }, {});
    expect(left.money()).toMatchObject({ spent: 50, reserved: 0 });
    expect(left.ofModel('up/b')).toMatchObject({ spent: 0, reserved: 0 });
  });
});

describe('a call that is served in parts', () => {
  it('has a row for each part, by its own model, and is one request', async () => {
    const { store, hold, money, ofModel, meter } = held();
    await hold.take(foreseen('up/a', 50, { toolCalls: 2 }));
    await hold.next(
      { status: 'partial', httpStatus: 200, usage: { input: 8, output: 2, estimated: true }, cost: nanoUsd(20) },
      { servedModel: 'up/a' },
    );
    expect(money()).toMatchObject({ spent: 20, reserved: 0 });
    await hold.take(foreseen('up/b', 80));
    expect(money()).toMatchObject({ spent: 20, reserved: 80 });
    const all = { input: 18, output: 5, estimated: true };
    await hold.settle({ status: 'complete', httpStatus: 200, usage: all, cost: nanoUsd(50) }, { servedModel: 'up/a' });
    expect(money()).toMatchObject({ spent: 50, reserved: 0 });
    expect(store.rows).toMatchObject([
      { id: 'req_1', requestId: 'req_1', model: 'up/a', input: 8, output: 2, cost: 20, status: 'partial' },
      { id: 'req_1.2', requestId: 'req_1', model: 'up/b', input: 10, output: 3, cost: 30, status: 'complete' },
    ]);
    expect(meter('key:requests:always:key_1')).toMatchObject({ spent: 1, reserved: 0 });
    expect(ofModel('up/a')).toMatchObject({ spent: 1 });
    expect(hold.toolCalls).toBe(2);
    expect(store.openHolds).toBe(0);
  });

  it('is settled once where nothing follows', async () => {
    const { store, hold, money } = held();
    await hold.take(foreseen('up/a', 50));
    await hold.next(done(20), { servedModel: 'up/a' });
    await hold.settle({ ...done(20), status: 'partial' }, { servedModel: 'up/a' });
    expect(store.rows).toHaveLength(1);
    expect(money()).toMatchObject({ spent: 20, reserved: 0 });
  });

  it('stops where a limit leaves no room for the next part', async () => {
    const { hold, money } = held([{ ...spendable, limit: 90 }]);
    await hold.take(foreseen('up/a', 50));
    await hold.next(done(20), {});
    await expect(hold.take(foreseen('up/b', 80))).rejects.toMatchObject({ code: 'budget_exceeded' });
    await hold.settle(done(20), {});
    expect(money()).toMatchObject({ spent: 20, reserved: 0 });
  });
});

describe('whatever two targets and several parts come to', () => {
  const models = fc.constantFrom('up/a', 'up/b', 'up/c');
  const steps = fc.oneof(
    fc.record({ does: fc.constant('take' as const), model: models, cost: fc.integer({ min: 1, max: 80 }), isAwaited: fc.boolean() }),
    fc.record({ does: fc.constant('beside' as const), model: models, cost: fc.integer({ min: 1, max: 80 }), isAwaited: fc.boolean() }),
    fc.record({ does: fc.constant('only' as const), served: fc.constantFrom('first' as const, 'second' as const) }),
    fc.record({ does: fc.constant('next' as const) }),
  );
  const limits: readonly Limit[] = [
    { ...spendable, limit: 100 },
    { unit: 'requests', limit: 2, window: always },
    { unit: 'requests', limit: 1, window: always, per: 'model' },
    { unit: 'concurrent', limit: 1, window: { kind: 'held' } },
  ];
  const keys = [
    'key:usd:always:key_1',
    'key:requests:always:key_1',
    'key:concurrent:held:key_1',
    ...['up/a', 'up/b', 'up/c'].map((model) => `model:requests:always:key:key_1/${model}`),
  ];

  it('no limit is passed, what is counted is what the rows say, and nothing stays held', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 12 }), async (list) => {
        const { store, hold, money, meter } = held(limits);
        let [parts, isOpen] = [0, false];
        const check = () => {
          const { spent = 0, reserved = 0 } = money() ?? {};
          expect(spent + reserved).toBeLessThanOrEqual(100);
          const concurrent = meter('key:concurrent:held:key_1');
          expect((concurrent?.spent ?? 0) + (concurrent?.reserved ?? 0)).toBeLessThanOrEqual(1);
        };
        for (const step of list) {
          if (step.does === 'only') hold.only(step.served);
          else if (step.does === 'next') {
            const before = store.rows.length;
            await hold.next(done(1), {});
            parts += store.rows.length - before;
            isOpen = false;
          } else {
            const asked = hold[step.does](foreseen(step.model, step.cost)).then(
              () => {
                isOpen = true;
              },
              () => undefined,
            );
            if (step.isAwaited) await asked;
          }
          check();
        }
        await hold.settle(done(parts + 1), {});
        for (let turn = 0; turn < 50; turn++) await Promise.resolve();
        check();
        expect(store.openHolds).toBe(0);
        for (const key of keys) expect(meter(key)?.reserved ?? 0, key).toBe(0);
        expect(money()?.spent ?? 0).toBe(store.rows.reduce((sum, { cost = 0 }) => sum + cost, 0));
        expect(meter('key:requests:always:key_1')?.spent ?? 0).toBeLessThanOrEqual(1);
        if (isOpen) expect(store.rows.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});
