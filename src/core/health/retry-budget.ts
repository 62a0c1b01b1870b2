/** Calls that earn a try. Budgets are counted in parts of that size: whole numbers do not drift. */
const PARTS = 5;
/** Tries a second that need not be earned, and the seconds for which they are saved up. */
const FLOOR = 10;
const SAVED = 10;
/** Milliseconds after which two thirds of what was earned are gone: yesterday's calls do not pay for today's outage. */
const FORGETS = 10_000;
/** Models that are remembered. */
const REMEMBERED = 1_000;

/** In fifths of a try. */
interface Budget {
  earned: number;
  floor: number;
  at: number;
}

/**
 * Tries beyond the first, for each model: a fifth of its calls and ten a second besides, however long a provider is down.
 * Each layer that retries without such a bound multiplies the load of what is failing already.
 */
export class RetryBudgets {
  readonly #budgets = new Map<string, Budget>();

  call(model: string, now: number): void {
    const budget = this.#of(model, now);
    budget.earned += 1;
  }

  /** Whether there is one more; it is taken then. */
  take(model: string, now: number): boolean {
    const budget = this.#of(model, now);
    if (budget.earned + budget.floor < PARTS) return false;
    // What was earned is gone first: it does not keep.
    const earned = Math.min(PARTS, budget.earned);
    budget.earned -= earned;
    budget.floor -= PARTS - earned;
    return true;
  }

  #of(model: string, now: number): Budget {
    const known = this.#budgets.get(model);
    if (known === undefined) return this.#remember(model, now);
    const elapsed = now - known.at;
    if (elapsed > 0) {
      known.earned *= Math.exp(-elapsed / FORGETS);
      known.floor = Math.min(PARTS * FLOOR * SAVED, known.floor + (elapsed * PARTS * FLOOR) / 1000);
      known.at = now;
    }
    return known;
  }

  #remember(model: string, now: number): Budget {
    if (this.#budgets.size >= REMEMBERED) {
      const [oldest] = this.#budgets.keys();
      if (oldest !== undefined) this.#budgets.delete(oldest);
    }
    const budget = { earned: 0, floor: PARTS * FLOOR * SAVED, at: now };
    this.#budgets.set(model, budget);
    return budget;
  }
}
