/** Steps that are remembered: the one that was made longest ago goes first. */
const REMEMBERED = 10_000;

/**
 * Counts the steps of runs. In the object's memory alone: a circle makes the same step within minutes, in which the object
 * stays where it is, and a count that is lost begins anew.
 */
export class StepCounts {
  readonly #counts = new Map<string, number>();

  /** Returns how often the step was made, this time included. */
  note(step: string): number {
    const count = (this.#counts.get(step) ?? 0) + 1;
    this.#counts.delete(step);
    this.#counts.set(step, count);
    if (this.#counts.size > REMEMBERED) {
      const [oldest] = this.#counts.keys();
      if (oldest !== undefined) this.#counts.delete(oldest);
    }
    return count;
  }
}
