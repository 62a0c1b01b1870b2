/** Pieces into which a window is cut: what is older leaves it a tenth at a time. */
const PIECES = 10;

/** Good and failed calls of the last `width` milliseconds. The same memory however many there are. */
export class RollingWindow {
  readonly width: number;
  readonly #piece: number;
  readonly #good = new Float64Array(PIECES);
  readonly #failed = new Float64Array(PIECES);
  /** Which piece of time stands in which place. */
  readonly #stamps = new Float64Array(PIECES).fill(Number.NEGATIVE_INFINITY);

  constructor(width: number) {
    this.width = width;
    this.#piece = Math.max(1, width / PIECES);
  }

  add(good: number, failed: number, now: number): void {
    const stamp = Math.floor(now / this.#piece);
    const at = ((stamp % PIECES) + PIECES) % PIECES;
    if (this.#stamps[at] !== stamp) {
      this.#stamps[at] = stamp;
      this.#good[at] = 0;
      this.#failed[at] = 0;
    }
    this.#good[at] = (this.#good[at] ?? 0) + good;
    this.#failed[at] = (this.#failed[at] ?? 0) + failed;
  }

  /** Calls that are looked back on, and how many of them failed. */
  sum(now: number): { readonly calls: number; readonly failed: number } {
    const newest = Math.floor(now / this.#piece);
    let calls = 0;
    let failed = 0;
    for (let at = 0; at < PIECES; at++) {
      const age = newest - (this.#stamps[at] ?? Number.NEGATIVE_INFINITY);
      if (age < 0 || age >= PIECES) continue;
      calls += (this.#good[at] ?? 0) + (this.#failed[at] ?? 0);
      failed += this.#failed[at] ?? 0;
    }
    return { calls, failed };
  }

  clear(): void {
    this.#stamps.fill(Number.NEGATIVE_INFINITY);
  }
}
