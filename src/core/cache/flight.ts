import type { ChatChunk } from '../chat.ts';
import { isContent } from '../chat.ts';
import { GatewayError } from '../errors.ts';

/** How a flight ended for those who follow it: the answer is all here, it failed for everybody, or only for its leader. */
export type Landing = 'whole' | 'left' | { readonly error: GatewayError };

/** Milliseconds without a sign of the leader after which it is taken for gone: the platform ends calls without a word. */
const SILENT = 5_000;
/** Milliseconds between two looks of a follower, and two signs of a leader. */
const LOOK = 1_000;
/** Milliseconds after which what is made anew behind an answer is over in any case: the platform gives it thirty seconds. */
const LONGEST_ANEW = 35_000;

export const interruptedFlight = () =>
  new GatewayError(
    'upstream_interrupted',
    'The same call was being answered already, and its answer broke off. What arrived is genuine and incomplete; ask again.',
  );

/**
 * One call that is being answered, and those that ask for the same meanwhile: they get what there is at once, and the rest
 * as it comes. Each of them lives in a request of its own and waits for promises of its own.
 */
export class Flight {
  readonly chunks: ChatChunk[] = [];
  landing: Landing | undefined;
  /** `provider/model`, once it is known. */
  servedModel: string | undefined;
  followers = 0;
  #hasContent = false;
  #sign: number;
  readonly #waiting = new Set<() => void>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    this.#sign = now();
  }

  get hasContent(): boolean {
    return this.#hasContent;
  }

  /** The leader is still there. */
  sign(): void {
    this.#sign = this.#now();
  }

  add(chunk: ChatChunk): void {
    if (this.landing !== undefined) return;
    this.#sign = this.#now();
    this.chunks.push(chunk);
    if (!this.#hasContent && !isContent(chunk)) return;
    this.#hasContent = true;
    this.#wake();
  }

  land(landing: Landing): void {
    this.landing ??= landing;
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Whether a leader that says nothing is gone. */
  #look(): void {
    if (this.landing === undefined && this.#now() - this.#sign > SILENT) {
      this.land(this.#hasContent ? { error: interruptedFlight() } : 'left');
    }
  }

  /** Waits until `met`, the landing, or the signal, so many milliseconds at most; whether there is something to go on with. */
  async until(met: () => boolean, milliseconds: number, signal: AbortSignal): Promise<boolean> {
    const end = this.#now() + milliseconds;
    const watch = new Watch(this.#waiting, () => this.#look(), Math.min(LOOK, milliseconds));
    try {
      while (!met() && this.landing === undefined && !signal.aborted && this.#now() < end) await watch.next();
    } finally {
      watch.end();
    }
    return met() || this.landing !== undefined;
  }

  /**
   * What has come and what comes, all that there is at a time; nothing for a second in which nothing comes. Throws what
   * the answer failed with.
   */
  async *follow(signal: AbortSignal): AsyncGenerator<readonly ChatChunk[], void> {
    const watch = new Watch(this.#waiting, () => this.#look(), LOOK);
    let at = 0;
    try {
      while (!signal.aborted) {
        if (this.chunks.length > at) {
          const pieces = this.chunks.slice(at);
          at = this.chunks.length;
          yield pieces;
        } else if (this.landing === undefined) {
          await watch.next();
          if (this.chunks.length === at) yield [];
        } else if (this.landing === 'whole') return;
        else throw this.landing === 'left' ? interruptedFlight() : own(this.landing.error);
      }
    } finally {
      watch.end();
    }
  }
}

/** An error for one caller of many: what stands at its limits is written into it later. */
export const own = ({ code, message, details }: GatewayError) => new GatewayError(code, message, details);

/**
 * The waiting of one request for another's answer. Its timer is set and cleared in that request alone: the platform's
 * timers belong to the request that set them, and the one that wakes this one must not touch them.
 */
class Watch {
  readonly #waiting: Set<() => void>;
  readonly #timer: ReturnType<typeof setInterval>;
  #wake: () => void = () => undefined;
  readonly #woken = () => this.#wake();

  constructor(waiting: Set<() => void>, look: () => void, every: number) {
    this.#waiting = waiting;
    this.#timer = setInterval(() => {
      look();
      this.#wake();
    }, every);
  }

  /** Until something has changed or it is time for another look. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#waiting.add(this.#woken);
    });
  }

  end(): void {
    clearInterval(this.#timer);
    this.#waiting.delete(this.#woken);
  }
}

/** The flights of one isolate, by what is asked for. */
export class Flights {
  readonly #known = new Map<string, Flight>();
  /** What is being made anew, and until when that is believed. */
  readonly #anew = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(key: string): Flight | undefined {
    return this.#known.get(key);
  }

  /** A new flight in the place of any before it. */
  lead(key: string): Flight {
    const flight = new Flight(this.#now);
    this.#known.set(key, flight);
    return flight;
  }

  /** One that nobody joins: it is only asked for the sake of those who come later. */
  alone(): Flight {
    return new Flight(this.#now);
  }

  /** Whether this is the one that makes an answer anew; it says when it is done. */
  begins(key: string): boolean {
    const until = this.#anew.get(key) ?? 0;
    if (until > this.#now()) return false;
    this.#anew.set(key, this.#now() + LONGEST_ANEW);
    return true;
  }

  done(key: string): void {
    this.#anew.delete(key);
  }

  /** Nobody joins it any more. */
  close(key: string, flight: Flight): void {
    if (this.#known.get(key) === flight) this.#known.delete(key);
  }
}

export { LOOK as SIGN_EVERY };
