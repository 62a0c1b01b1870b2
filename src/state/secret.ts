import { encodeBase64 } from '../core/base64.ts';

const encoder = new TextEncoder();

/** AES-GCM, NIST SP 800-38D: a fresh 96-bit nonce in front of every sealed text. */
const NONCE_BYTES = 12;

const material = (secret: string) => crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveKey']);

/** HKDF-SHA-256 (RFC 5869) for one use. */
const derivation = (use: string) => ({ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: encoder.encode(use) });

/** HMAC-SHA-256 under a key derived from the secret for one use alone. */
export const deriveHmac = async (secret: string, use: string): Promise<CryptoKey> =>
  crypto.subtle.deriveKey(derivation(use), await material(secret), { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, [
    'sign',
    'verify',
  ]);

/** So many bytes, derived from the secret for one use alone. */
export async function deriveBytes(secret: string, use: string, length: number): Promise<Uint8Array> {
  const base = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveBits']);
  return new Uint8Array(await crypto.subtle.deriveBits(derivation(use), base, length * 8));
}

/** Bytes as base64url without padding (RFC 4648 section 5). */
export const base64url = (bytes: ArrayBuffer): string =>
  encodeBase64(new Uint8Array(bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/**
 * The keys of one owner, derived from the deployment's own secret (HKDF, RFC 5869), so that nothing that is stored can
 * be read, or be told to belong to somebody, without it.
 */
export class OwnerKeys {
  readonly #encryption: CryptoKey;
  readonly #naming: CryptoKey;

  private constructor(encryption: CryptoKey, naming: CryptoKey) {
    this.#encryption = encryption;
    this.#naming = naming;
  }

  /** `store`: where it is kept; the same owner has other keys in another one. */
  static async derive(secret: string, owner: string, store = 'continuity'): Promise<OwnerKeys> {
    const use = (name: string) => `weir ${store} 1 ${name} ${owner}`;
    const [encryption, naming] = await Promise.all([
      crypto.subtle.deriveKey(derivation(use('seal')), await material(secret), { name: 'AES-GCM', length: 256 }, false, [
        'encrypt',
        'decrypt',
      ]),
      deriveHmac(secret, use('name')),
    ]);
    return new OwnerKeys(encryption, naming);
  }

  /** What stands in storage for a name: the same for the same name, and telling nothing of it. 43 characters of base64url. */
  async name(text: string): Promise<string> {
    return base64url(await crypto.subtle.sign('HMAC', this.#naming, encoder.encode(text)));
  }

  /** Encrypted and bound to the place it is kept in. */
  seal(text: string, place: string): Promise<Uint8Array> {
    return this.sealBytes(encoder.encode(text), place);
  }

  async sealBytes(bytes: Uint8Array, place: string): Promise<Uint8Array> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const parameters = { name: 'AES-GCM', iv: nonce, additionalData: encoder.encode(place) };
    const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, this.#encryption, bytes));
    const whole = new Uint8Array(NONCE_BYTES + sealed.length);
    whole.set(nonce);
    whole.set(sealed, NONCE_BYTES);
    return whole;
  }

  /** What was sealed for this place; `undefined` where it was not, or with another secret. */
  async open(sealed: Uint8Array, place: string): Promise<string | undefined> {
    const bytes = await this.openBytes(sealed, place);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  }

  async openBytes(sealed: Uint8Array, place: string): Promise<Uint8Array | undefined> {
    const parameters = { name: 'AES-GCM', iv: sealed.subarray(0, NONCE_BYTES), additionalData: encoder.encode(place) };
    try {
      return new Uint8Array(await crypto.subtle.decrypt(parameters, this.#encryption, sealed.subarray(NONCE_BYTES)));
    } catch {
      return undefined;
    }
  }
}
