import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { GatewayError } from '../../core/errors.ts';
import { fakePorts } from '../../core/fakes.ts';
import { jwt } from './jwt.ts';

// An issuer and its tokens, for the tests of this folder.

export const ISSUER = 'https://issuer.example';
export const NOW = 1_800_000_000;
export const SECRET = 'a secret of at least thirty-two bytes';

interface Pair {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}
const pairs: Record<string, Pair> = {};
export async function pairOf(name: string, alg: string): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const pair = { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: name, alg, use: 'sig' } };
  pairs[name] = pair;
  return pair;
}
export const pair = (name: string): Pair => {
  const found = pairs[name];
  if (found === undefined) throw new Error(`no pair ${name}`);
  return found;
};
/** To be called before all tests. */
export async function makePairs(): Promise<void> {
  await Promise.all([pairOf('rsa', 'RS256'), pairOf('other', 'RS256'), pairOf('ec', 'ES256'), pairOf('ed', 'EdDSA')]);
}

export const claims = (parts: JWTPayload = {}): JWTPayload => ({ iss: ISSUER, aud: 'weir', sub: 'ann', exp: NOW + 600, ...parts });
export const sign = (key: CryptoKey | Uint8Array, header: JWTHeaderParameters, payload: JWTPayload = claims()) =>
  new SignJWT(payload).setProtectedHeader(header).sign(key);
export const rsa = (payload: JWTPayload = claims(), header: Partial<JWTHeaderParameters> = {}) =>
  sign(pair('rsa').privateKey, { alg: 'RS256', kid: 'rsa', ...header }, payload);

/** A token whose parts are what they are, signed by nobody or with a given signature. */
export const raw = (header: object, payload: object | string = claims(), signature = 'AAAA') => {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return `${btoa(JSON.stringify(header))}.${btoa(text)}.${signature}`.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
};

interface SetUp {
  readonly keys?: readonly object[];
  readonly settings?: object;
  readonly respond?: (url: string) => Response | Promise<Response>;
}

export function setUp({ keys, settings = {}, respond }: SetUp = {}) {
  let published: readonly object[] = keys ?? [pair('rsa').jwk];
  const ports = fakePorts({
    now: NOW * 1000,
    secrets: { SHARED: SECRET, SHORT: 'short' },
    respond: ({ url }) => {
      if (respond !== undefined) return respond(url);
      if (url.endsWith('/.well-known/openid-configuration')) return Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` });
      return Response.json({ keys: published });
    },
  });
  const witness = jwt.witness(jwt.config.parse({ issuer: ISSUER, audience: 'weir', ...settings }), 'test');
  const prove = async (token: string) => witness.prove({ request: new Request('https://weir.example'), token, mostBody: 1 }, ports);
  const publish = (next: readonly object[]) => {
    published = next;
  };
  return { ports, prove, publish, fetched: () => ports.sent.filter(({ url }) => url.endsWith('/jwks')).length };
}

export const refusal = async (proof: Promise<unknown>): Promise<GatewayError> => {
  const thrown: unknown = await proof.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof GatewayError)) throw new Error(`no refusal: ${String(thrown)}`);
  return thrown;
};
