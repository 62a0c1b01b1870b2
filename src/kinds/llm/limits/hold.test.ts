import { describe, expect, it } from 'vitest';
import { fakePorts } from '../../../core/fakes.ts';
import type { Foreseen } from '../../../core/hold.ts';
import { MemoryStore } from '../../../core/ledger/fakes.ts';
import type { ReservedCalls } from '../../../core/ledger/holds.ts';
import { extend, move, reserve } from '../../../core/ledger/reserve.ts';
import { release, settle } from '../../../core/ledger/settle.ts';
import { nanoUsd } from '../../../core/money.ts';
import { LedgerHold } from './hold.ts';

const NOW = 1_800_000_000_000;
const limits = [
  {
    level: 'key',
    id: 'key_1',
    limits: (['usd', 'images', 'seconds', 'tool-calls'] as const).map((unit) => ({
      unit,
      limit: 100,
      window: { kind: 'always' as const },
    })),
  },
] as const;

function held(id?: string) {
  const store = new MemoryStore();
  const ledger: ReservedCalls = {
    reserve: async (hold) => reserve(store, hold, NOW),
    move: async (id, takes, usage) => move(store, id, takes, usage, NOW),
    settle: async (id, settlement) => settle(store, id, settlement, NOW),
    release: async (id) => release(store, id, NOW),
    extend: async (id, ttl) => extend(store, id, ttl, NOW),
  };
  const who = { keyId: 'key_1', org: 'o', team: 't', app: 'a', principal: 'a', limits };
  const hold = new LedgerHold({
    requestId: 'req_1',
    id,
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
  const used = (unit: string) => store.meters([`key:${unit}:always:key_1`]).get(`key:${unit}:always:key_1`)?.spent;
  return { store, hold, ledger, used };
}

const foreseen = (parts: Partial<Foreseen>): Foreseen => ({
  provider: 'up',
  model: 'up/m',
  usage: { input: 10, output: 5 },
  cost: nanoUsd(50),
  ...parts,
});

describe('the row of a call', () => {
  it('has its pictures, seconds and tool calls, and so have the meters', async () => {
    const { store, hold, used } = held();
    await hold.take(foreseen({ usage: { input: 10, output: 5, images: 4, seconds: 9.5 }, toolCalls: 3 }));
    await hold.settle(
      { status: 'complete', httpStatus: 200, usage: { input: 8, output: 2, images: 2, seconds: 3.2 }, cost: nanoUsd(20) },
      {},
    );
    expect(store.rows).toMatchObject([{ id: 'req_1', model: 'up/m', input: 8, output: 2, images: 2, seconds: 4, toolCalls: 3, cost: 20 }]);
    expect(['usd', 'images', 'seconds', 'tool-calls'].map(used)).toEqual([20, 2, 4, 3]);
  });

  it('of one that failed has none of them', async () => {
    const { store, hold, used } = held();
    await hold.take(foreseen({ usage: { input: 10, output: 5, images: 4 }, toolCalls: 3 }));
    await hold.settle({ status: 'failed', httpStatus: 502 }, {});
    expect(store.rows).toMatchObject([{ input: 0, output: 0, cost: 0 }]);
    expect(['usd', 'images', 'tool-calls'].map(used)).toEqual([0, 0, 0]);
  });

  it('of one that costs nothing names no model', async () => {
    const { store, hold } = held();
    await hold.take(foreseen({ model: '', isFree: true, cost: nanoUsd(0) }));
    await hold.settle({ status: 'complete', httpStatus: 200 }, {});
    expect(store.rows).toHaveLength(1);
    expect(store.rows[0]).not.toHaveProperty('model');
  });
});

describe('a hold of several of one request', () => {
  it('has an id of its own, and is given back as if it had never been', async () => {
    const { store, hold, used } = held('req_1.2');
    await hold.take(foreseen({ toolCalls: 3 }));
    expect(store.hold('req_1.2')).toBeDefined();
    await hold.release();
    await hold.settle({ status: 'complete', httpStatus: 200 }, {});
    expect([store.openHolds, store.rows.length, used('usd') ?? 0, used('tool-calls') ?? 0]).toEqual([0, 0, 0, 0]);
  });
});

describe('a hold that is left open', () => {
  it('is settled by who learns what it came to, and not by its call', async () => {
    const { store, hold, ledger, used } = held();
    await hold.take(foreseen({}));
    const left = await hold.leave(3_600_000);
    await hold.settle({ status: 'complete', httpStatus: 200 }, {});
    expect(store.rows).toHaveLength(0);
    expect(store.openHolds).toBe(1);
    if (left === undefined) throw new Error('it was not left');
    const ended = await ledger.settle(left.id, { actual: { usd: 7 }, usage: { ...left.usage, cost: 7, status: 'complete' } });
    expect(ended.now).toBe(true);
    expect(used('usd')).toBe(7);
  });
});
