import type { Identity } from '../core/exchange.ts';

/** Presented keys whose verdict an isolate remembers; more would let strangers fill its memory. */
const REMEMBERED = 1_000;

const encoder = new TextEncoder();

/** One gateway key that a deployment was given as a secret, until keys are resources of their own. */
export interface StaticKey {
  readonly key: string;
  readonly identity: Identity;
}

/**
 * Checks presented keys against the deployment's own. Comparison is by digest, so that it takes the same time
 * whatever was presented; a key that matched once is known by itself from then on.
 */
export class StaticKeys {
  readonly #keys: readonly StaticKey[];
  readonly #known = new Map<string, Identity>();

  constructor(keys: readonly StaticKey[]) {
    this.#keys = keys;
  }

  /** The identity behind a key this isolate has seen match; `undefined` says nothing. Costs one look-up. */
  known(presented: string): Identity | undefined {
    return this.#known.get(presented);
  }

  /** The identity behind a key, or `undefined` where no key matches. */
  async identify(presented: string): Promise<Identity | undefined> {
    const digest = await sha256(presented);
    let found: Identity | undefined;
    for (const { key, identity } of this.#keys) {
      if (crypto.subtle.timingSafeEqual(digest, await sha256(key))) found = identity;
    }
    if (found !== undefined && this.#known.size < REMEMBERED) this.#known.set(presented, found);
    return found;
  }
}

const sha256 = (text: string) => crypto.subtle.digest('SHA-256', encoder.encode(text));
