import { GatewayError } from '../../core/errors.ts';
import { ByteReader } from '../../core/reader.ts';

const PIECE = 64 * 1024;

/** A body of a declared length of nothing is none. */
export const hasBody = (request: Request): boolean => request.body !== null && request.headers.get('content-length') !== '0';

/**
 * Whether the body has this SHA-256 (RFC 9530). Whoever comes afterwards still finds it whole: a copy is read. Throws
 * `request_too_large`.
 */
export async function checkDigest(request: Request, digest: Uint8Array, most: number): Promise<boolean> {
  const { body } = request.clone();
  const bytes = body === null ? new Uint8Array() : await readAll(new ByteReader(body), most);
  const actual = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return actual.length === digest.length && actual.every((byte, at) => byte === digest[at]);
}

async function readAll(reader: ByteReader, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await reader.read(PIECE); piece !== undefined; piece = await reader.read(PIECE)) {
    length += piece.length;
    if (length > most) {
      await reader.cancel('too large');
      throw new GatewayError('request_too_large', `The body is larger than ${most} bytes.`);
    }
    pieces.push(piece);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
