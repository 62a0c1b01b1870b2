import { identityOf } from '../../core/caller.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Identity } from '../../core/exchange.ts';
import { FreshCallers, type Verdict } from '../../core/fresh-callers.ts';
import type { Clock } from '../../core/ports.ts';
import type { KeySeal, StoredKey } from '../../core/tenant.ts';
import { type ForeignKey, ForeignKeys, type ForeignStore } from './foreign.ts';
import { type Environment, idOfKey, type NewKey, newKey } from './format.ts';

/** Where keys are kept. Implemented in `state/`. */
export interface KeyStore {
  /** A key and all above it; `undefined` where there is none of this id. One query. */
  read(id: string): Promise<StoredKey | undefined>;
  /** `undefined` where there is no secret to seal with. */
  seal(presented: string): Promise<KeySeal | undefined>;
  /** Whether a seal was made of this key, compared in constant time. `renewed` is there where the pepper has changed since. */
  opens(presented: string, seal: KeySeal): Promise<{ readonly renewed?: KeySeal } | undefined>;
  /** Puts a seal of the same key in the place of one made with an older pepper. */
  reseal(id: string, old: KeySeal, renewed: KeySeal): Promise<void>;
  /** Keys that other gateways made. */
  readonly foreign?: ForeignStore;
}

/** A key that a deployment was given as a secret, and whose it is where there is no database. */
export interface FixedKey {
  readonly key: string;
  readonly identity: Identity;
}

export interface KeyRingOptions {
  readonly clock: Clock;
  readonly fixed: readonly FixedKey[];
  /** Absent: the fixed keys are all there are. */
  readonly store?: KeyStore | undefined;
  readonly log?: (message: string, cause: unknown) => void;
}

type After = (work: Promise<unknown>) => void;

/**
 * Says whose a presented key is: from the memory of the isolate, looked up again behind the requests, so that steady
 * traffic never waits. Entries are found by the whole key: two that begin alike have nothing in common.
 */
export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #callers: FreshCallers;
  /** Of keys that something else stands for, by their ids: apart from what is shown, so that an id is never a key. */
  readonly #byId: FreshCallers;
  readonly #foreign: ForeignKeys | undefined;

  constructor(options: KeyRingOptions) {
    this.#options = options;
    const { store, clock, log } = options;
    this.#callers = new FreshCallers({ clock, what: 'key', log });
    this.#byId = new FreshCallers({ clock, what: 'key', log });
    this.#foreign = store?.foreign === undefined ? undefined : new ForeignKeys(store.foreign, clock);
  }

  /** Whose it is, without waiting, where this isolate knows; `undefined` says nothing. */
  known(presented: string, after: After): Identity | undefined {
    return this.#callers.known(presented, after, () => this.identify(presented, after));
  }

  /** Whose it is; `undefined` for everything that is not a key that holds now. Throws `overloaded` where that cannot be found out. */
  async identify(presented: string, after: After): Promise<Identity | undefined> {
    if (this.#callers.isRefused(presented)) return undefined;
    const fixed = await this.#fixed(presented);
    const id = fixed?.identity.keyId ?? idOfKey(presented);
    const foreign = this.#foreign;
    if (id === undefined) {
      if (foreign === undefined || !ForeignKeys.mayBe(presented)) return undefined;
      return this.#callers.read(presented, async () => this.#judgeForeign(await foreign.find(presented, after)), after);
    }
    const { store } = this.#options;
    if (store === undefined) return fixed?.identity;
    const look = async () => {
      const stored = await store.read(id);
      return stored === undefined ? bare(fixed) : this.#judge(presented, stored, fixed, after, store);
    };
    return this.#callers.read(presented, look, after);
  }

  /** A new key and what is stored of it; under the id of one that there is, its successor. Throws `not_supported` without a secret. */
  async mint(environment: Environment, id?: string): Promise<NewKey & { readonly seal: KeySeal }> {
    const made = newKey(environment, id);
    const seal = await this.#options.store?.seal(made.key);
    if (seal === undefined) {
      throw new GatewayError('not_supported', 'Keys need the secret WEIR_SECRET, which the operator has not set.');
    }
    return { ...made, seal };
  }

  /** What may be stored of a key that another gateway made, by its SHA-256 in hex: the first with the pepper in use. Throws `not_supported` without a secret. */
  async sealForeign(sha256: string): Promise<readonly KeySeal[]> {
    const seals = (await this.#foreign?.seals(sha256)) ?? [];
    if (seals.length === 0) throw new GatewayError('not_supported', 'Keys need the secret WEIR_SECRET, which the operator has not set.');
    return seals;
  }

  /** Whose a key is now that was good before, as it is stored; `undefined` where it holds no more. Throws what the database throws. */
  async current(id: string): Promise<Identity | undefined> {
    const { store, fixed } = this.#options;
    const own = fixed.find(({ identity }) => identity.keyId === id);
    if (store === undefined) return own?.identity;
    const stored = await store.read(id);
    return stored === undefined ? own?.identity : this.#holds(stored, Number.POSITIVE_INFINITY)?.identity;
  }

  /** As `identify`, of a key that something else stands for which was shown. */
  async byId(id: string, after: After): Promise<Identity | undefined> {
    const { store, fixed } = this.#options;
    const own = fixed.find(({ identity }) => identity.keyId === id);
    if (store === undefined) return own?.identity;
    const read = () =>
      this.#byId.read(
        id,
        async () => {
          const stored = await store.read(id);
          return stored === undefined ? bare(own) : this.#holds(stored, Number.POSITIVE_INFINITY);
        },
        after,
      );
    return this.#byId.known(id, after, read) ?? (this.#byId.isRefused(id) ? undefined : read());
  }

  /** Something about keys has changed through this isolate: nothing read before it holds. */
  changed(): void {
    this.#byId.changed();
    this.#foreign?.changed();
    this.#callers.changed();
  }

  saw(org: string, generation: number): void {
    this.#byId.saw(org, generation);
    this.#callers.saw(org, generation);
  }

  async #fixed(presented: string): Promise<FixedKey | undefined> {
    if (this.#options.fixed.length === 0) return undefined;
    const digest = await sha256(presented);
    let found: FixedKey | undefined;
    for (const each of this.#options.fixed) {
      if (crypto.subtle.timingSafeEqual(digest, await sha256(each.key))) found = each;
    }
    return found;
  }

  async #judge(presented: string, stored: StoredKey, fixed: FixedKey | undefined, after: After, store: KeyStore) {
    const until = fixed === undefined ? await opensUntil(presented, stored, after, store) : Number.POSITIVE_INFINITY;
    return this.#holds(stored, until ?? 0);
  }

  #judgeForeign(found: ForeignKey | undefined): Verdict | undefined {
    return found === undefined ? undefined : this.#holds(found.stored, found.until ?? Number.POSITIVE_INFINITY);
  }

  /** `until`: when what was presented stops standing for the key. */
  #holds(stored: StoredKey, until: number): Verdict | undefined {
    const end = Math.min(until, stored.expiresAt ?? Number.POSITIVE_INFINITY);
    if (!stored.active || this.#options.clock.now() >= end) return undefined;
    return { identity: identityOf(stored, stored.id), until: end };
  }
}

const bare = (fixed: FixedKey | undefined) =>
  fixed === undefined ? undefined : { identity: fixed.identity, until: Number.POSITIVE_INFINITY };

/** Until when a presented key is good for what is stored; `undefined` where it is another. */
async function opensUntil(
  presented: string,
  { id, seal, previous }: StoredKey,
  after: After,
  store: KeyStore,
): Promise<number | undefined> {
  const [current, before] = await Promise.all([
    seal === undefined ? undefined : store.opens(presented, seal),
    previous === undefined ? undefined : store.opens(presented, previous.seal),
  ]);
  if (current === undefined) return before === undefined ? undefined : previous?.until;
  if (current.renewed !== undefined && seal !== undefined) after(store.reseal(id, seal, current.renewed));
  return Number.POSITIVE_INFINITY;
}

const encoder = new TextEncoder();
const sha256 = (text: string) => crypto.subtle.digest('SHA-256', encoder.encode(text));
