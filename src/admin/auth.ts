import { GatewayError } from '../core/errors.ts';
import { ACTOR, type AdminDeps } from './deps.ts';

type After = (work: Promise<unknown>) => void;

/**
 * Who asks: the name that the audit gives them. Throws `missing_key` without a bearer token, `invalid_key` for one that is
 * nobody's, `not_allowed` for a caller of the gateway who may not administer it.
 */
export async function requireAdmin(request: Request, { token, identify }: AdminDeps, after: After): Promise<string> {
  const authorization = request.headers.get('authorization') ?? undefined;
  const given = bearerOf(authorization);
  if (given === undefined || identify === undefined || (await isAdminToken(given, token))) {
    await requireToken(authorization, token);
    return ACTOR;
  }
  const verdict = await identify(given, request, after);
  if ('actor' in verdict) return verdict.actor;
  throw verdict.refusal;
}

/** Throws `missing_key` or `invalid_key` unless the request carries the admin token as a bearer token. */
export async function requireToken(authorization: string | undefined, token: string | undefined): Promise<void> {
  if (token === undefined || token === '') {
    throw new GatewayError('invalid_key', 'The admin API is closed: no admin token is set. The operator sets the secret WEIR_ADMIN_TOKEN.');
  }
  const given = bearerOf(authorization);
  if (given === undefined) {
    throw new GatewayError('missing_key', 'The admin API needs the admin token. Send it as `Authorization: Bearer`.');
  }
  if (!(await isAdminToken(given, token))) throw new GatewayError('invalid_key', 'This is not the admin token.');
}

const bearerOf = (authorization: string | undefined): string | undefined => /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];

/** Compares digests, which are of one length whatever was sent, in constant time. No token that is empty is one. */
async function isAdminToken(given: string, token: string | undefined): Promise<boolean> {
  if (token === undefined || token === '') return false;
  const [left, right] = await Promise.all([digest(given), digest(token)]);
  return crypto.subtle.timingSafeEqual(left, right);
}

const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
