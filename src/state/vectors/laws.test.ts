import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { similarity } from '../../core/meaning/embedder.ts';
import type { Neighbour, VectorEntry } from '../../core/meaning/vectors.ts';
import { at, drawing, entry, evict, HOUR, implementations, later, newOwner, pause, randomVector, still } from './fakes.ts';

// What every index of vectors must obey, run over each.

const DIMENSIONS = 16;

/** What comes back, by comparing with everything. */
const bruteForce = (entries: readonly VectorEntry[], vector: Int8Array, count: number, atLeast: number) =>
  entries
    .map((each) => ({ id: each.id, data: each.data, similarity: similarity(each.vector, vector) }))
    .filter((each) => each.similarity >= atLeast)
    .sort((one, other) => other.similarity - one.similarity)
    .slice(0, count);

/** Of equally similar ones either may come; how similar they are may not differ. */
function expectSame(found: readonly Neighbour[], right: readonly Neighbour[], entries: readonly VectorEntry[]) {
  expect(found.map((each) => each.similarity.toFixed(9))).toEqual(right.map((each) => each.similarity.toFixed(9)));
  expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
  for (const { id, data } of found) expect(entries.find((each) => each.id === id)?.data).toBe(data);
}

const vector = fc.int8Array({ min: -127, max: 127, minLength: DIMENSIONS, maxLength: DIMENSIONS });
/** Near one another often enough for thresholds to matter. */
const crowded = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.array(fc.integer({ min: -15, max: 15 }), { minLength: DIMENSIONS, maxLength: DIMENSIONS }))
  .map(([centre, shifts]) => Int8Array.from(shifts, (shift, place) => (place % 4 === centre ? 90 : -40) + shift));
const ids = fc.constantFrom(
  'a',
  'b',
  'c',
  'ключ',
  '鍵🔑',
  '../x',
  "'; DROP TABLE entries; --",
  ' ',
  '\u0000',
  '\ufeffx',
  'e\u0301',
  'é',
  'x'.repeat(64),
);
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('put' as const), id: ids, where: fc.nat(3), vector: fc.oneof(vector, crowded) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), id: ids, where: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('evict' as const), where: fc.nat(3) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('ask' as const),
        where: fc.nat(3),
        vector: fc.oneof(vector, crowded),
        count: fc.integer({ min: 1, max: 100 }),
        atLeast: fc.constantFrom(-1, 0, 0.5, 0.8, 0.99, 1),
      }),
    },
  ),
  { maxLength: 30 },
);

describe.each(implementations)('vectors $name', ({ make }) => {
  it('finds what comparing with everything finds, in its own place and in no other', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { index, settle } = make(DIMENSIONS);
        const owners = [newOwner(), newOwner()];
        // Two owners with two partitions each, called the same.
        const placeOf = (where: number) => at(owners[where % 2] ?? '', where < 2 ? 'p' : 'q');
        // An id is one entry of its owner, whatever its partition.
        const held = owners.map(() => new Map<string, VectorEntry & { readonly partition: string }>());
        for (const [turn, step] of all.entries()) {
          const place = placeOf(step.where);
          const mine = held[step.where % 2] ?? new Map();
          if (step.do === 'put') {
            const put = entry(step.id, step.vector, { data: `${turn} of ${place.owner}` });
            await index.put(place, put);
            if (put.vector.some((number) => number !== 0)) mine.set(step.id, { ...put, partition: place.partition });
            else mine.delete(step.id);
          } else if (step.do === 'delete') {
            await index.delete(place.owner, [step.id, 'of nobody']);
            mine.delete(step.id);
          } else if (step.do === 'evict') await evict(place.owner);
          else {
            settle();
            const entries = [...mine.values()].filter(({ partition }) => partition === place.partition);
            const found = await index.nearest(place, step.vector, step.count, step.atLeast, still());
            const isSilent = step.vector.every((number) => number === 0);
            expectSame(found, isSilent ? [] : bruteForce(entries, step.vector, step.count, step.atLeast), entries);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  it('an entry that is replaced is found as the new one only, also before the change is taken up', async () => {
    const { index, settle } = make(DIMENSIONS);
    const owner = newOwner();
    const [one, other] = [randomVector(DIMENSIONS, drawing(1)), randomVector(DIMENSIONS, drawing(2))];
    await index.put(at(owner), entry('a', one, { data: 'old' }));
    settle();
    await index.put(at(owner), entry('a', other, { data: 'new' }));
    expect((await index.nearest(at(owner), one, 10, 0.99, still())).map(({ data }) => data)).toEqual([]);
    settle();
    expect(await index.nearest(at(owner), one, 10, 0.99, still())).toEqual([]);
    expect(await index.nearest(at(owner), other, 10, 0.99, still())).toEqual([{ id: 'a', data: 'new', similarity: 1 }]);
    await index.put(at(owner, 'elsewhere'), entry('a', other, { data: 'newest' }));
    settle();
    expect(await index.nearest(at(owner), other, 10, 0.99, still())).toEqual([]);
    expect(await index.nearest(at(owner, 'elsewhere'), other, 10, 0.99, still())).toMatchObject([{ data: 'newest' }]);
  });

  it('what was deleted is not found, also before the change is taken up, and may come back', async () => {
    const { index, settle } = make(DIMENSIONS);
    const owner = newOwner();
    const one = randomVector(DIMENSIONS, drawing(3));
    for (const id of ['a', 'b', 'c']) await index.put(at(owner), entry(id, one));
    settle();
    expect(await index.nearest(at(owner), one, 10, 0.9, still())).toHaveLength(3);
    await index.delete(owner, ['a', 'c']);
    expect(await index.nearest(at(owner), one, 10, 0.9, still())).toMatchObject([{ id: 'b' }]);
    settle();
    await evict(owner);
    expect(await index.nearest(at(owner), one, 10, 0.9, still())).toMatchObject([{ id: 'b' }]);
    await index.put(at(owner), entry('a', one));
    settle();
    expect(await index.nearest(at(owner), one, 10, 0.9, still())).toHaveLength(2);
    await index.delete(owner, []);
    await index.delete(newOwner(), ['a']);
  });

  it('what has expired is not found', async () => {
    const { index, settle } = make(DIMENSIONS);
    const owner = newOwner();
    const one = randomVector(DIMENSIONS, drawing(4));
    await index.put(at(owner), entry('gone', one, { expiresAt: Date.now() - 1 }));
    await index.put(at(owner), entry('soon', one, { expiresAt: Date.now() + 5_000 }));
    await index.put(at(owner), entry('later', one));
    settle();
    const found = async () => (await index.nearest(at(owner), one, 10, 0.9, still())).map(({ id }) => id).sort();
    expect(await found()).toEqual(['later', 'soon']);
    await pause(5_100);
    expect(await found()).toEqual(['later']);
    await evict(owner);
    expect(await found()).toEqual(['later']);
  });

  it('finds what stands behind many that have expired', { timeout: 60_000 }, async () => {
    const { index, settle } = make(DIMENSIONS);
    const owner = newOwner();
    const one = randomVector(DIMENSIONS, drawing(5));
    const farther = Int8Array.from(one, (number, place) => (place === 0 ? -number : number));
    for (let count = 0; count < 30; count++) await index.put(at(owner), entry(`old ${count}`, one, { expiresAt: Date.now() - HOUR }));
    await index.put(at(owner), entry('live', farther));
    settle();
    expect(await index.nearest(at(owner), one, 5, 0.1, still())).toMatchObject([{ id: 'live' }]);
  });

  it('gives back exactly what was put, up to the longest', async () => {
    const { index, settle } = make(DIMENSIONS);
    const owner = newOwner();
    const texts = [
      '',
      '\u0000',
      '\ufeffmark',
      '"]\\',
      '\u2028',
      '🙂'.repeat(1_024),
      'x'.repeat(4_096),
      '\u0001'.repeat(4_096),
      'é'.repeat(2_048),
    ];
    for (const [seed, data] of texts.entries()) {
      const one = randomVector(DIMENSIONS, drawing(100 + seed));
      const id = ['ключ', '鍵🔑', '\ufeff', '{}', '%00', 'a b', '🙂'.repeat(16), '…', 'id'][seed] ?? '';
      await index.put(at(owner, 'π 🙂'), entry(id, one, { data }));
      settle();
      expect(await index.nearest(at(owner, 'π 🙂'), one, 1, 0.999, still())).toEqual([{ id, data, similarity: 1 }]);
    }
  });

  it.each([
    ['an id that is too long', entry('é'.repeat(33), [1])],
    ['an empty id', entry('', [1])],
    ['data that is too long', entry('a', [1], { data: 'é'.repeat(2_049) })],
    ['half a character', entry('a', [1], { data: '\ud83d' })],
    ['a vector without numbers', entry('a', [])],
    ['a vector of too many', entry('a', new Int8Array(4_097).fill(1))],
  ])('refuses %s, rather than cut it', async (_, refused) => {
    const { index } = make(DIMENSIONS);
    await expect(index.put(at(newOwner()), refused)).rejects.toThrow(RangeError);
  });

  it('gives up to a hundred, no more, and refuses to be asked for more', { timeout: 60_000 }, async () => {
    const { index, settle } = make(DIMENSIONS);
    const owner = newOwner();
    const draw = drawing(6);
    const entries = Array.from({ length: 130 }, (_, turn) => entry(`e${turn}`, randomVector(DIMENSIONS, draw)));
    for (const each of entries) await index.put(at(owner), each);
    settle();
    const one = randomVector(DIMENSIONS, draw);
    for (const count of [1, 19, 20, 21, 100]) {
      expectSame(await index.nearest(at(owner), one, count, -1, still()), bruteForce(entries, one, count, -1), entries);
    }
    for (const count of [0, 101, 1.5, Number.NaN]) {
      await expect(index.nearest(at(owner), one, count, 0, still())).rejects.toThrow(RangeError);
    }
  });

  it('a vector of zeros is near nothing: it is not kept, replaces what had its id, and finds nothing', async () => {
    const { index, settle } = make(DIMENSIONS);
    const owner = newOwner();
    const one = randomVector(DIMENSIONS, drawing(7));
    await index.put(at(owner), entry('a', one));
    settle();
    await index.put(at(owner), entry('a', new Int8Array(DIMENSIONS)));
    settle();
    expect(await index.nearest(at(owner), one, 10, -1, still())).toEqual([]);
    await index.put(at(owner), entry('b', one));
    settle();
    expect(await index.nearest(at(owner), new Int8Array(DIMENSIONS), 10, -1, still())).toEqual([]);
  });

  it('vectors of another length are another matter, also under the same name, and an id is still one entry', async () => {
    const { index, settle } = make(DIMENSIONS);
    const owner = newOwner();
    const [short, long] = [randomVector(DIMENSIONS, drawing(8)), randomVector(1_536, drawing(9))];
    await index.put(at(owner), entry('short', short));
    await index.put(at(owner), entry('long', long));
    settle();
    expect(await index.nearest(at(owner), short, 10, -1, still())).toMatchObject([{ id: 'short' }]);
    expect(await index.nearest(at(owner), long, 10, -1, still())).toMatchObject([{ id: 'long' }]);
    await index.put(at(owner), entry('short', long, { data: 'longer' }));
    settle();
    expect(await index.nearest(at(owner), short, 10, -1, still())).toEqual([]);
    expect(await index.nearest(at(owner), long, 10, 0.9, still())).toMatchObject([{ similarity: 1 }, { similarity: 1 }]);
    await index.put(at(owner), entry('short', short));
    settle();
    expect(await index.nearest(at(owner), long, 10, 0.9, still())).toMatchObject([{ id: 'long' }]);
    await index.delete(owner, ['short', 'long']);
    settle();
    expect(await index.nearest(at(owner), short, 10, -1, still())).toEqual([]);
    expect(await index.nearest(at(owner), long, 10, -1, still())).toEqual([]);
  });

  it('lets the oldest go where there is no room', { timeout: 60_000 }, async () => {
    const { index, settle } = make(DIMENSIONS, { room: { entries: 10, bytes: 1_000_000 } });
    const owner = newOwner();
    const one = randomVector(DIMENSIONS, drawing(10));
    for (let turn = 0; turn < 12; turn++) await index.put(at(owner, `p${turn % 2}`), entry(`e${turn}`, one));
    // What is put again is the newest.
    await index.put(at(owner, 'p0'), entry('e2', one));
    await index.put(at(owner, 'p0'), entry('e12', one));
    settle();
    const found = await Promise.all(['p0', 'p1'].map((partition) => index.nearest(at(owner, partition), one, 100, 0.9, still())));
    const left = found.flat().map(({ id }) => id);
    expect(left.sort()).toEqual(['e10', 'e11', 'e12', 'e2', 'e4', 'e5', 'e6', 'e7', 'e8', 'e9']);
  });

  it('everything of an owner can be dropped, and of no other', async () => {
    const { index, settle } = make(DIMENSIONS);
    const [owner, another] = [newOwner(), newOwner()];
    const one = randomVector(DIMENSIONS, drawing(11));
    for (const each of [owner, another]) await index.put(at(each), entry('a', one));
    settle();
    await index.clear(owner);
    settle();
    expect(await index.nearest(at(owner), one, 10, 0, still())).toEqual([]);
    expect(await index.nearest(at(another), one, 10, 0, still())).toHaveLength(1);
    await index.put(at(owner), entry('b', one));
    settle();
    expect((await index.nearest(at(owner), one, 10, 0, still())).map(({ id }) => id)).toEqual(['b']);
  });

  it('puts and searches at the same time leave every entry whole', { timeout: 60_000 }, async () => {
    const { index, settle } = make(DIMENSIONS);
    const owner = newOwner();
    const draw = drawing(12);
    const vectors = Array.from({ length: 20 }, () => randomVector(DIMENSIONS, draw));
    const versions = await Promise.all(
      Array.from({ length: 120 }, async (_, turn) => {
        const which = turn % 20;
        const one = vectors[which] ?? new Int8Array(DIMENSIONS);
        await index.put(at(owner), entry(`e${which}`, one, { data: `${which}` }));
        if (turn % 3 === 0) settle();
        return index.nearest(at(owner), one, 5, 0.9999, still());
      }),
    );
    // Whatever was found meanwhile was an entry with its own data.
    for (const [turn, found] of versions.entries())
      for (const { id, data } of found) expect([id, data]).toEqual([`e${turn % 20}`, `${turn % 20}`]);
    settle();
    const all = await index.nearest(at(owner), vectors[0] ?? new Int8Array(DIMENSIONS), 100, -1, still());
    expect(all.map(({ id }) => id).sort()).toEqual(Array.from({ length: 20 }, (_, which) => `e${which}`).sort());
  });

  it('rejects with the reason of whoever does not wait any longer', async () => {
    const { index } = make(DIMENSIONS);
    const reason = new Error('gone home');
    const one = randomVector(DIMENSIONS, drawing(13));
    await expect(index.nearest(at(newOwner()), one, 1, 0, AbortSignal.abort(reason))).rejects.toBe(reason);
    const leaving = new AbortController();
    const search = index.nearest(at(newOwner()), one, 1, 0, leaving.signal);
    leaving.abort(reason);
    await expect(search).rejects.toBe(reason);
  });

  it('finds nothing in an empty place', async () => {
    expect(await make(DIMENSIONS).index.nearest(at(newOwner()), randomVector(DIMENSIONS, drawing(14)), 3, -1, still())).toEqual([]);
    expect(later()).toBeGreaterThan(Date.now());
  });
});
