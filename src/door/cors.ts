/**
 * Browsers may call with a key of their own and never with cookies: any origin, no credentials, so nothing is
 * reflected that a hostile page could use.
 */
export const CORS_HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'x-weir-request-id, x-weir-model, x-weir-attempts, x-weir-cache, x-weir-semantic, x-weir-loss, x-weir-cost, x-weir-decision, x-weir-difficulty, x-weir-intent, idempotent-replayed, x-weir-replayed-request-id, x-request-id, request-id, retry-after, ratelimit, ratelimit-policy, age',
} as const;

const ALLOWED_NAME = /^[\w-]{1,64}$/;

/** The answer to a preflight: any method and header name the API could mean, for ten minutes. */
export function preflight(request: Request): Response {
  const asked = (request.headers.get('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => ALLOWED_NAME.test(name))
    .slice(0, 50);
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, POST, HEAD, OPTIONS',
      'access-control-allow-headers': asked.length > 0 ? asked.join(', ') : 'authorization, content-type',
      'access-control-max-age': '600',
    },
  });
}
