import { decodeBase64, encodeBase64 } from '../../core/base64.ts';
import { OwnerKeys } from '../secret.ts';

/** Bytes of a signing secret: the specification asks for 24 to 64. */
const SECRET_BYTES = 32;

/** A signing secret as its receiver keeps it, as the specification writes it down. */
export const newSigningSecret = (): string => `whsec_${encodeBase64(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))}`;

/**
 * Signing secrets as they are stored: sealed with the deployment's own secret, each for its webhook alone, so that
 * storage gives none of them away.
 */
export class SigningSecrets {
  readonly #secrets: readonly string[];
  #derived: readonly OwnerKeys[] | undefined;

  /** The secret in use, then the one before it. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** As base64; `undefined` where the deployment has no secret. */
  async seal(webhook: string, secret: string): Promise<string | undefined> {
    const [current] = await this.#keys();
    return current === undefined ? undefined : encodeBase64(await current.seal(secret, webhook));
  }

  /** What was sealed for this webhook; `undefined` where it was not, or with a secret that is known no more. */
  async open(webhook: string, sealed: string): Promise<string | undefined> {
    const bytes = decodeBase64(sealed);
    if (bytes === undefined) return undefined;
    for (const keys of await this.#keys()) {
      const opened = await keys.open(bytes, webhook);
      if (opened !== undefined) return opened;
    }
    return undefined;
  }

  /** Sealed anew with the secret in use; `undefined` where it is so already, or cannot be opened. */
  async renewed(webhook: string, sealed: string): Promise<string | undefined> {
    const [current] = await this.#keys();
    const bytes = decodeBase64(sealed);
    if (current === undefined || bytes === undefined || (await current.open(bytes, webhook)) !== undefined) return undefined;
    const opened = await this.open(webhook, sealed);
    return opened === undefined ? undefined : this.seal(webhook, opened);
  }

  async #keys(): Promise<readonly OwnerKeys[]> {
    // What is kept is the result, not the promise: that one would belong to a request that may be gone.
    this.#derived ??= await Promise.all(this.#secrets.map((secret) => OwnerKeys.derive(secret, 'webhooks')));
    return this.#derived;
  }
}
