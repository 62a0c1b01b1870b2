import { decodeBase64, encodeBase64 } from '../../core/base64.ts';
import { OwnerKeys } from '../secret.ts';

/** Whose a value of the vault is: a row that stands in another's place, or under another name, cannot be opened there. */
export interface VaultPlace {
  readonly org: string;
  readonly name: string;
  readonly id: string;
  /** Of the value: an older one cannot be put back. */
  readonly revision: number;
}

/** A value as it is stored, both as base64. */
export interface SealedValue {
  /** The key of this value alone, sealed with the key of the vault. */
  readonly wrapped: string;
  readonly sealed: string;
}

const NONCE_BYTES = 12;
const KEY_BYTES = 32;
const encoder = new TextEncoder();

/** An envelope: each value is sealed with a random key of its own, and that one with a key that is derived from the deployment's secret. */
export class VaultSeal {
  readonly #secrets: readonly string[];
  #derived: readonly OwnerKeys[] | undefined;

  /** The secret in use, then the one before it. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** `undefined` where the deployment has no secret. */
  async seal(value: string, place: VaultPlace): Promise<SealedValue | undefined> {
    const [current] = await this.#keys();
    if (current === undefined) return undefined;
    const own = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    const bound = boundTo(place);
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const parameters = { name: 'AES-GCM', iv: nonce, additionalData: encoder.encode(bound) };
    const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, await keyOf(own), encoder.encode(value)));
    const whole = new Uint8Array(NONCE_BYTES + sealed.length);
    whole.set(nonce);
    whole.set(sealed, NONCE_BYTES);
    return { wrapped: encodeBase64(await current.sealBytes(own, bound)), sealed: encodeBase64(whole) };
  }

  /** `undefined` where it was not sealed for this place, was changed, or with a secret that is known no more. */
  async open({ wrapped, sealed }: SealedValue, place: VaultPlace): Promise<string | undefined> {
    const bound = boundTo(place);
    const [own, bytes] = [decodeBase64(wrapped), decodeBase64(sealed)];
    if (own === undefined || bytes === undefined) return undefined;
    for (const keys of await this.#keys()) {
      const key = await keys.openBytes(own, bound);
      if (key === undefined) continue;
      const parameters = { name: 'AES-GCM', iv: bytes.subarray(0, NONCE_BYTES), additionalData: encoder.encode(bound) };
      const opened = await crypto.subtle.decrypt(parameters, await keyOf(key), bytes.subarray(NONCE_BYTES)).catch(() => undefined);
      return opened === undefined ? undefined : new TextDecoder().decode(opened);
    }
    return undefined;
  }

  async #keys(): Promise<readonly OwnerKeys[]> {
    // What is kept is the result, not the promise: that one would belong to a request that may be gone.
    this.#derived ??= await Promise.all(this.#secrets.map((secret) => OwnerKeys.derive(secret, 'vault', 'vault')));
    return this.#derived;
  }
}

const boundTo = ({ org, name, id, revision }: VaultPlace) => `${org}|${name}|${id}|${revision}`;
const keyOf = (bytes: Uint8Array) => crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
