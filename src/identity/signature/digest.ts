import { GatewayError } from '../../core/errors.ts';
import { readBytes } from '../../core/reader.ts';

/** A body of a declared length of nothing is none. */
export const hasBody = (request: Request): boolean => request.body !== null && request.headers.get('content-length') !== '0';

/**
 * Whether the body has this SHA-256 (RFC 9530). Whoever comes afterwards still finds it whole: a copy is read. Throws
 * `request_too_large`.
 */
export async function checkDigest(request: Request, digest: Uint8Array, most: number): Promise<boolean> {
  const copy = request.clone();
  const bytes = await readBytes(copy, most);
  if (bytes === undefined) {
    // A branch that nobody reads would hold whatever the other one reads.
    await copy.body?.cancel('too large');
    throw new GatewayError('request_too_large', `The body is larger than ${most} bytes.`);
  }
  const actual = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return actual.length === digest.length && actual.every((byte, at) => byte === digest[at]);
}
