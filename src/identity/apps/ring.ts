import { identityOf } from '../../core/caller.ts';
import type { Identity } from '../../core/exchange.ts';
import { FreshCallers } from '../../core/fresh-callers.ts';
import type { Clock } from '../../core/ports.ts';
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

/** The apps that credentials other than keys stand for, with what holds for their calls: as fresh as what is known of keys. */
export class AppRing {
  readonly #store: AppStore | undefined;
  readonly #callers: FreshCallers;

  constructor({ clock, store, log }: AppRingOptions) {
    this.#store = store;
    this.#callers = new FreshCallers({ clock, what: 'app', log });
  }

  /**
   * The app's calls, as of nobody in particular: `keyId` is the app's id. `undefined` where there is no such app, or it may
   * not be used. Throws `overloaded` where that cannot be found out.
   */
  identify(ref: AppRef, after: After): Identity | Promise<Identity | undefined> | undefined {
    const name = JSON.stringify([ref.org ?? null, ref.team ?? null, ref.app]);
    const read = () => this.#callers.read(name, () => this.#look(ref), after);
    const known = this.#callers.known(name, after, read);
    if (known !== undefined) return known;
    return this.#callers.isRefused(name) ? undefined : read();
  }

  /** The app as it is stored now; `undefined` where it may not be used. Throws what the database throws. */
  async current(ref: AppRef): Promise<Identity | undefined> {
    return (await this.#look(ref))?.identity;
  }

  /** Something about tenants has changed through this isolate: nothing read before it holds. */
  changed(): void {
    this.#callers.changed();
  }

  saw(org: string, generation: number): void {
    this.#callers.saw(org, generation);
  }

  async #look(ref: AppRef) {
    const stored = await this.#store?.read(ref);
    if (stored === undefined || !stored.active) return undefined;
    return { identity: identityOf(stored, stored.app), until: Number.POSITIVE_INFINITY };
  }
}
