import { Arena } from './arena.ts';
import { Partition } from './partition.ts';
import type { Rows } from './rows.ts';
import { newScanner } from './wasm-scanner.ts';

/** Bytes of blocks in memory: objects of a class may share the 128 MB of one isolate. */
const MOST_BYTES = 40 * 1024 * 1024;

/** Partitions in memory; those that were asked longest ago make room for others. */
export class LoadedPartitions {
  readonly #most: number;
  #arena: Arena | undefined;
  readonly #partitions = new Map<string, Partition>();

  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  get bytes(): number {
    return this.#arena?.used ?? 0;
  }

  get(name: string): Partition | undefined {
    const partition = this.#partitions.get(name);
    if (partition !== undefined) {
      this.#partitions.delete(name);
      this.#partitions.set(name, partition);
    }
    return partition;
  }

  load(name: string, dimensions: number, rows: Iterable<Rows>): Partition {
    this.#arena ??= new Arena(newScanner());
    const partition = new Partition(this.#arena, dimensions);
    for (const some of rows) partition.add(some);
    this.#partitions.set(name, partition);
    this.makeRoom(name);
    return partition;
  }

  /** Lets go of those that were asked longest ago, but not of `kept`, until the rest fits. */
  makeRoom(kept: string): void {
    for (const [name, partition] of this.#partitions) {
      if (this.bytes <= this.#most) return;
      if (name === kept) continue;
      partition.release();
      this.#partitions.delete(name);
    }
  }
}
