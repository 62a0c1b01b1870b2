import { decodeBase64, encodeBase64 } from '../../../core/base64.ts';
import { GatewayError } from '../../../core/errors.ts';

/** Seconds for which an assertion is good: it is made for one request. */
const GOOD_FOR = 60;

const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const RS256 = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;

const encoder = new TextEncoder();
const base64url = (bytes: Uint8Array): string => encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const part = (value: object): string => base64url(encoder.encode(JSON.stringify(value)));

/**
 * What a client shows instead of a secret: a JWT that says who it is, for one authorization server (RFC 7523 §3, the audience
 * as in its issuer). `pem`: PKCS#8 of an EC key (P-256) or an RSA key. Throws `provider_key_missing` for what is none.
 */
export async function clientAssertion(pem: string, clientId: string, issuer: string, now: number): Promise<string> {
  const { key, alg, algorithm } = await signingKey(pem);
  const at = Math.floor(now / 1_000);
  const claims = { iss: clientId, sub: clientId, aud: issuer, iat: at, exp: at + GOOD_FOR, jti: crypto.randomUUID() };
  const text = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${base64url(new Uint8Array(await crypto.subtle.sign(algorithm, key, encoder.encode(text))))}`;
}

async function signingKey(pem: string) {
  const inner = /-----BEGIN PRIVATE KEY-----([\s\S]+?)-----END PRIVATE KEY-----/.exec(pem)?.[1];
  const bytes = inner === undefined ? undefined : decodeBase64(inner.replace(/\s|\\n/g, ''));
  for (const [alg, algorithm] of [
    ['ES256', ES256],
    ['RS256', RS256],
  ] as const) {
    const key = bytes && (await crypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign']).catch(() => undefined));
    if (key !== undefined) return { key, alg, algorithm };
  }
  throw new GatewayError(
    'provider_key_missing',
    'The `clientKey` of a source is no private key: PKCS#8 as PEM, of an EC key (P-256) or an RSA key.',
  );
}
