import { GatewayError } from '../core/errors.ts';

/** Throws `missing_key` or `invalid_key` unless the request carries the admin token as a bearer token. */
export async function requireToken(authorization: string | undefined, token: string | undefined): Promise<void> {
  if (token === undefined || token === '') {
    throw new GatewayError('invalid_key', 'The admin API is closed: no admin token is set. The operator sets the secret WEIR_ADMIN_TOKEN.');
  }
  const given = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (given === undefined) {
    throw new GatewayError('missing_key', 'The admin API needs the admin token. Send it as `Authorization: Bearer`.');
  }
  if (!(await isSame(given, token))) throw new GatewayError('invalid_key', 'This is not the admin token.');
}

/** Compares digests, which are of one length whatever was sent, in constant time. */
async function isSame(given: string, expected: string): Promise<boolean> {
  const [left, right] = await Promise.all([digest(given), digest(expected)]);
  return crypto.subtle.timingSafeEqual(left, right);
}

const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
