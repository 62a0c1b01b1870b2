import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../ports.ts';
import { FakeVectorize } from './fake-vectorize.ts';
import { at, boundTo, drawing, entry, inVectorize, newOwner, objectOf, randomVector, SECRET, still, stored } from './fakes.ts';
import type { VectorStore } from './vector-object.ts';
import { VectorizeVectors } from './vectorize-vectors.ts';

const DIMENSIONS = 32;

/** Names that the owner's object knows to be in Vectorize. */
const registered = async (owner: string) =>
  runInDurableObject(await objectOf(owner), (_object: VectorStore, { storage }) =>
    storage.sql
      .exec<{ name: string }>('SELECT name FROM registered')
      .toArray()
      .map(({ name }) => name),
  );

describe('vectors in Vectorize', () => {
  it('are found when they have been taken up', async () => {
    const fake = new FakeVectorize(DIMENSIONS);
    const index = inVectorize(fake);
    const owner = newOwner();
    const vector = randomVector(DIMENSIONS, drawing(1));
    await index.put(at(owner), entry('a', vector));
    expect(await index.nearest(at(owner), vector, 1, 0.9, still())).toEqual([]);
    fake.settle();
    expect(await index.nearest(at(owner), vector, 1, 0.9, still())).toMatchObject([{ id: 'a', similarity: 1 }]);
  });

  it('tell nothing there', async () => {
    const fake = new FakeVectorize(DIMENSIONS);
    const owner = newOwner();
    await inVectorize(fake).put(
      at(owner, 'canary-partition'),
      entry('canary-id', randomVector(DIMENSIONS, drawing(2)), { data: 'canary-data' }),
    );
    fake.settle();
    expect(fake.size).toBe(1);
    expect(fake.content).not.toContain('canary');
    expect(fake.content).not.toContain(owner);
  });

  it('are deleted there when they expire, and with their owner', async () => {
    const fake = new FakeVectorize(DIMENSIONS);
    const index = inVectorize(fake);
    const owner = newOwner();
    const vector = randomVector(DIMENSIONS, drawing(3));
    for (let turn = 0; turn < 250; turn++) await index.put(at(owner), entry(`old ${turn}`, vector, { expiresAt: Date.now() - 1 }));
    await index.put(at(owner), entry('live', vector));
    fake.settle();
    expect(fake.size).toBe(251);
    await boundTo(fake, await objectOf(owner), (store) => store.alarm());
    fake.settle();
    expect(fake.size).toBe(1);
    expect(await registered(owner)).toHaveLength(1);
    await index.clear(owner);
    fake.settle();
    expect(fake.size).toBe(0);
    expect(fake.asked.filter((what) => what === 'deleteByIds')).toHaveLength(4);
  });

  it('are named before they are kept, so that none is kept that could never be deleted', async () => {
    const fake = new FakeVectorize(DIMENSIONS);
    const owner = newOwner();
    fake.upsert = async () => {
      throw new Error('VECTOR_UPSERT_ERROR: Status + 500');
    };
    await expect(inVectorize(fake).put(at(owner), entry('a', randomVector(DIMENSIONS, drawing(4))))).rejects.toThrow('Status + 500');
    expect(await registered(owner)).toHaveLength(1);
  });

  it('stay registered while they cannot be deleted', async () => {
    const fake = new FakeVectorize(DIMENSIONS);
    const index = inVectorize(fake);
    const owner = newOwner();
    await index.put(at(owner), entry('a', randomVector(DIMENSIONS, drawing(5)), { expiresAt: Date.now() - 1 }));
    fake.deleteByIds = async () => {
      throw new Error('VECTOR_DELETE_ERROR: Status + 500');
    };
    await expect(index.delete(owner, ['a'])).rejects.toThrow('Status + 500');
    await expect(boundTo(fake, await objectOf(owner), (store) => store.alarm())).rejects.toThrow('Status + 500');
    expect(await registered(owner)).toHaveLength(1);
    // Where Vectorize is bound no longer, nothing of it is there to be deleted.
    expect(await runDurableObjectAlarm(await objectOf(owner))).toBe(true);
  });

  it('of another length than the index has are kept elsewhere, and none is lost', async () => {
    const fake = new FakeVectorize(DIMENSIONS);
    const index = inVectorize(fake);
    const owner = newOwner();
    const long = randomVector(384, drawing(6));
    await index.put(at(owner), entry('long', long));
    fake.settle();
    expect(fake.size).toBe(0);
    expect(await index.nearest(at(owner), long, 1, 0.9, still())).toMatchObject([{ id: 'long' }]);
    expect(await stored().nearest(at(owner), long, 1, 0.9, still())).toMatchObject([{ id: 'long' }]);
  });

  it('that are slow or refuse reject in time', async () => {
    const never = () => new Promise<never>(() => undefined);
    const vector = randomVector(DIMENSIONS, drawing(7));
    const make = (part: Partial<FakeVectorize>) =>
      new VectorizeVectors({
        index: Object.assign(new FakeVectorize(DIMENSIONS), part),
        object: () => ({ register: async () => [], unregister: async () => undefined, clear: async () => undefined }),
        others: stored(),
        secret: SECRET,
        clock: systemClock,
        patience: 40,
        writing: 60,
      });
    for (const part of [{ query: never }, { describe: never }]) {
      await expect(make(part).nearest(at('o'), vector, 1, 0, still())).rejects.toThrow('Vectorize did not answer within 40 ms.');
    }
    for (const part of [{ upsert: never }, { describe: never }]) {
      await expect(make(part).put(at('o'), entry('a', vector))).rejects.toThrow('Vectorize did not answer within 60 ms.');
    }
    await expect(make({ deleteByIds: never }).delete('o', ['a'])).rejects.toThrow('Vectorize did not answer within 60 ms.');
    const failing = make({
      query: async () => {
        throw new Error('VECTOR_QUERY_ERROR: Status + 500');
      },
    });
    await expect(failing.nearest(at('o'), vector, 1, 0, still())).rejects.toThrow('Status + 500');
  });
});

describe('the fake', () => {
  it('refuses what Vectorize refuses', async () => {
    const fake = new FakeVectorize(2);
    const row = { id: 'a', values: [1, 2], namespace: 'n', metadata: {} };
    const whole = { namespace: 'n', returnValues: true, returnMetadata: 'all' } as const;
    await expect(fake.query([1, 2], { ...whole, topK: 21 })).rejects.toThrow('max top K is 20');
    await expect(fake.query([1, 2], { ...whole, returnValues: false, returnMetadata: 'none', topK: 101 })).rejects.toThrow(
      'max top K is 100',
    );
    await expect(fake.query([1, 2, 3], { ...whole, topK: 1 })).rejects.toThrow('expected 2 dimensions');
    await expect(fake.getByIds(new Array(21).fill('a'))).rejects.toThrow('max id count is 20');
    await expect(fake.deleteByIds(new Array(101).fill('a'))).rejects.toThrow('max id count is 100');
    await expect(fake.upsert([{ ...row, id: 'é'.repeat(33) }])).rejects.toThrow('id too long');
    await expect(fake.upsert([{ ...row, namespace: 'n'.repeat(65) }])).rejects.toThrow('namespace too long');
    await expect(fake.upsert([{ ...row, metadata: { text: 'x'.repeat(10_240) } }])).rejects.toThrow('metadata too large');
    await expect(fake.upsert([{ ...row, metadata: { 'a.b': 1 } }])).rejects.toThrow('metadata key');
    await expect(fake.upsert([{ ...row, values: [1] }])).rejects.toThrow('expected 2 dimensions');
    await expect(fake.upsert(new Array(1_001).fill(row))).rejects.toThrow('too many vectors');
    expect(() => new FakeVectorize(1_537)).toThrow('dimensions');
  });
});
