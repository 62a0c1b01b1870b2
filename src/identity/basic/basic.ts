import { decodeBase64 } from '../../core/base64.ts';

const SHAPE = /^basic +([A-Za-z0-9+/_-]+=*) *$/i;
/** Characters of the longest header that is looked at: a token, with a name before it, in base64. */
const MOST = 24 * 1024;

/**
 * The credentials in an `Authorization: Basic` header (RFC 7617), of which one may be a key: tools with a place for a
 * password put it there, those with one for a name alone there. Empty ones are none.
 */
export function basicCredentials(authorization: string | null): readonly string[] {
  if (authorization === null || authorization.length > MOST) return [];
  const bytes = decodeBase64(SHAPE.exec(authorization)?.[1] ?? '');
  if (bytes === undefined || bytes.length === 0) return [];
  const text = new TextDecoder().decode(bytes);
  const colon = text.indexOf(':');
  return (colon < 0 ? [text] : [text.slice(colon + 1), text.slice(0, colon)]).filter((part) => part !== '');
}
