import { describe, expect, it } from 'vitest';
import { similarity } from '../../core/meaning/embedder.ts';
import { Arena } from './arena.ts';
import { drawing, randomVector } from './fakes.ts';
import { LoadedPartitions } from './loaded.ts';
import { Partition } from './partition.ts';
import type { Rows } from './rows.ts';
import { PlainScanner } from './scanner.ts';
import { newScanner } from './wasm-scanner.ts';

const ALWAYS = 0;
const NEVER = Number.POSITIVE_INFINITY;

function rowsOf(vectors: readonly Int8Array[], first = 1): Rows {
  const [{ length } = new Int8Array(0)] = vectors;
  const joined = new Int8Array(vectors.length * length);
  for (const [at, vector] of vectors.entries()) joined.set(vector, at * length);
  return { seqs: Float64Array.from(vectors, (_, at) => first + at), ends: new Float64Array(vectors.length).fill(10), vectors: joined };
}

/** One near `vector`: `share` of its numbers are others. */
const nearTo = (vector: Int8Array, share: number, draw: () => number) =>
  vector.map((number) => (draw() < share ? Math.round(draw() * 254 - 127) : number));

describe('a partition', () => {
  it.each([
    ['WebAssembly', newScanner],
    ['plain', () => new PlainScanner()],
  ])('that compares signs first finds what comparing with everything finds, in %s', (_, scanner) => {
    for (const dimensions of [100, 128, 384, 1_536]) {
      const draw = drawing(dimensions);
      const vectors = Array.from({ length: 3_000 }, () => randomVector(dimensions, draw));
      const asked = Array.from({ length: 30 }, (_, at) => nearTo(vectors[at * 7] ?? new Int8Array(dimensions), (at % 10) / 100, draw));
      const [exact, signs] = [NEVER, ALWAYS].map((large) => {
        const partition = new Partition(new Arena(scanner()), dimensions, large);
        partition.add(rowsOf(vectors));
        return asked.map((vector) => partition.nearest({ vector, count: 10, atLeast: 0.9, now: 0 }));
      });
      expect(signs).toEqual(exact);
      expect(exact?.filter((found) => found.length > 0).length).toBeGreaterThan(20);
    }
  });

  it('puts the last row where one goes, and takes none for another', () => {
    const draw = drawing(1);
    const partition = new Partition(new Arena(newScanner()), 33);
    const held = new Map<number, Int8Array>();
    for (let turn = 1; turn <= 600; turn++) {
      const vector = randomVector(33, draw);
      partition.add(rowsOf([vector], turn));
      held.set(turn, vector);
      const gone = Math.ceil(draw() * turn);
      if (turn % 3 === 0) {
        partition.remove(gone);
        held.delete(gone);
      }
    }
    expect(partition.count).toBe(held.size);
    for (const [seq, vector] of held)
      expect(partition.nearest({ vector, count: 1, atLeast: 0.99, now: 0 })).toEqual([{ seq, similarity: 1 }]);
    for (const seq of held.keys()) partition.remove(seq);
    expect(partition.nearest({ vector: randomVector(33, draw), count: 100, atLeast: -1, now: 0 })).toEqual([]);
  });

  it('of the equally similar gives the newest, and of many the best', () => {
    const draw = drawing(2);
    const partition = new Partition(new Arena(newScanner()), 16);
    const [one, other] = [randomVector(16, draw), randomVector(16, draw)];
    partition.add(rowsOf([other, one, one, other, one]));
    expect(partition.nearest({ vector: one, count: 2, atLeast: 0.5, now: 0 }).map(({ seq }) => seq)).toEqual([5, 3]);
    expect(partition.nearest({ vector: one, count: 4, atLeast: -1, now: 0 }).map(({ seq }) => seq)).toEqual([5, 3, 2, 4]);
    expect(partition.nearest({ vector: one, count: 4, atLeast: -1, now: 0 })[3]?.similarity).toBe(similarity(one, other));
    expect(partition.nearest({ vector: one, count: 4, atLeast: -1, now: 10 })).toEqual([]);
    partition.add(rowsOf([new Int8Array(16)], 6));
    expect(partition.nearest({ vector: one, count: 9, atLeast: -1, now: 0 })).toHaveLength(5);
    expect(partition.nearest({ vector: new Int8Array(16), count: 9, atLeast: -1, now: 0 })).toEqual([]);
  });
});

describe('what is loaded', () => {
  it('makes room by letting go of what was asked longest ago, and uses its memory again', () => {
    const draw = drawing(3);
    const loaded = new LoadedPartitions(300_000);
    const vector = randomVector(128, draw);
    for (let turn = 0; turn < 200; turn++) {
      const name = `p${turn}`;
      const partition = loaded.load(name, 128, [rowsOf(Array.from({ length: 100 }, () => vector))]);
      expect(partition.nearest({ vector, count: 100, atLeast: 0.9, now: 0 })).toHaveLength(100);
      loaded.get('p0');
      expect(loaded.bytes).toBeLessThanOrEqual(300_000);
    }
    expect(loaded.get('p0')).toBeDefined();
    expect(loaded.get('p199')).toBeDefined();
    expect(loaded.get('p100')).toBeUndefined();
  });
});
