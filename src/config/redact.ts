import { isArray, isObject, type Json } from '../core/json.ts';
import { REDACTED } from '../core/secret-name.ts';

/** Members that hold a secret, or several: `key`, `keys`, `clientSecret`, `clientKey`. */
const SECRET = /(?:key|secret)s?$/i;

/** The document with every literal key hidden, wherever it stands; a copy, so that what is shown can never be what is served. */
export function redact(document: unknown): unknown {
  return isJson(document) ? shown(document, false) : document;
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null;

function shown(value: Json | undefined, isSecret: boolean): Json {
  if (isArray(value)) return value.map((each) => shown(each, isSecret));
  if (!isObject(value)) return value ?? null;
  if (isSecret && typeof value.value === 'string' && Object.keys(value).length === 1) return { value: REDACTED };
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shown(member, SECRET.test(name))]));
}
