import { GatewayError } from '../errors.ts';

export const IDEMPOTENCY_KEY = 'idempotency-key';

/** A string of structured fields (RFC 9651 section 3.3.3), as draft-ietf-httpapi-idempotency-key-header-07 writes the header. */
const STRING = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
/** As most clients write it. Two headers arrive joined by a comma and a space, and are none. */
const BARE = /^[\x21\x23-\x7e]+$/;
const LONGEST = 255;

/** The key that a header means. Throws `invalid_request` for what is none. */
export function readIdempotencyKey(header: string): string {
  const key = STRING.exec(header)?.[1]?.replace(/\\(.)/g, '$1') ?? (BARE.test(header) ? header : '');
  if (key !== '' && key.length <= LONGEST) return key;
  throw new GatewayError(
    'invalid_request',
    `Idempotency-Key is one key of 1 to ${LONGEST} visible ASCII characters, in double quotes or without spaces.`,
    { param: 'Idempotency-Key' },
  );
}
