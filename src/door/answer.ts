import type { GatewayError } from '../core/errors.ts';
import type { Reply } from '../core/kind.ts';
import { CORS_HEADERS } from './cors.ts';

/** The headers of every answer, in the forms that each family of clients reads. */
function baseHeaders(requestId: string, origin: boolean): Headers {
  const headers = new Headers([
    ['x-weir-request-id', requestId],
    ['x-request-id', requestId],
    ['request-id', requestId],
  ]);
  if (origin) for (const [name, value] of CORS_HEADERS) headers.set(name, value);
  return headers;
}

/** A reply as the caller gets it. */
export function answer(reply: Reply, requestId: string, origin: boolean): Response {
  const headers = baseHeaders(requestId, origin);
  headers.set('content-type', reply.contentType);
  headers.set('x-weir-cache', 'off');
  if (reply.servedModel !== undefined) headers.set('x-weir-model', headerSafe(reply.servedModel));
  if (reply.attempts !== undefined) headers.set('x-weir-attempts', String(reply.attempts));
  if (reply.loss.length > 0) headers.set('x-weir-loss', headerSafe([...new Set(reply.loss)].join(', ')));
  if (reply.stream) headers.set('cache-control', 'no-cache');
  return new Response(reply.body, { status: reply.status, headers });
}

/** An error as the caller gets it, with what its status asks for. */
export function errorAnswer(
  error: GatewayError,
  rendered: { readonly status: number; readonly body: string; readonly contentType: string },
  requestId: string,
  origin: boolean,
): Response {
  const headers = baseHeaders(requestId, origin);
  headers.set('content-type', rendered.contentType);
  headers.set('x-weir-cache', 'off');
  const { retryAfter, allow } = error.details;
  if (retryAfter !== undefined) headers.set('retry-after', String(Math.ceil(retryAfter)));
  else if (rendered.status === 429 || rendered.status === 503) headers.set('retry-after', '1');
  if (allow !== undefined) headers.set('allow', allow);
  if (rendered.status === 401) headers.set('www-authenticate', 'Bearer');
  if (rendered.status === 426) headers.set('upgrade', 'HTTP/1.1');
  // Official SDKs retry on 408, 409, 429 and 5xx; what asking again cannot mend is said to them in their own word.
  if (!error.retryable) headers.set('x-should-retry', 'false');
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
