import { createLocalJWKSet, errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose';
import { GatewayError } from '../../core/errors.ts';
import type { IdentityPorts } from '../../core/identity.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { IssuerKeys, KeySet } from './issuer-keys.ts';
import { ASYMMETRIC, type JwtSettings } from './settings.ts';

// Loaded when the first token comes: a gateway that nobody shows one does without.

/** Keys without a `kid` to choose by that are tried for one token. */
const MOST_TRIED = 8;
/** Bytes of a secret for HS256 at least (RFC 7518 section 3.2). */
const LEAST_SECRET = 32;

/** What `createLocalJWKSet` made of a set, with the keys it has imported. */
const prepared = new WeakMap<KeySet, JWTVerifyGetKey>();

/** The claims of a token that is good now. Throws `invalid_key`, and `overloaded` where the issuer's keys cannot be had. */
export async function verify(token: string, config: JwtSettings, keys: IssuerKeys | undefined, ports: IdentityPorts): Promise<JsonObject> {
  const options = optionsOf(config, ports.clock.now());
  try {
    const claims = await checked(token, config, keys, ports, options);
    checkTimes(claims, config, ports.clock.now());
    return claims;
  } catch (thrown) {
    throw thrown instanceof GatewayError ? thrown : new GatewayError('invalid_key', sentenceFor(thrown), { cause: thrown });
  }
}

function optionsOf({ issuer, audience, algorithms, secret, type, clockTolerance = 60 }: JwtSettings, now: number): JWTVerifyOptions {
  return {
    issuer,
    audience: typeof audience === 'string' ? audience : [...audience],
    algorithms: [...(algorithms ?? (secret === undefined ? ASYMMETRIC : ['HS256']))],
    clockTolerance,
    currentDate: new Date(now),
    requiredClaims: ['exp'],
    ...(type === undefined ? {} : { typ: type }),
  };
}

async function checked(
  token: string,
  { secret, jwks }: JwtSettings,
  keys: IssuerKeys | undefined,
  ports: IdentityPorts,
  options: JWTVerifyOptions,
): Promise<JsonObject> {
  if (secret !== undefined) return claimsOf(await jwtVerify(token, secretKey(ports.secrets.get(secret.secret)), options));
  if (jwks !== undefined) return withSet(token, jwks, options);
  if (keys === undefined) throw new Error('There are no keys');
  const current = await keys.current(ports);
  try {
    return await withSet(token, current, options);
  } catch (thrown) {
    if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
    const renewed = await keys.renewed(ports, current);
    if (renewed === undefined) throw thrown;
    return withSet(token, renewed, options);
  }
}

async function withSet(token: string, set: KeySet, options: JWTVerifyOptions): Promise<JsonObject> {
  let key = prepared.get(set);
  if (key === undefined) {
    key = createLocalJWKSet({ keys: set.keys.flatMap((each) => (typeof each.kty === 'string' ? [{ ...each, kty: each.kty }] : [])) });
    prepared.set(set, key);
  }
  try {
    return claimsOf(await jwtVerify(token, key, options));
  } catch (thrown) {
    if (!(thrown instanceof errors.JWKSMultipleMatchingKeys)) throw thrown;
    return withAny(token, thrown, options);
  }
}

/** The token does not say which of several keys it is of. */
async function withAny(token: string, several: errors.JWKSMultipleMatchingKeys, options: JWTVerifyOptions): Promise<JsonObject> {
  let tried = 0;
  for await (const key of several) {
    tried += 1;
    if (tried > MOST_TRIED) break;
    try {
      return claimsOf(await jwtVerify(token, key, options));
    } catch (thrown) {
      if (!(thrown instanceof errors.JWSSignatureVerificationFailed)) throw thrown;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** They came as JSON: nothing else can stand in them. */
const claimsOf = ({ payload }: { readonly payload: { readonly [claim: string]: unknown } }): JsonObject =>
  payload as { readonly [claim: string]: Json };

function secretKey(secret: string | undefined): Uint8Array {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length >= LEAST_SECRET) return bytes;
  throw new GatewayError(
    'invalid_key',
    'Tokens of this issuer cannot be checked: the operator has not set a secret for it that is long enough.',
  );
}

/** Times are whole seconds since 1970: what is written in any other way is a mistake, or meant to be read in two. */
function checkTimes(claims: JsonObject, { clockTolerance = 60 }: JwtSettings, now: number): void {
  for (const claim of ['exp', 'nbf', 'iat'] as const) {
    const value = claims[claim];
    if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)) continue;
    throw new GatewayError('invalid_key', `The token's ${claim} is not a whole number of seconds since 1970.`);
  }
  if (typeof claims.iat === 'number' && claims.iat * 1000 > now + clockTolerance * 1000) {
    throw new GatewayError(
      'invalid_key',
      "The token's iat lies in the future: the clocks of its issuer and of the gateway differ too much.",
    );
  }
}

function sentenceFor(thrown: unknown): string {
  if (thrown instanceof errors.JWTExpired) return 'The token has expired.';
  if (thrown instanceof errors.JWTClaimValidationFailed) return claimSentence(thrown);
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return "The token's signature is not that of its issuer.";
  if (thrown instanceof errors.JWKSNoMatchingKey) return 'The token was not signed with a key that its issuer publishes.';
  if (thrown instanceof errors.JOSEAlgNotAllowed) return 'The token is signed with an algorithm that is not allowed for its issuer.';
  return 'The token cannot be read as a signed token (JWT).';
}

function claimSentence({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `The token has no ${claim}.`;
  if (claim === 'aud') return 'The token is for another audience than this gateway.';
  if (claim === 'nbf') return 'The token is not valid yet.';
  return `The token's ${claim} is not what it must be.`;
}
