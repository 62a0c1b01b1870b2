import { isArray, type Json } from '../json.ts';

/**
 * The one way to write a JSON value (RFC 8785): no spaces, members in the order of their names' UTF-16 units, numbers and
 * texts as ECMAScript writes them. The same value always has the same digest.
 */
export function canonicalJson(value: Json): string {
  if (isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError('JSON has no such number');
    return JSON.stringify(value);
  }
  const members = Object.keys(value)
    .sort()
    .flatMap((name) => {
      const member = value[name];
      return member === undefined ? [] : [`${JSON.stringify(name)}:${canonicalJson(member)}`];
    });
  return `{${members.join(',')}}`;
}

const encoder = new TextEncoder();

/** SHA-256 of a value's canonical form, in lower-case hex. */
export async function digestOf(value: Json): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', encoder.encode(canonicalJson(value)));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
