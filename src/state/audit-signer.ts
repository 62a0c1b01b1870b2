import { decodeBase64 } from '../core/base64.ts';
import { type AuditCheckpoint, base64urlOf, type SignedCheckpoint, signedBytes } from '../core/ledger/audit-checkpoint.ts';
import { deriveBytes } from './secret.ts';

interface KeyPair {
  readonly sign: CryptoKey;
  /** The public key, 32 bytes as base64url. */
  readonly shown: string;
}

/** RFC 8410 section 7: what stands in front of the 32 bytes of a private key of Ed25519 in PKCS #8. */
const PKCS8_PREFIX = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/**
 * Signs checkpoints of the audit with Ed25519 keys that are derived from the deployment's secrets: nothing is stored, and
 * whoever checks needs the public key alone. Another secret is another key; the one before goes on being shown.
 */
export class AuditSigner {
  readonly #secrets: readonly string[];
  #pairs: readonly KeyPair[] | undefined;

  /** The secret in use, then those before it. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** Public keys, the one in use first; none where there is no secret. */
  async keys(): Promise<readonly string[]> {
    return (await this.#derived()).map(({ shown }) => shown);
  }

  /** `undefined` where there is no secret. */
  async sign(checkpoint: AuditCheckpoint): Promise<SignedCheckpoint | undefined> {
    const [pair] = await this.#derived();
    if (pair === undefined) return undefined;
    const signature = await crypto.subtle.sign('Ed25519', pair.sign, signedBytes(checkpoint));
    return { ...checkpoint, key: pair.shown, signature: base64urlOf(new Uint8Array(signature)) };
  }

  async #derived(): Promise<readonly KeyPair[]> {
    // What is kept is the result, not the promise: that one would belong to a request that may be gone.
    this.#pairs ??= await Promise.all(this.#secrets.map(derive));
    return this.#pairs;
  }
}

async function derive(secret: string): Promise<KeyPair> {
  const seed = await deriveBytes(secret, 'weir audit checkpoints 1', 32);
  const pkcs8 = new Uint8Array([...PKCS8_PREFIX, ...seed]);
  // Once to be shown: its public half is worked out from it, and stands in the JWK (RFC 8037).
  const { x } = (await crypto.subtle.exportKey(
    'jwk',
    await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign']),
  )) as JsonWebKey;
  const shown = decodeBase64(x ?? '');
  if (shown?.length !== 32) throw new Error('The public key of the audit cannot be worked out');
  return { sign: await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']), shown: base64urlOf(shown) };
}
