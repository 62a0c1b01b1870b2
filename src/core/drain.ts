import type { Identity } from './exchange.ts';

/**
 * What an operator grants an answer whose caller has left: it is read on for a while, since its vendor bills it anyway,
 * and then what it came to is known, and whoever keeps answers has it.
 */
export class Drain {
  readonly #over = new AbortController();
  readonly #milliseconds: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasLeft = false;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** Aborted when the time is over. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Whether there is time left, or all of it as long as nobody has left. */
  get lasts(): boolean {
    return !this.#over.signal.aborted;
  }

  /** The caller has left: from the first time that this is said on, the time runs. */
  left(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#timer = setTimeout(() => this.#over.abort(), this.#milliseconds);
  }

  /** The answer is over. */
  end(): void {
    clearTimeout(this.#timer);
  }
}

/** A call that somebody else answers, with what was found out before: nothing of it comes from the caller. */
export interface HandedCall {
  readonly requestId: string;
  readonly who: Identity;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Milliseconds for which the answer is read on once the caller has left. */
  readonly lasts: number;
  /** What the edge said of the request. */
  readonly cf: object | undefined;
}

/** Has a call answered where an answer outlives its caller. Rejects where nobody can be reached. */
export type HandOn = (request: Request, call: HandedCall) => Promise<Response>;
