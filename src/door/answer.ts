import type { GatewayError } from '../core/errors.ts';
import type { RenderedError, Reply } from '../core/kind.ts';
import { formatUsd } from '../core/money.ts';
import { CORS_HEADERS } from './cors.ts';

/** The headers of every answer, in the forms that each family of clients reads. A plain object crosses into the platform once. */
function baseHeaders(requestId: string, origin: boolean, contentType: string): Record<string, string> {
  return {
    'content-type': contentType,
    'x-weir-request-id': requestId,
    'x-request-id': requestId,
    'request-id': requestId,
    'x-weir-cache': 'off',
    ...(origin ? CORS_HEADERS : undefined),
  };
}

/** A reply as the caller gets it. `standing`: what is said of the limits of who asks. */
export function answer(reply: Reply, requestId: string, origin: boolean, standing?: { readonly [name: string]: string }): Response {
  const headers = baseHeaders(requestId, origin, reply.contentType);
  if (reply.servedModel !== undefined) headers['x-weir-model'] = headerSafe(reply.servedModel);
  if (reply.attempts !== undefined) headers['x-weir-attempts'] = String(reply.attempts);
  if (reply.cost !== undefined) headers['x-weir-cost'] = formatUsd(reply.cost);
  if (reply.loss.length > 0) headers['x-weir-loss'] = headerSafe([...new Set(reply.loss)].join(', '));
  if (reply.stream) headers['cache-control'] = 'no-cache';
  if (reply.headers !== undefined) Object.assign(headers, reply.headers);
  if (standing !== undefined) Object.assign(headers, standing);
  if (reply.socket !== undefined) return new Response(null, { status: 101, webSocket: reply.socket, headers });
  return new Response(reply.body, { status: reply.status, headers });
}

/** Seconds. A longer `Retry-After` the official SDKs pass over: they would ask again after a second or two, in vain. */
const LONGEST_WAIT = 60;

/** An error as the caller gets it, with what its status asks for. */
export function errorAnswer(error: GatewayError, rendered: RenderedError, requestId: string, origin: boolean): Response {
  const headers = { ...baseHeaders(requestId, origin, rendered.contentType), ...rendered.headers, ...error.standing };
  headers['x-weir-attempts'] = String(error.attempts);
  const { retryAfter, allow } = error.details;
  if (retryAfter !== undefined) headers['retry-after'] = String(Math.ceil(retryAfter));
  else if (rendered.status === 429 || rendered.status === 503) headers['retry-after'] = '1';
  if (allow !== undefined) headers.allow = allow;
  if (rendered.status === 401) headers['www-authenticate'] = 'Bearer';
  if (rendered.status === 426) headers.upgrade = 'HTTP/1.1';
  // Official SDKs retry on 408, 409, 429 and 5xx; what asking again cannot mend is said to them in their own word.
  if (!error.retryable || (retryAfter ?? 0) > LONGEST_WAIT) headers['x-should-retry'] = 'false';
  return new Response(rendered.body, { status: rendered.status, headers });
}

/** RFC 9457 problem details, for every path that is not a protocol of its own. */
export function problem(error: GatewayError, requestId: string) {
  return {
    status: error.status,
    contentType: 'application/problem+json',
    body: JSON.stringify({
      type: `urn:weir:error:${error.code}`,
      title: error.code.replaceAll('_', ' '),
      status: error.status,
      detail: error.message,
      code: error.code,
      requestId,
    }),
  };
}

/** A model name or a loss as a header value: RFC 9110 visible ASCII, and no longer than a header should be. */
const headerSafe = (text: string) => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1024);
