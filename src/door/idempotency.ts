import type { Drain } from '../core/drain.ts';
import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import { type Claim, claimKey } from '../core/idempotency/claim.ts';
import { fingerprintOf } from '../core/idempotency/fingerprint.ts';
import { IDEMPOTENCY_KEY, readIdempotencyKey } from '../core/idempotency/key.ts';
import type { Idempotency, KeptAnswer } from '../core/idempotency/port.ts';
import type { Reply, ReplyEnd } from '../core/kind.ts';
import { nanoUsd } from '../core/money.ts';
import type { Plan } from '../core/plan.ts';
import type { Ports } from '../core/ports.ts';
import { readBytes } from '../core/reader.ts';

/** Milliseconds for which a call waits for the one before it, unless its caller says less. */
const PATIENCE = 60_000;

/** What a key needs of the door. `idempotency`: absent where the deployment has no place or no secret to keep answers with. */
export interface KeyedCall {
  readonly request: Request;
  readonly requestId: string;
  readonly who: Identity;
  readonly plan: Plan;
  readonly ports: Ports;
  readonly idempotency: (() => Idempotency) | undefined;
  readonly drain?: Drain | undefined;
}

/** What a call with a key comes to: it is made, with a body that can be read, or told what it was told before. */
export type Keyed = { readonly claim: Claim; readonly request: Request } | { readonly answer: KeptAnswer };

/** The header of a call that may have one. Calls that have none pay for this look and nothing else. */
export const keyOf = ({ method, headers }: Request): string | null => (method === 'POST' ? headers.get(IDEMPOTENCY_KEY) : null);

/** Takes the key for a call, before anything is asked of anybody. `undefined` where the configuration has keys mean nothing. */
export async function takeKey(header: string, call: KeyedCall): Promise<Keyed | undefined> {
  const { request, requestId, who, plan, ports, idempotency, drain } = call;
  const { idempotency: keepFor, items, bytes } = plan.state;
  if (keepFor === 0) return undefined;
  const key = readIdempotencyKey(header);
  if (idempotency === undefined) {
    throw new GatewayError('state_off', 'This gateway keeps nothing, so that no Idempotency-Key can hold. Leave the header out.');
  }
  const body = await bodyOf(request, plan);
  const claimed = await claimKey({
    port: idempotency(),
    // Users whom their credential names are told apart: what one of them was told is not told to another.
    place: { owner: who.principal, key: JSON.stringify([key, who.user ?? null]), holder: requestId },
    fingerprint: await fingerprintOf(request, body),
    clock: ports.clock,
    signal: request.signal,
    patience: patienceOf(request.headers),
    keepFor,
    room: { items, bytes },
    ...(drain === undefined ? {} : { wanted: () => outlives(drain) }),
    pipe: ports.pipe,
    after: ports.after,
    log: (message, cause) => console.error(message, cause),
  });
  if ('answer' in claimed) return claimed;
  return { claim: claimed, request: new Request(request.url, { method: request.method, headers: request.headers, body }) };
}

/** Whether an answer is read on whose caller has left. */
function outlives(drain: Drain): boolean {
  drain.left();
  return drain.lasts;
}

/** All of it is needed before a provider is asked: a form, which would otherwise flow through, must fit here too. */
async function bodyOf(request: Request, { limits }: Plan) {
  const body = await readBytes(request, limits.body).catch((cause: unknown) => {
    throw new GatewayError('invalid_request', 'The body broke off.', { cause });
  });
  if (body !== undefined) return body;
  throw new GatewayError('request_too_large', `The body of a call with an Idempotency-Key is held whole, ${limits.body} bytes at most.`);
}

/** `x-weir-timeout` is how long a caller waits for a first token, so also for somebody else's. */
function patienceOf(headers: Headers): number {
  const ms = Number(headers.get('x-weir-timeout') ?? PATIENCE);
  return Number.isInteger(ms) && ms > 0 ? Math.min(ms, PATIENCE) : PATIENCE;
}

/** What an answer that is told again says of itself. */
export const replayHeaders = ({ requestId }: KeptAnswer) => ({
  'idempotent-replayed': 'true',
  'x-weir-replayed-request-id': requestId,
});

/** An answer as it was told before: nobody is asked, and it costs nothing. */
export function replayed(kept: KeptAnswer): Reply {
  const { 'content-type': contentType = 'application/octet-stream', ...headers } = kept.headers;
  const free = { cost: nanoUsd(0) };
  const servedModel = headers['x-weir-model'];
  return {
    status: kept.status,
    contentType,
    body: kept.body,
    stream: kept.stream,
    attempts: 0,
    ...(kept.stream ? {} : free),
    loss: [],
    headers: { ...headers, ...replayHeaders(kept) },
    done: {
      status: kept.status < 400 ? 'complete' : 'failed',
      attempts: 0,
      ...free,
      ...(servedModel === undefined ? {} : { servedModel }),
    },
  };
}

/** The answer of a call that holds its key, kept as it goes out. */
export function rememberReply(claim: Claim, reply: Reply, response: Response): Promise<Response> | Response {
  const { done, body, stream } = reply;
  const isGood = ({ status }: ReplyEnd) => status === 'complete' && isFinal(reply.status);
  if (done instanceof Promise || body instanceof ReadableStream) {
    return claim.keepPassing(response, Promise.resolve(done).then(isGood), stream);
  }
  return rememberWhole(claim, response, isGood(done), stream);
}

/** Likewise, of an answer that is all here. */
export async function rememberWhole(
  claim: Claim,
  response: Response,
  isGood = isFinal(response.status),
  isStream = false,
): Promise<Response> {
  if (isGood) return claim.keepWhole(response, isStream);
  await claim.release();
  return response;
}

export function rememberRefusal(
  claim: Claim,
  error: GatewayError,
  response: Response,
  after: Ports['after'],
): Promise<Response> | Response {
  if (isFinalRefusal(error)) return claim.keepWhole(response);
  after(claim.release());
  return response;
}

/** Statuses that say something of the moment, not of the call. */
const PASSING = [401, 402, 403, 408, 409, 423, 425, 429];

/** Whether an answer is the last word on a call. */
const isFinal = (status: number): boolean => status < 500 && !PASSING.includes(status);

/** Whether a refusal is the last word on a call: a provider's own, of what was asked. All others cost nothing to find out anew. */
const isFinalRefusal = ({ code, retryable, attempts, status }: GatewayError): boolean =>
  code === 'upstream_rejected' && !retryable && attempts > 0 && isFinal(status);
