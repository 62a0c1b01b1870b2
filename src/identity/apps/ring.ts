import { identityOf } from '../../core/caller.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import type { Clock } from '../../core/ports.ts';
import { Snapshots } from '../../core/snapshots.ts';
import type { AppRef, StoredCaller } from '../../core/tenant.ts';

/** Where apps are kept. Implemented in `state/`. */
export interface AppStore {
  /** An app and all above it; `undefined` where the names mean none, or more than one. One query. */
  read(ref: AppRef): Promise<StoredCaller | undefined>;
}

export interface AppRingOptions {
  readonly clock: Clock;
  /** Absent: there are no apps. */
  readonly store?: AppStore | undefined;
  readonly log?: (message: string, cause: unknown) => void;
}

type After = (work: Promise<unknown>) => void;

interface Snapshot {
  readonly identity: Identity;
  readonly readAt: number;
  /** When the look-up that is under way began. */
  renewing?: number;
}

/** Apps that an isolate remembers, and names that mean none, each. */
export const REMEMBERED = 1_000;
/** Milliseconds after which an app is looked up again, behind the request that it served. */
export const FRESH = 500;
/** Milliseconds after which a request waits for the look-up: what changed elsewhere is known by then at the latest. */
export const STALE = 1_000;
/** Milliseconds for which what was known stays good while the database cannot say. */
const LAST_RESORT = 3_600_000;
/** Milliseconds for which names that mean no app are not looked up again. */
const REFUSED = 2_000;
/** Milliseconds after which a look-up counts as lost: the request it ran behind may have been cancelled. */
const LOST_AFTER = 5_000;

/** The apps that credentials other than keys stand for, with what holds for their calls: as fresh as what is known of keys. */
export class AppRing {
  readonly #options: AppRingOptions;
  readonly #good = new Snapshots<Snapshot>(REMEMBERED);
  /** Until when they are refused without a look-up. */
  readonly #bad = new Snapshots<number>(REMEMBERED);
  /** Counts the changes made here, so that a look-up that began before one does not undo it. */
  #turn = 0;

  constructor(options: AppRingOptions) {
    this.#options = options;
  }

  /**
   * The app's calls, as of nobody in particular: `keyId` is the app's id. `undefined` where there is no such app, or it may
   * not be used. Throws `overloaded` where that cannot be found out.
   */
  identify(ref: AppRef, after: After): Identity | Promise<Identity | undefined> | undefined {
    const name = JSON.stringify([ref.org ?? null, ref.team ?? null, ref.app]);
    const now = this.#options.clock.now();
    const found = this.#good.get(name);
    if (found !== undefined && now - found.readAt < STALE) {
      if (now - found.readAt >= FRESH && now - (found.renewing ?? Number.NEGATIVE_INFINITY) >= LOST_AFTER) {
        found.renewing = now;
        // What fails shows to the request that must wait for it.
        after(this.#read(name, ref).catch(() => undefined));
      }
      return found.identity;
    }
    return now < (this.#bad.get(name) ?? 0) ? undefined : this.#read(name, ref);
  }

  /** The app as it is stored now; `undefined` where it may not be used. Throws what the database throws. */
  async current(ref: AppRef): Promise<Identity | undefined> {
    const stored = await this.#options.store?.read(ref);
    return stored === undefined || !stored.active ? undefined : identityOf(stored, stored.app);
  }

  /** Something about tenants has changed through this isolate: nothing read before it holds. */
  changed(): void {
    this.#turn += 1;
    this.#good.clear();
    this.#bad.clear();
  }

  /** The organisation's generation, as something nearer to the truth has told it: what is older is looked up before it is used again. */
  saw(org: string, generation: number): void {
    this.#good.deleteWhere(({ identity }) => identity.org === org && (identity.generation ?? 0) < generation);
  }

  async #read(name: string, ref: AppRef): Promise<Identity | undefined> {
    const turn = this.#turn;
    const { clock, store } = this.#options;
    const readAt = clock.now();
    let identity: Identity | undefined;
    try {
      const stored = await store?.read(ref);
      identity = stored === undefined || !stored.active ? undefined : identityOf(stored, stored.app);
    } catch (cause) {
      return this.#lastResort(name, cause);
    }
    if (turn !== this.#turn) return identity;
    if (identity === undefined) {
      this.#good.delete(name);
      this.#bad.put(name, readAt + REFUSED);
    } else this.#good.put(name, { identity, readAt });
    return identity;
  }

  /** A database that does not answer takes no app away from those who had one. */
  #lastResort(name: string, cause: unknown): Identity {
    const { clock, log } = this.#options;
    log?.('An app could not be looked up', cause);
    const known = this.#good.get(name);
    if (known !== undefined && clock.now() - known.readAt < LAST_RESORT) return known.identity;
    throw new GatewayError('overloaded', 'The gateway cannot check callers at the moment. Try again shortly.', { cause, retryAfter: 2 });
  }
}
