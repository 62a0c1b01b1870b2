import { decodeBase64 } from '../../core/base64.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';

/** Bytes of the longest token that is looked at. */
export const MOST_TOKEN = 16 * 1024;

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** The claims of what looks like a signed token (RFC 7515 section 7.1). Nothing of them is known to be true. */
export function claimedBy(token: string): JsonObject | undefined {
  if (token.length > MOST_TOKEN || !COMPACT.test(token)) return undefined;
  const [header, payload] = token.split('.', 2).map(objectIn);
  return typeof header?.alg === 'string' ? payload : undefined;
}

function objectIn(part: string): JsonObject | undefined {
  const bytes = decodeBase64(part);
  if (bytes === undefined) return undefined;
  try {
    const value = parseJson(decoder.decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
