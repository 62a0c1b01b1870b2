import type { Origin } from '../identity/api-key/allowed.ts';

/**
 * Where a request comes from. At Cloudflare's edge nobody but the edge sets this header and `cf`
 * (developers.cloudflare.com/fundamentals/reference/http-headers). A local run has no edge: the header is then what the
 * caller says, and without it, as without `cf`, the origin is unknown, which no list allows.
 */
export function originOf(request: Request): Origin {
  const country = request.cf?.country;
  return {
    ip: request.headers.get('cf-connecting-ip') ?? undefined,
    country: typeof country === 'string' ? country : undefined,
  };
}
