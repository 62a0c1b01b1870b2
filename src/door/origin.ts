import type { Origin } from '../identity/api-key/allowed.ts';

/**
 * Where a request comes from. At Cloudflare's edge nobody but the edge sets this header and `cf`
 * (developers.cloudflare.com/fundamentals/reference/http-headers). A run without an edge has neither: the header is then
 * what the caller says, and so is `cf`, which the local simulator reads from a header. The country is unknown there, and
 * without the header the address, too; no list allows what is unknown.
 */
export function originOf(request: Request, edge: boolean): Origin {
  const country = edge ? request.cf?.country : undefined;
  return {
    ip: request.headers.get('cf-connecting-ip') ?? undefined,
    country: typeof country === 'string' ? country : undefined,
  };
}

/** What the edge says of the caller's certificate. */
export const tlsClientOf = (request: Request, edge: boolean): unknown => (edge ? request.cf?.tlsClientAuth : undefined);
