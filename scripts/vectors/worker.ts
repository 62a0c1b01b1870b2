import { DurableObject } from 'cloudflare:workers';
import { Arena } from '../../src/state/vectors/arena.ts';
import { Entries } from '../../src/state/vectors/entries.ts';
import { Partition } from '../../src/state/vectors/partition.ts';
import { PlainScanner } from '../../src/state/vectors/scanner.ts';
import { newScanner } from '../../src/state/vectors/wasm-scanner.ts';

// The Worker that `measure.mjs` asks: an object with so many vectors, and what reading and searching them takes.

export interface Work {
  /** `fill` its storage; `wake`: read the vectors into memory; `exact`, `signs`, `plain`: search them `times` times; `instance`: make the module's instances. */
  readonly what: 'idle' | 'fill' | 'wake' | 'exact' | 'signs' | 'plain' | 'instance';
  readonly count: number;
  readonly dimensions: number;
  readonly times: number;
}

const ROOM = { entries: 1_000_000, bytes: 1_000_000_000 };
/** Bytes of what belongs to an entry, sealed. */
const SEALED = 600;

export class Measured extends DurableObject<object> {
  readonly #made = new Map<string, Partition>();

  work({ what, count, dimensions, times }: Work): number {
    if (what === 'fill') return this.#fill(count, dimensions);
    if (what === 'instance') {
      for (let time = 0; time < times; time += 1) newScanner();
    } else if (what === 'wake') {
      for (let time = 0; time < times; time += 1) this.#load(dimensions, 'exact').release();
    } else if (what !== 'idle') {
      const partition = this.#made.get(what) ?? this.#load(dimensions, what);
      this.#made.set(what, partition);
      for (let time = 0; time < times; time += 1) partition.nearest({ vector: vectorOf(time, dimensions), count: 8, atLeast: 0.9, now: 0 });
    }
    return times;
  }

  #fill(count: number, dimensions: number): number {
    const entries = new Entries(this.ctx.storage.sql);
    const sealed = new Uint8Array(SEALED);
    this.ctx.storage.transactionSync(() => {
      for (let at = 0; at < count; at += 1) {
        const entry = { name: `entry ${at}`, partition: 'p', vector: vectorOf(at, dimensions), sealed, expiresAt: Number.MAX_SAFE_INTEGER };
        entries.put(entry, ROOM);
      }
    });
    return count;
  }

  #load(dimensions: number, what: string): Partition {
    const large = what === 'signs' ? 0 : Number.POSITIVE_INFINITY;
    const partition = new Partition(new Arena(what === 'plain' ? new PlainScanner() : newScanner()), dimensions, large);
    for (const rows of new Entries(this.ctx.storage.sql).rows('p', dimensions)) partition.add(rows);
    return partition;
  }
}

/** The same for the same number, and without a preference for a direction. */
function vectorOf(seed: number, dimensions: number): Int8Array {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  const vector = new Int8Array(dimensions);
  for (let at = 0; at < dimensions; at += 1) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + at;
    state ^= state >>> 12;
    vector[at] = ((state >>> 8) % 255) - 127;
  }
  return vector;
}

interface Env {
  readonly MEASURED: DurableObjectNamespace<Measured>;
}

export default {
  async fetch(request, env) {
    const work: Work = await request.json();
    return Response.json(await env.MEASURED.getByName(`${work.count} ${work.dimensions}`).work(work));
  },
} satisfies ExportedHandler<Env>;
