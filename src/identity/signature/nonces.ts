/** What was used once, for as long as it could be used again. */
export class Nonces {
  readonly #most: number;
  /** When each was made, by name, oldest use first. Seconds. */
  readonly #used = new Map<string, number>();
  /** Nothing that was made by then is let pass: of that time not everything is remembered. */
  #forgotten = Number.NEGATIVE_INFINITY;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether it is used for the first time. `oldest`: what was made before then is refused anyway. */
  use(name: string, created: number, oldest: number): boolean {
    if (created <= this.#forgotten || this.#used.has(name)) return false;
    for (const [known, at] of this.#used) {
      if (at >= oldest) break;
      this.#used.delete(known);
    }
    if (this.#used.size >= this.#most) this.#forgetOne();
    if (created <= this.#forgotten) return false;
    this.#used.set(name, created);
    return true;
  }

  #forgetOne(): void {
    for (const [known, at] of this.#used) {
      this.#used.delete(known);
      this.#forgotten = Math.max(this.#forgotten, at);
      return;
    }
  }
}
