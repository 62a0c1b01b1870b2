import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reserved } from '../../../core/ledger/holds.ts';
import { reserveCurrent } from './current.ts';

/** A ledger whose organisation has changed so often by the time of each question, and a database that lags behind it. */
function scene(generations: readonly number[], reads: readonly number[], known = 0) {
  const asked: number[] = [];
  let generation = known;
  let renewed = 0;
  const reserve = async (given: number): Promise<Reserved> => {
    const own = generations[Math.min(asked.length, generations.length - 1)] ?? 0;
    asked.push(given);
    return given < own
      ? { allowed: false, generation: own, refusal: { reason: 'outdated' }, standings: [] }
      : { allowed: true, generation: own, standings: [] };
  };
  const caller = {
    generation: () => generation,
    renew: async () => {
      generation = reads[Math.min(renewed++, reads.length - 1)] ?? generation;
    },
  };
  return { asked, run: () => reserveCurrent(reserve, caller), renewed: () => renewed };
}

describe('a call of an organisation that changes', () => {
  it('asks once where it knows all', async () => {
    const { run, asked, renewed } = scene([3], [], 3);
    expect(await run()).toMatchObject({ allowed: true });
    expect([asked, renewed()]).toEqual([[3], 0]);
  });

  it('is read anew once, however often the organisation changes meanwhile', async () => {
    const { run, asked, renewed } = scene([1, 2, 3, 3], [1]);
    expect(await run()).toMatchObject({ allowed: true });
    expect([asked, renewed()]).toEqual([[0, 1, 2, 3], 1]);
  });

  it('is never let in as somebody who was read before the change that the ledger told of', async () => {
    const { run, renewed } = scene([5], [4, 4, 4, 4, 4, 4, 4]);
    expect(await run()).toMatchObject({ allowed: false, refusal: { reason: 'outdated' } });
    expect(renewed()).toBe(5);
    const late = scene([5], [4, 5]);
    expect(await late.run()).toMatchObject({ allowed: true });
    expect(late.renewed()).toBe(2);
  });

  it('gives up on an organisation that changes with every question', async () => {
    const { run, asked } = scene([1, 2, 3, 4, 5, 6, 7, 8], [1]);
    expect(await run()).toMatchObject({ allowed: false });
    expect(asked).toHaveLength(6);
  });

  it('throws what reading it anew throws', async () => {
    const reserve = async (): Promise<Reserved> => ({ allowed: false, generation: 1, refusal: { reason: 'outdated' }, standings: [] });
    const renew = () => Promise.reject(new Error('nobody'));
    await expect(reserveCurrent(reserve, { generation: () => 0, renew })).rejects.toThrow('nobody');
  });

  it('asks with nothing newer than the ledger has said, or the caller was read as of', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.nat(9), { minLength: 1 }), fc.array(fc.nat(9), { minLength: 1 }), async (steps, reads) => {
        const generations = steps.toSorted((a, b) => a - b);
        const { run, asked } = scene(generations, reads);
        const { allowed } = await run();
        expect(asked.length).toBeLessThanOrEqual(6);
        const most = Math.max(0, ...generations, ...reads);
        for (const given of asked) expect(given).toBeLessThanOrEqual(most);
        if (allowed) expect(Math.max(0, ...reads)).toBeGreaterThanOrEqual(asked.length > 1 ? (generations[0] ?? 0) : 0);
      }),
    ));
});
