/// <reference path="./wasm.d.ts" />
import compiled from './scan.wasm';
import { PlainScanner, type Scanner } from './scanner.ts';

const PAGE = 65_536;

/** The module of `scripts/vectors/assemble.mjs`, with a memory of its own. */
class WasmScanner implements Scanner {
  readonly near: Scanner['near'];
  readonly like: Scanner['like'];
  readonly signs: Scanner['signs'];
  readonly squares: Scanner['squares'];
  readonly #memory: WebAssembly.Memory;

  constructor(exported: { readonly [name: string]: unknown }) {
    const { memory, near, like, signs, squares } = exported;
    const isWhole = isFunction(near) && isFunction(like) && isFunction(signs) && isFunction(squares);
    if (!(memory instanceof WebAssembly.Memory) || !isWhole) {
      throw new Error('The module that scans vectors is not the one that belongs to this code.');
    }
    this.#memory = memory;
    this.near = near;
    this.like = like;
    this.signs = signs;
    this.squares = squares;
  }

  get memory(): ArrayBuffer {
    return this.#memory.buffer;
  }

  grow(bytes: number): void {
    const pages = Math.ceil((bytes - this.#memory.buffer.byteLength) / PAGE);
    if (pages > 0) this.#memory.grow(pages);
  }
}

const isFunction = (value: unknown): value is (...numbers: number[]) => number => typeof value === 'function';

/** Where the process has no room left for another WebAssembly memory, for each of which it reserves addresses, the plain one. */
export function newScanner(): Scanner {
  let instance: WebAssembly.Instance;
  try {
    instance = new WebAssembly.Instance(compiled);
  } catch (error) {
    if (error instanceof RangeError) return new PlainScanner();
    throw error;
  }
  return new WasmScanner(instance.exports);
}
