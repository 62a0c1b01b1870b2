import { decodeBase64 } from '../../core/base64.ts';
import { GatewayError } from '../../core/errors.ts';
import { defineIdentity, type IdentityPorts, type Proof, type Shown, type Witness } from '../../core/identity.ts';
import { coversTarget, signatureBase } from './base.ts';
import { checkDigest, hasBody } from './digest.ts';
import { readByteSequences, readSignatureInput, type Signed } from './fields.ts';
import { Nonces } from './nonces.ts';
import { type SignatureSettings, type SigningKey, settings } from './settings.ts';

/** Seconds by which a caller's clock may be ahead. */
const AHEAD = 60;
/** Seconds, where nothing else is said. */
const MAX_AGE = 300;
/** Nonces that an isolate remembers for one entry. */
const MOST_NONCES = 50_000;
const MOST_NONCE = 256;
const LEAST_SECRET = 32;

/** Requests that their callers sign (RFC 9421), by a shared secret or with a private key that never leaves them. */
export const signature = defineIdentity({
  use: 'signature',
  config: settings,
  examples: [
    {
      use: 'signature',
      name: 'builds',
      keys: [
        { id: 'ci-1', secret: { secret: 'CI_SIGNING' } },
        { id: 'ci-2', publicKey: 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs' },
      ],
      maxAge: 120,
      as: { org: 'acme', app: 'builds', user: '{keyid}' },
    },
  ],
  facts: ['keyid'],
  witness: (config) => new Signatures(config),
});

const refuse = (message: string): never => {
  throw new GatewayError('invalid_key', message);
};

class Signatures implements Witness {
  readonly #config: SignatureSettings;
  readonly #nonces = new Nonces(MOST_NONCES);

  constructor(config: SignatureSettings) {
    this.#config = config;
  }

  prove({ request, token, mostBody }: Shown, ports: IdentityPorts): Promise<Proof> | undefined {
    const input = request.headers.get('signature-input');
    return token !== undefined || input === null ? undefined : this.#judge(request, input, mostBody, ports);
  }

  async #judge(request: Request, input: string, mostBody: number, { clock, secrets }: IdentityPorts): Promise<Proof> {
    if (request.headers.has('upgrade')) refuse('A WebSocket cannot be opened with a signature: use a key or a token.');
    const { signed, key, bytes } = this.#chosen(request, input);
    const now = Math.floor(clock.now() / 1000);
    const { created, oldest } = this.#checkTime(signed, now);
    const nonce = checkedNonce(signed);
    if (!coversTarget(signed)) refuse('The signature must cover @method and @target-uri, or @method, @path and @query.');
    const base = signatureBase(request, signed) ?? refuse('The signature covers something that this request does not have.');
    const verified = await verify(key, bytes, base, signed.parameters.get('alg'), (name) => secrets.get(name));
    if (!verified) refuse('The signature is not that of this request.');
    await this.#checkBody(request, signed, mostBody);
    // Last, and without waiting in between: of two that come at the same moment one is the second.
    if (!this.#nonces.use(`${key.id}\n${nonce}`, created, oldest))
      refuse('The signature was used before. Sign each request anew, with a new nonce.');
    return { facts: { keyid: key.id } };
  }

  /** The first signature by a key of this entry. */
  #chosen(request: Request, input: string): { readonly signed: Signed; readonly key: SigningKey; readonly bytes: Uint8Array<ArrayBuffer> } {
    const inputs = readSignatureInput(input) ?? refuse('Signature-Input cannot be read, or covers a component with parameters.');
    const signatures = readByteSequences(request.headers.get('signature') ?? '') ?? refuse('Signature cannot be read.');
    for (const [label, signed] of inputs) {
      const bytes = signatures.get(label);
      const key = this.#config.keys.find(({ id }) => id === signed.parameters.get('keyid'));
      if (bytes !== undefined && key !== undefined) return { signed, key, bytes };
    }
    return refuse('The request has no signature with a keyid that is known here.');
  }

  /** Seconds: when it was made, and when the oldest one was that is good now. */
  #checkTime({ parameters }: Signed, now: number): { readonly created: number; readonly oldest: number } {
    const created = parameters.get('created');
    const expires = parameters.get('expires');
    const oldest = now - (this.#config.maxAge ?? MAX_AGE);
    if (typeof created !== 'number') return refuse('The signature must say when it was created.');
    if (created < oldest) refuse('The signature is too old.');
    if (created > now + AHEAD)
      refuse('The signature was created in the future: the clocks of its maker and of the gateway differ too much.');
    if (expires !== undefined && !(typeof expires === 'number' && expires > now)) refuse('The signature has expired.');
    return { created, oldest };
  }

  async #checkBody(request: Request, { components }: Signed, mostBody: number): Promise<void> {
    if (!hasBody(request)) return;
    if (!components.includes('content-digest')) refuse('The signature of a request with a body must cover content-digest.');
    const digest = readByteSequences(request.headers.get('content-digest') ?? '')?.get('sha-256');
    if (digest === undefined) return refuse('Content-Digest must have sha-256.');
    if (!(await checkDigest(request, digest, mostBody))) refuse('The body is not the one whose Content-Digest was signed.');
  }
}

function checkedNonce({ parameters }: Signed): string {
  const nonce = parameters.get('nonce');
  if (typeof nonce !== 'string' || nonce === '' || nonce.length > MOST_NONCE) {
    return refuse(`The signature must have a nonce, of ${MOST_NONCE} characters at most.`);
  }
  return nonce;
}

async function verify(
  key: SigningKey,
  bytes: Uint8Array<ArrayBuffer>,
  base: string,
  alg: unknown,
  secretOf: (name: string) => string | undefined,
): Promise<boolean> {
  const expected = 'secret' in key ? 'hmac-sha256' : 'ed25519';
  if (alg !== undefined && alg !== expected) refuse(`The signature says another algorithm than that of its key, ${expected}.`);
  const text = new TextEncoder().encode(base);
  if ('publicKey' in key) {
    // Of another length none is a signature, and the platform throws.
    if (bytes.length !== 64) return false;
    const raw = decodeBase64(key.publicKey) ?? refuse('The key cannot be used.');
    const imported = await crypto.subtle.importKey('raw', new Uint8Array(raw), { name: 'Ed25519' }, false, ['verify']);
    return crypto.subtle.verify({ name: 'Ed25519' }, imported, bytes, text);
  }
  const secret = new TextEncoder().encode(secretOf(key.secret.secret) ?? '');
  if (secret.length < LEAST_SECRET)
    refuse('This signature cannot be checked: the operator has not set a secret for it that is long enough.');
  const imported = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  return crypto.subtle.verify('HMAC', imported, bytes, text);
}
