// Structured fields (RFC 9651), as far as signatures need them: dictionaries of inner lists of strings, and of byte sequences.

/** A parameter's value: an integer, a string, a truth value, or anything else as it was written. */
export type Bare = number | string | boolean | { readonly raw: string };

export interface Signed {
  /** The names of what was signed, in order. */
  readonly components: readonly string[];
  readonly parameters: ReadonlyMap<string, Bare>;
  /** As the signature base writes both (RFC 9421 section 2.3). */
  readonly text: string;
}

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const STRING = /"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y;
const INTEGER = /-?\d{1,15}(?![\d.])/y;
const BOOLEAN = /\?[01]/y;
const BYTES = /:([A-Za-z0-9+/]*=*):/y;
const TOKEN = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y;
const SPACES = / */y;
const OWS = /[ \t]*/y;

/** More members than a request needs make it unreadable. */
const MOST_MEMBERS = 16;
const MOST_ITEMS = 64;

/** Reads a text from its beginning; every step that does not fit throws. */
class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  tryTake(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match;
  }

  take(pattern: RegExp): RegExpExecArray {
    const match = this.tryTake(pattern);
    if (match === undefined) throw new SyntaxError('not a structured field');
    return match;
  }

  tryText(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  text(text: string): void {
    if (!this.tryText(text)) throw new SyntaxError('not a structured field');
  }
}

function dictionary<T>(value: string, member: (cursor: Cursor) => T): ReadonlyMap<string, T> | undefined {
  try {
    const cursor = new Cursor(value.trim());
    const members = new Map<string, T>();
    while (!cursor.isAtEnd) {
      if (members.size >= MOST_MEMBERS) return undefined;
      const [key] = cursor.take(KEY);
      cursor.text('=');
      members.set(key, member(cursor));
      cursor.take(OWS);
      if (cursor.isAtEnd) break;
      cursor.text(',');
      cursor.take(OWS);
      if (cursor.isAtEnd) return undefined;
    }
    return members;
  } catch {
    return undefined;
  }
}

/** `Signature-Input`; `undefined` where it cannot be read, or lists what has parameters of its own. */
export const readSignatureInput = (value: string): ReadonlyMap<string, Signed> | undefined => dictionary(value, readSigned);

/** `Signature` and `Content-Digest`: byte sequences by name. */
export const readByteSequences = (value: string): ReadonlyMap<string, Uint8Array<ArrayBuffer>> | undefined =>
  dictionary(value, (cursor) => {
    const [, base64 = ''] = cursor.take(BYTES);
    readParameters(cursor);
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  });

function readSigned(cursor: Cursor): Signed {
  cursor.text('(');
  const components: string[] = [];
  for (;;) {
    cursor.take(SPACES);
    if (cursor.tryText(')')) break;
    if (components.length >= MOST_ITEMS) throw new SyntaxError('too long');
    components.push(unescaped(cursor.take(STRING)[1] ?? ''));
  }
  const parameters = readParameters(cursor);
  const written = [...parameters].map(([name, value]) => (value === true ? `;${name}` : `;${name}=${writeBare(value)}`));
  return { components, parameters, text: `(${components.map(writeString).join(' ')})${written.join('')}` };
}

function readParameters(cursor: Cursor): ReadonlyMap<string, Bare> {
  const parameters = new Map<string, Bare>();
  while (cursor.tryText(';')) {
    cursor.take(SPACES);
    const [name] = cursor.take(KEY);
    if (parameters.size >= MOST_ITEMS) throw new SyntaxError('too long');
    parameters.set(name, cursor.tryText('=') ? readBare(cursor) : true);
  }
  return parameters;
}

function readBare(cursor: Cursor): Bare {
  const integer = cursor.tryTake(INTEGER);
  if (integer !== undefined) return Number(integer[0]);
  const text = cursor.tryTake(STRING);
  if (text !== undefined) return unescaped(text[1] ?? '');
  const truth = cursor.tryTake(BOOLEAN);
  if (truth !== undefined) return truth[0] === '?1';
  return { raw: (cursor.tryTake(BYTES) ?? cursor.take(TOKEN))[0] };
}

function writeBare(value: Bare): string {
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'object') return value.raw;
  return typeof value === 'boolean' ? `?${value ? 1 : 0}` : String(value);
}

const unescaped = (text: string) => text.replace(/\\(["\\])/g, '$1');
const writeString = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
