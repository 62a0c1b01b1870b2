import { TooLate, within } from './deadline.ts';
import { GatewayError } from './errors.ts';
import type { Identity } from './exchange.ts';
import type { Clock } from './ports.ts';
import { Snapshots } from './snapshots.ts';

/** Whose calls a credential makes, as it was looked up. */
export interface Verdict {
  readonly identity: Identity;
  /** When what was shown ends by itself; milliseconds since the epoch. */
  readonly until: number;
}

interface Snapshot extends Verdict {
  readonly readAt: number;
  /** When the look-up that is under way began. */
  renewing?: number;
}

type After = (work: Promise<unknown>) => void;

/** Verdicts that an isolate remembers, good and bad each: more would let strangers fill its memory. */
export const REMEMBERED = 1_000;
/** Milliseconds after which a verdict is looked up again, behind the request that it served. */
export const FRESH = 500;
/** Milliseconds after which a request waits for the look-up: what changed elsewhere is known by then at the latest. */
export const STALE = 1_000;
/** Milliseconds for which who was good stays good while the database cannot say. */
const LAST_RESORT = 3_600_000;
/** Milliseconds for which who is not good is not looked up again. */
const REFUSED = 2_000;
/** Milliseconds after which a look-up counts as lost: the request it ran behind may have been cancelled. */
const LOST_AFTER = 5_000;
/** Milliseconds that the call of a caller waits who was good a moment ago: a slow database slows nobody whom it has just let in. */
const PATIENCE = 100;
/** Milliseconds for which that is a moment ago. */
const MOMENT = 5_000;
/** Milliseconds that it waits where he was good longer ago: a credential may have been revoked since, and a sound database says so by then. */
const PATIENCE_LATER = 1_000;
/** Milliseconds that a stranger's call waits. */
const LONG_PATIENCE = 5_000;

export interface FreshCallersOptions {
  readonly clock: Clock;
  /** What is looked up, for what is logged and told: `key`, `app`. */
  readonly what: string;
  readonly log?: ((message: string, cause: unknown) => void) | undefined;
}

/**
 * What an isolate knows of callers, by the whole of what they show: looked up again behind the requests, so that steady
 * traffic never waits, and never older than a second.
 */
export class FreshCallers {
  readonly #options: FreshCallersOptions;
  readonly #good = new Snapshots<Snapshot>(REMEMBERED);
  /** Until when they are refused without a look-up. */
  readonly #bad = new Snapshots<number>(REMEMBERED);
  /** Counts the changes made here, so that a look-up that began before one does not undo it. */
  #turn = 0;

  constructor(options: FreshCallersOptions) {
    this.#options = options;
  }

  /** Whose it is, without waiting, where that is known; `undefined` says nothing. `renew` looks it up again, behind the request. */
  known(shown: string, after: After, renew: () => Promise<unknown>): Identity | undefined {
    const found = this.#good.get(shown);
    if (found === undefined) return undefined;
    const now = this.#options.clock.now();
    const age = now - found.readAt;
    if (age >= STALE || now >= found.until) return undefined;
    if (age >= FRESH && now - (found.renewing ?? Number.NEGATIVE_INFINITY) >= LOST_AFTER) {
      found.renewing = now;
      // What fails shows to the request that must wait for it.
      after(renew().catch(() => undefined));
    }
    return found.identity;
  }

  /** Whether it was looked up a moment ago and is nobody's. */
  isRefused(shown: string): boolean {
    return this.#options.clock.now() < (this.#bad.get(shown) ?? 0);
  }

  /**
   * What a look-up finds, remembered. One that takes long is waited for by strangers alone: others are who they were until
   * it is done. Throws `overloaded` where it fails, or is too late, and nothing good is known.
   */
  async read(shown: string, look: () => Promise<Verdict | undefined>, after: After): Promise<Identity | undefined> {
    const known = this.#good.get(shown);
    const now = this.#options.clock.now();
    if (known === undefined || !this.#isUsable(known, now)) return this.#read(shown, look, LONG_PATIENCE);
    const patience = now - known.readAt < MOMENT ? PATIENCE : PATIENCE_LATER;
    const since = now - (known.renewing ?? Number.NEGATIVE_INFINITY);
    if (since >= patience && since < LOST_AFTER) return known.identity;
    if (since >= LOST_AFTER) known.renewing = now;
    const reading = this.#read(shown, look);
    after(reading.catch(() => undefined));
    try {
      return await within(patience, reading);
    } catch (thrown) {
      if (thrown instanceof TooLate) return known.identity;
      throw thrown;
    }
  }

  async #read(shown: string, look: () => Promise<Verdict | undefined>, patience?: number): Promise<Identity | undefined> {
    const turn = this.#turn;
    const readAt = this.#options.clock.now();
    let verdict: Verdict | undefined;
    try {
      verdict = await (patience === undefined ? look() : within(patience, look()));
    } catch (cause) {
      return this.#lastResort(shown, cause);
    }
    if (turn !== this.#turn) return verdict?.identity;
    if (verdict !== undefined) this.#good.put(shown, { ...verdict, readAt });
    else {
      this.#good.delete(shown);
      this.#bad.put(shown, readAt + REFUSED);
    }
    return verdict?.identity;
  }

  /** Something has changed through this isolate: nothing read before it holds. */
  changed(): void {
    this.#turn += 1;
    this.#good.clear();
    this.#bad.clear();
  }

  /** The organisation's generation, as something nearer to the truth has told it: what is older is looked up before it is used again. */
  saw(org: string, generation: number): void {
    this.#good.deleteWhere(({ identity }) => identity.org === org && (identity.generation ?? 0) < generation);
  }

  /** A database that does not answer takes nothing away from those who had it; of strangers nothing is known. */
  #lastResort(shown: string, cause: unknown): Identity {
    const { clock, log, what } = this.#options;
    log?.(`The ${what} of a caller could not be looked up`, cause);
    const known = this.#good.get(shown);
    if (known !== undefined && this.#isUsable(known, clock.now())) return known.identity;
    throw new GatewayError('overloaded', `The gateway cannot check ${what}s at the moment. Try again shortly.`, { cause, retryAfter: 2 });
  }

  #isUsable({ readAt, until }: Snapshot, now: number): boolean {
    return now - readAt < LAST_RESORT && now < until;
  }
}
