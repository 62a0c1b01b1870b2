import type { Clock } from '../../core/ports.ts';
import type { KeySeal, StoredKey } from '../../core/tenant.ts';

/** A key of ours, and the other gateway's that stands for it. */
export interface ForeignKey {
  readonly stored: StoredKey;
  /** Since a rotation: how long it is good yet (milliseconds since the epoch). */
  readonly until?: number;
  /** There where the pepper has changed since it was stored. */
  readonly outdated?: { readonly old: KeySeal; readonly renewed: KeySeal };
}

/** Where keys of other gateways are kept. Implemented in `state/`. */
export interface ForeignStore {
  /** Whether there are any. */
  any(): Promise<boolean>;
  /** One query by an index. */
  read(presented: string): Promise<ForeignKey | undefined>;
  reseal(old: KeySeal, renewed: KeySeal): Promise<void>;
  /** What may be stored of one, by its SHA-256 in hex: with the pepper in use first; empty without a secret. */
  seals(sha256: string): Promise<readonly KeySeal[]>;
}

/** Milliseconds for which a deployment that had none is not asked again whether it has any. */
const NONE_FOR = 10_000;

/** Visible ASCII that is no key of ours, mistyped or cut off; longer ones are tokens of another kind. */
const SHAPE = /^(?!weir_)[\x21-\x7e]{6,256}$/;

/** Keys that other gateways made. A deployment that took over none pays one small query in ten seconds for strangers' sake. */
export class ForeignKeys {
  readonly #store: ForeignStore;
  readonly #clock: Clock;
  #there = false;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(store: ForeignStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Whether it may be one, by its form. */
  static mayBe(presented: string): boolean {
    return SHAPE.test(presented);
  }

  async find(presented: string, after: (work: Promise<unknown>) => void): Promise<ForeignKey | undefined> {
    if (!(await this.#any())) return undefined;
    const found = await this.#store.read(presented);
    if (found?.outdated !== undefined) after(this.#store.reseal(found.outdated.old, found.outdated.renewed));
    return found;
  }

  seals(sha256: string): Promise<readonly KeySeal[]> {
    return this.#store.seals(sha256);
  }

  /** Some may have been added here. */
  changed(): void {
    this.#askedAt = Number.NEGATIVE_INFINITY;
  }

  async #any(): Promise<boolean> {
    const now = this.#clock.now();
    if (this.#there || now - this.#askedAt < NONE_FOR) return this.#there;
    this.#there = await this.#store.any();
    this.#askedAt = now;
    return this.#there;
  }
}
