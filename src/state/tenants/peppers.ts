import { decodeBase64 } from '../../core/base64.ts';
import type { KeySeal } from '../../core/tenant.ts';
import { base64url, deriveHmac } from '../secret.ts';

interface Pepper {
  /** Tells peppers apart without telling anything of them. 8 characters of base64url. */
  readonly id: string;
  readonly hmac: CryptoKey;
}

const encoder = new TextEncoder();

/**
 * What keys are sealed with: one pepper for each secret of the deployment. New seals are made with the first; the others
 * are secrets that were in use before, and good until every key that is still used has been sealed anew.
 */
export class Peppers {
  readonly #secrets: readonly string[];
  #derived: readonly Pepper[] | undefined;

  /** The secret in use, then those before it. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** `undefined` where there is no secret. */
  async seal(key: string): Promise<KeySeal | undefined> {
    const [current] = await this.#peppers();
    if (current === undefined) return undefined;
    return { digest: base64url(await crypto.subtle.sign('HMAC', current.hmac, encoder.encode(key))), pepper: current.id };
  }

  /** With every pepper, the one in use first; none where there is no secret. */
  async seals(text: string): Promise<readonly KeySeal[]> {
    const seal = async ({ id, hmac }: Pepper) => ({
      digest: base64url(await crypto.subtle.sign('HMAC', hmac, encoder.encode(text))),
      pepper: id,
    });
    return Promise.all((await this.#peppers()).map(seal));
  }

  /** Whether the seal was made of this key; `verify` compares in constant time. */
  async opens(key: string, { digest, pepper: id }: KeySeal): Promise<{ readonly renewed?: KeySeal } | undefined> {
    const peppers = await this.#peppers();
    const made = decodeBase64(digest);
    const pepper = peppers.find((each) => each.id === id);
    if (pepper === undefined || made === undefined) return undefined;
    if (!(await crypto.subtle.verify('HMAC', pepper.hmac, made, encoder.encode(key)))) return undefined;
    const renewed = pepper === peppers[0] ? undefined : await this.seal(key);
    return renewed === undefined ? {} : { renewed };
  }

  async #peppers(): Promise<readonly Pepper[]> {
    // What is kept is the result, not the promise: that one would belong to a request that may be gone.
    this.#derived ??= await Promise.all(this.#secrets.map(derive));
    return this.#derived;
  }
}

async function derive(secret: string): Promise<Pepper> {
  const hmac = await deriveHmac(secret, 'weir keys 1');
  const id = base64url(await crypto.subtle.sign('HMAC', hmac, encoder.encode('which pepper'))).slice(0, 8);
  return { id, hmac };
}
