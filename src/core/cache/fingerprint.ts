import type { Json } from '../json.ts';

const encoder = new TextEncoder();

/** Members whose own order says something: models write their answers in the order of a schema. */
const ORDERED: ReadonlySet<string> = new Set(['parameters', 'schema']);

/** SHA-256 of a value's one encoding, in lower-case hex. */
export async function fingerprintOf(value: Json): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', encoder.encode(encode(value)));
  let hex = '';
  for (const byte of new Uint8Array(digest)) hex += HEX[byte] ?? '';
  return hex;
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * A JSON value as text that no other value has: every value begins with its type, texts and lists with their length, so
 * that nothing in a text can pass for structure. Members stand in the order of their names, save in schemas.
 */
export function encode(value: Json): string {
  const out: string[] = [];
  write(value, out, false);
  return out.join('');
}

function write(value: Json, out: string[], ordered: boolean): void {
  if (value === null) out.push('n');
  else if (typeof value === 'boolean') out.push(value ? 't' : 'f');
  else if (typeof value === 'number') out.push('d', numberText(value), ';');
  else if (typeof value === 'string') writeText(value, out);
  else if (isList(value)) {
    out.push('a', String(value.length), ':');
    for (const item of value) write(item, out, ordered);
  } else {
    const names = Object.keys(value).filter((name) => value[name] !== undefined);
    if (!ordered) names.sort();
    out.push('o', String(names.length), ':');
    for (const name of names) {
      writeText(name, out);
      write(value[name] ?? null, out, ordered || ORDERED.has(name));
    }
  }
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError('JSON has no such number');
  return String(value);
}

/** Half of a surrogate pair would become the same replacement character as any other half: such a text is written escaped. */
function writeText(text: string, out: string[]): void {
  if (text.isWellFormed()) out.push('s', String(text.length), ':', text);
  else {
    const escaped = JSON.stringify(text);
    out.push('u', String(escaped.length), ':', escaped);
  }
}
