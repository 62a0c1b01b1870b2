/** Milliseconds of a piece: what is counted stays for a minute, and for one piece more at most. */
const PIECE = 5_000;
const PIECES = 13;

/** What was sent within the last minute. */
export class RollingMinute {
  readonly #amounts = new Float64Array(PIECES);
  readonly #stamps = new Float64Array(PIECES).fill(Number.NEGATIVE_INFINITY);

  add(amount: number, now: number): void {
    const stamp = Math.floor(now / PIECE);
    const at = placeOf(stamp);
    if (this.#stamps[at] !== stamp) {
      this.#stamps[at] = stamp;
      this.#amounts[at] = 0;
    }
    this.#amounts[at] = (this.#amounts[at] ?? 0) + amount;
  }

  /** Changes what was added at a moment, if that has not passed out of sight. */
  correct(difference: number, addedAt: number): void {
    const stamp = Math.floor(addedAt / PIECE);
    const at = placeOf(stamp);
    if (this.#stamps[at] === stamp) this.#amounts[at] = Math.max(0, (this.#amounts[at] ?? 0) + difference);
  }

  sum(now: number): number {
    const newest = Math.floor(now / PIECE);
    let sum = 0;
    for (let at = 0; at < PIECES; at++) {
      const age = newest - (this.#stamps[at] ?? Number.NEGATIVE_INFINITY);
      if (age >= 0 && age < PIECES) sum += this.#amounts[at] ?? 0;
    }
    return sum;
  }
}

const placeOf = (stamp: number) => ((stamp % PIECES) + PIECES) % PIECES;
