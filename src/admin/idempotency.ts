import type { MiddlewareHandler } from 'hono';
import { GatewayError } from '../core/errors.ts';
import { type Claim, claimKey } from '../core/idempotency/claim.ts';
import { fingerprintOf } from '../core/idempotency/fingerprint.ts';
import { IDEMPOTENCY_KEY, readIdempotencyKey } from '../core/idempotency/key.ts';
import type { KeptAnswer } from '../core/idempotency/port.ts';
import { readBytes } from '../core/reader.ts';
import type { AdminContext, AdminDeps, AdminEnv } from './deps.ts';
import { MAX_BODY } from './input.ts';

/** Milliseconds for which a request waits for the one before it: none of the admin API's takes longer. */
const PATIENCE = 30_000;

/**
 * A `POST` with an `Idempotency-Key` is done once for each administrator, and told again after that. What was refused
 * has changed nothing, and is looked at anew.
 */
export const idempotent =
  (deps: AdminDeps): MiddlewareHandler<AdminEnv> =>
  async (context, next) => {
    const key = context.req.method === 'POST' ? context.req.raw.headers.get(IDEMPOTENCY_KEY) : null;
    const claimed = key === null ? undefined : await takeKey(key, context, deps);
    if (claimed === undefined) return next();
    if ('answer' in claimed) return told(claimed.answer);
    await next();
    if (context.res.ok) context.res = await claimed.keepWhole(context.res);
    else await claimed.release();
    return undefined;
  };

async function takeKey(
  header: string,
  context: AdminContext,
  deps: AdminDeps,
): Promise<Claim | { readonly answer: KeptAnswer } | undefined> {
  const { clock, planSource, idempotency, log = console.error } = deps;
  const { idempotency: keepFor, items, bytes } = planSource.current().state;
  if (keepFor === 0) return undefined;
  const key = readIdempotencyKey(header);
  if (idempotency === undefined) {
    throw new GatewayError('state_off', 'This gateway keeps nothing, so that no Idempotency-Key can hold. Leave the header out.');
  }
  const { raw } = context.req;
  const body = await readBytes(raw, MAX_BODY);
  if (body === undefined) throw new GatewayError('request_too_large', `The body is larger than ${MAX_BODY} bytes.`);
  context.req.raw = new Request(raw.url, { method: raw.method, headers: raw.headers, body, signal: raw.signal });
  return claimKey({
    port: idempotency(),
    // No app is called so: their ids have no spaces.
    place: { owner: `admin ${context.get('actor') ?? ''}`, key, holder: context.get('requestId') ?? crypto.randomUUID() },
    fingerprint: await fingerprintOf(raw, body),
    clock,
    signal: raw.signal,
    patience: PATIENCE,
    keepFor,
    room: { items, bytes },
    pipe: () => new IdentityTransformStream(),
    after: (work) => context.executionCtx.waitUntil(work),
    log,
  });
}

const told = ({ status, headers, body, requestId }: KeptAnswer) =>
  new Response(body, { status, headers: { ...headers, 'idempotent-replayed': 'true', 'x-weir-replayed-request-id': requestId } });
