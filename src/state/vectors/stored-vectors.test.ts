import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { similarity } from '../../core/meaning/embedder.ts';
import { at, drawing, entry, evict, HOUR, newOwner, objectOf, pause, randomVector, SECRET, still, stored } from './fakes.ts';
import { vectorsOf } from './index.ts';
import { StoredVectors, type VectorStub } from './stored-vectors.ts';
import type { VectorStore } from './vector-object.ts';

/** Everything that stands in an owner's storage, as one text. */
async function standing(owner: string): Promise<string> {
  return runInDurableObject(await objectOf(owner), (_object: VectorStore, { storage }) => {
    const rows = ['entries', 'recent', 'packs', 'registered'].flatMap((table) => [...storage.sql.exec(`SELECT * FROM ${table}`)]);
    const texts = rows
      .flatMap((row) => Object.values(row))
      .map((value) => (value instanceof ArrayBuffer ? new TextDecoder('latin1').decode(value) : String(value)));
    return texts.join('\n');
  });
}

describe('vectors in storage', () => {
  it('tell nothing: not the content, not the names, not the vector as the embedder gave it', async () => {
    const owner = newOwner();
    const vector = randomVector(64, drawing(1));
    await stored().put(at(owner, 'canary-partition'), entry('canary-id', vector, { data: 'canary-data' }));
    const text = await standing(owner);
    expect(text.length).toBeGreaterThan(100);
    expect(text).not.toContain('canary');
    expect(text).not.toContain(owner);
    expect(text).not.toContain(new TextDecoder('latin1').decode(vector));
    // Not as a piece of it either, which a mere rotation would leave.
    expect(text).not.toContain(new TextDecoder('latin1').decode(vector.slice(0, 4)));
  });

  it('cannot be found with another secret', async () => {
    const owner = newOwner();
    const vector = randomVector(64, drawing(2));
    await stored().put(at(owner), entry('a', vector));
    expect(await stored(undefined, 'another secret').nearest(at(owner), vector, 1, -1, still())).toEqual([]);
    expect(await stored().nearest(at(owner), vector, 1, -1, still())).toHaveLength(1);
  });

  it('open nowhere but where they were put: what was moved to another partition is not given', async () => {
    const owner = newOwner();
    const vector = randomVector(64, drawing(3));
    const index = stored();
    await index.put(at(owner, 'one'), entry('a', vector));
    await index.put(at(owner, 'other'), entry('b', vector));
    await runInDurableObject(await objectOf(owner), (_object: VectorStore, { storage }) => {
      const [{ partition: one }, { partition: other }] = [
        ...storage.sql.exec<{ partition: string }>('SELECT partition FROM entries ORDER BY seq'),
      ] as [{ partition: string }, { partition: string }];
      storage.sql.exec('UPDATE entries SET partition = ? WHERE partition = ?', other, one);
      storage.sql.exec('UPDATE recent SET partition = ? WHERE partition = ?', other, one);
    });
    expect(await index.nearest(at(owner, 'other'), vector, 10, 0, still())).toMatchObject([{ id: 'b' }]);
  });

  it('survive the end of the object, packed or not, with everything that has become of them', { timeout: 60_000 }, async () => {
    const owner = newOwner();
    const index = stored();
    const draw = drawing(4);
    // 84 vectors of this length make a pack.
    const entries = Array.from({ length: 200 }, (_, turn) =>
      entry(`e${turn}`, randomVector(1_536, draw), { expiresAt: Date.now() + (turn === 30 ? 0 : HOUR) }),
    );
    for (const each of entries) await index.put(at(owner), each);
    const replaced = entry('e3', randomVector(1_536, draw), { data: 'new' });
    await index.put(at(owner), replaced);
    await index.delete(owner, ['e0', 'e83', 'e84', 'e150', 'e199', ...Array.from({ length: 84 }, (_, turn) => `e${turn + 84}`)]);
    const isGone = (turn: number) => [0, 3, 30, 199].includes(turn) || (turn >= 83 && turn < 168);
    const left = [...entries.filter((_, turn) => !isGone(turn)), replaced];
    const counts = await runInDurableObject(await objectOf(owner), (_object: VectorStore, { storage }) =>
      ['packs', 'recent', 'entries'].map((table) => storage.sql.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`).one().n),
    );
    expect(counts).toEqual([1, 32, left.length + 1]);
    for (const round of ['in memory', 'anew']) {
      const asked = randomVector(1_536, draw);
      const right = left.map((each) => similarity(each.vector, asked)).sort((one, other) => other - one);
      const found = await index.nearest(at(owner), asked, 100, -1, still());
      expect(
        found.map((each) => each.similarity.toFixed(9)),
        round,
      ).toEqual(right.slice(0, 100).map((each) => each.toFixed(9)));
      for (const each of left.slice(0, 20))
        expect(await index.nearest(at(owner), each.vector, 1, 0.99, still())).toMatchObject([{ id: each.id, data: each.data }]);
      await evict(owner);
    }
  });

  it('go when they expire, and the storage with the last of them', async () => {
    const owner = newOwner();
    const vector = randomVector(1_536, drawing(5));
    const index = stored();
    const object = await objectOf(owner);
    for (let turn = 0; turn < 100; turn++) await index.put(at(owner), entry(`e${turn}`, vector, { expiresAt: Date.now() - 1 }));
    await index.put(at(owner), entry('last', vector, { expiresAt: Date.now() + 6_000 }));
    expect(await index.nearest(at(owner), vector, 100, 0, still())).toMatchObject([{ id: 'last' }]);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await object.size()).toMatchObject({ entries: 1, bytes: 1_536 });
    await pause(6_100);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    await runInDurableObject(object, async (_object: VectorStore, { storage }) => {
      expect([...storage.sql.exec("SELECT name FROM sqlite_master WHERE name IN ('entries', 'packs', 'recent')")]).toEqual([]);
      expect(await storage.getAlarm()).toBeNull();
    });
    await index.put(at(owner), entry('again', vector));
    expect(await index.nearest(at(owner), vector, 100, 0, still())).toMatchObject([{ id: 'again' }]);
  });

  it('are bounded in bytes too', async () => {
    const owner = newOwner();
    const index = stored({ entries: 1_000, bytes: 10_000 });
    for (let turn = 0; turn < 20; turn++) await index.put(at(owner), entry(`e${turn}`, randomVector(1_000, drawing(turn))));
    expect(await (await objectOf(owner)).size()).toMatchObject({ entries: 10, bytes: 10_000 });
  });

  it('are kept nowhere without objects or a secret', () => {
    expect(vectorsOf({ objects: env.VECTORS, vectorize: undefined, secret: undefined })).toBeUndefined();
    expect(vectorsOf({ objects: env.VECTORS, vectorize: undefined, secret: '' })).toBeUndefined();
    expect(vectorsOf({ objects: undefined, vectorize: undefined, secret: SECRET })).toBeUndefined();
    expect(vectorsOf({ objects: env.VECTORS, vectorize: undefined, secret: SECRET })?.()).toBeInstanceOf(StoredVectors);
  });
});

describe('an object that fails', () => {
  const vector = Int8Array.of(1, 2, 3);
  const never = () => new Promise<never>(() => undefined);
  const broken = async () => {
    throw new Error('Network connection lost.');
  };
  const asking = (ask: () => Promise<never>, made = { count: 0 }) =>
    new StoredVectors({
      secret: SECRET,
      patience: 40,
      writing: 60,
      object: (): VectorStub => {
        made.count += 1;
        return { put: ask, nearest: ask, delete: ask, clear: ask };
      },
    });
  const all = (index: StoredVectors) => [
    () => index.nearest(at('o'), vector, 1, 0, still()),
    () => index.put(at('o'), entry('a', vector)),
    () => index.delete('o', ['a']),
    () => index.clear('o'),
  ];

  it('is not waited for', async () => {
    for (const ask of all(asking(never))) {
      await expect(ask()).rejects.toThrow(/did not answer within (40|60) ms/);
    }
  });

  it('is told, and the next call asks a new stub', async () => {
    const made = { count: 0 };
    for (const ask of all(asking(broken, made))) await expect(ask()).rejects.toThrow('Network connection lost.');
    expect(made.count).toBe(4);
  });

  it('and a caller that leaves is told its own reason', async () => {
    const leaving = new AbortController();
    const search = asking(never).nearest(at('o'), vector, 1, 0, leaving.signal);
    leaving.abort('home');
    await expect(search).rejects.toBe('home');
  });
});
