import { GatewayError } from './errors.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { joinBytes } from './sse.ts';

/** Deeper or larger bodies are refused before anything walks them: recursion over user data must be bounded. */
export const MAX_DEPTH = 64;
export const MAX_NODES = 200_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
const encoder = new TextEncoder();

interface Span {
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}

const malformed = (why: string) => new GatewayError('invalid_json', `The body must be one JSON object: ${why}.`);

/** The top-level fields of a JSON object, found in its bytes without parsing the rest. */
export class Fields {
  readonly #spans: Map<string, Span>;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, spans: Map<string, Span>) {
    this.#bytes = bytes;
    this.#spans = spans;
  }

  has(name: string): boolean {
    return this.#spans.has(name);
  }

  get names(): Iterable<string> {
    return this.#spans.keys();
  }

  span(name: string): Span | undefined {
    return this.#spans.get(name);
  }

  /** One field, parsed; `undefined` where it is absent. Throws `invalid_json`. */
  get(name: string): Json | undefined {
    const span = this.#spans.get(name);
    if (span === undefined) return undefined;
    return parse(this.#bytes.subarray(span.start, span.end), `field "${name}" is malformed`);
  }
}

function parse(bytes: Uint8Array, why: string): Json {
  try {
    return JSON.parse(decoder.decode(bytes)) as Json;
  } catch (cause) {
    throw new GatewayError('invalid_json', `The body must be one JSON object: ${why}.`, { cause });
  }
}

/**
 * A JSON body as it came: its bytes, its top-level fields, and the parsed whole for who needs it. A call that is
 * forwarded in its own dialect is patched here, field by field, so that all that was not touched leaves byte for byte.
 */
export class Wire {
  #json: JsonObject | undefined;

  private constructor(
    readonly bytes: Uint8Array,
    readonly fields: Fields,
  ) {}

  /** Throws `invalid_json` for anything but one object, structurally sound, at most 64 deep and 200,000 nodes. */
  static read(bytes: Uint8Array): Wire {
    return new Wire(bytes, scanObject(bytes));
  }

  static of(json: JsonObject): Wire {
    const wire = Wire.read(encoder.encode(JSON.stringify(json)));
    wire.#json = json;
    return wire;
  }

  /** The body parsed whole; the work is done once. Throws `invalid_json`. */
  json(): JsonObject {
    if (this.#json === undefined) {
      const value = parse(this.bytes, 'it is malformed');
      if (!isObject(value)) throw malformed('it is not an object');
      this.#json = value;
    }
    return this.#json;
  }

  /** The bytes with top-level fields set, or removed where the value is `undefined`. */
  patched(changes: { readonly [field: string]: Json | undefined }): Uint8Array {
    const names = Object.keys(changes).filter((name) => changes[name] !== undefined || this.fields.has(name));
    if (names.length === 0) return this.bytes;
    if (names.some((name) => changes[name] === undefined)) return this.#rebuilt(changes);
    const parts: Uint8Array[] = [];
    let at = this.bytes.indexOf(0x7b) + 1;
    parts.push(this.bytes.subarray(0, at));
    const added = names.filter((name) => !this.fields.has(name));
    if (added.length > 0) {
      const text = added.map((name) => `${JSON.stringify(name)}:${JSON.stringify(changes[name])}`).join(',');
      const empty = this.fields.names[Symbol.iterator]().next().done === true;
      parts.push(encoder.encode(empty ? text : `${text},`));
    }
    const replaced = names
      .flatMap((name) => {
        const span = this.fields.span(name);
        return span === undefined ? [] : [{ span, value: changes[name] }];
      })
      .sort((a, b) => a.span.start - b.span.start);
    for (const { span, value } of replaced) {
      parts.push(this.bytes.subarray(at, span.start), encoder.encode(JSON.stringify(value)));
      at = span.end;
    }
    parts.push(this.bytes.subarray(at));
    return joinBytes(...parts);
  }

  #rebuilt(changes: { readonly [field: string]: Json | undefined }): Uint8Array {
    const members: Uint8Array[] = [];
    for (const name of this.fields.names) {
      const span = this.fields.span(name);
      if (span !== undefined && !(name in changes)) members.push(this.bytes.subarray(span.keyStart, span.end));
    }
    for (const [name, value] of Object.entries(changes)) {
      if (value !== undefined) members.push(encoder.encode(`${JSON.stringify(name)}:${JSON.stringify(value)}`));
    }
    const comma = encoder.encode(',');
    const joined = members.flatMap((member, index) => (index === 0 ? [member] : [comma, member]));
    return joinBytes(encoder.encode('{'), ...joined, encoder.encode('}'));
  }
}

type Expect = 'value' | 'value-or-close' | 'key' | 'key-or-close' | 'colon' | 'comma-or-close';

/** Checks the structure of a JSON object in one linear pass and notes where its top-level fields stand. */
function scanObject(bytes: Uint8Array): Fields {
  const spans = new Map<string, Span>();
  let at = skipSpace(bytes, 0);
  // A byte-order mark before JSON is common from some clients and means nothing.
  if (bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at = skipSpace(bytes, at + 3);
  if (bytes[at] !== 0x7b) throw malformed(bytes.length === 0 ? 'it is empty' : 'it is not an object');
  at++;
  const isObjectAt: boolean[] = [true];
  let expect = 'key-or-close' as Expect;
  let nodes = 0;
  let key = '';
  let keyStart = 0;
  let valueStart = 0;
  const closeValue = (end: number): Expect => {
    if (isObjectAt.length === 1) spans.set(key, { keyStart, start: valueStart, end });
    return 'comma-or-close';
  };
  while (isObjectAt.length > 0) {
    at = skipSpace(bytes, at);
    const byte = bytes[at];
    if (byte === undefined) throw malformed('it ends too early');
    switch (byte) {
      case QUOTE: {
        const end = stringEnd(bytes, at);
        if (expect === 'key' || expect === 'key-or-close') {
          if (isObjectAt.length === 1) {
            key = parse(bytes.subarray(at, end), 'a field name is malformed') as string;
            if (spans.has(key)) throw malformed(`field "${key.slice(0, 64)}" stands twice`);
            keyStart = at;
          }
          expect = 'colon';
        } else if (expect === 'value' || expect === 'value-or-close') {
          if (isObjectAt.length === 1) valueStart = at;
          expect = closeValue(end);
        } else throw malformed(`unexpected text at byte ${at}`);
        at = end;
        break;
      }
      case 0x3a: // :
        if (expect !== 'colon') throw malformed(`unexpected ":" at byte ${at}`);
        expect = 'value';
        at++;
        break;
      case 0x2c: // ,
        if (expect !== 'comma-or-close') throw malformed(`unexpected "," at byte ${at}`);
        expect = isObjectAt[isObjectAt.length - 1] === true ? 'key' : 'value';
        if (++nodes > MAX_NODES) throw malformed(`it has more than ${MAX_NODES} values`);
        at++;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (expect !== 'value' && expect !== 'value-or-close') throw malformed(`unexpected bracket at byte ${at}`);
        if (isObjectAt.length === 1) valueStart = at;
        if (isObjectAt.length >= MAX_DEPTH) throw malformed(`it is nested more than ${MAX_DEPTH} deep`);
        if (++nodes > MAX_NODES) throw malformed(`it has more than ${MAX_NODES} values`);
        isObjectAt.push(byte === 0x7b);
        expect = byte === 0x7b ? 'key-or-close' : 'value-or-close';
        at++;
        break;
      case 0x7d: // }
      case 0x5d: {
        // ]
        const inObject = isObjectAt[isObjectAt.length - 1] === true;
        const mayClose = expect === 'comma-or-close' || expect === (inObject ? 'key-or-close' : 'value-or-close');
        if (!mayClose || inObject !== (byte === 0x7d)) throw malformed(`unexpected bracket at byte ${at}`);
        isObjectAt.pop();
        at++;
        expect = closeValue(at);
        break;
      }
      default: {
        if (expect !== 'value' && expect !== 'value-or-close') throw malformed(`unexpected text at byte ${at}`);
        const end = scalarEnd(bytes, at);
        if (isObjectAt.length === 1) valueStart = at;
        expect = closeValue(end);
        at = end;
      }
    }
  }
  if (skipSpace(bytes, at) !== bytes.length) throw malformed('something follows it');
  return new Fields(bytes, spans);
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[at]) at++;
  return at;
}

/** The index just past the string that opens at `from`. */
function stringEnd(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  // Names and short values end within a few bytes; long texts are left to the native search.
  for (const near = Math.min(bytes.length, at + 24); at < near; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) throw malformed('a text does not end');
    let slashes = 0;
    while (quote - slashes - 1 >= at && bytes[quote - slashes - 1] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** The index just past `true`, `false`, `null` or a number. */
function scalarEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte !== undefined && isScalarByte(byte); byte = bytes[at]) at++;
  const text = at - from > 64 ? '' : decoder.decode(bytes.subarray(from, at));
  const isLiteral = text === 'true' || text === 'false' || text === 'null';
  if (!isLiteral && !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw malformed(`unexpected text at byte ${from}`);
  return at;
}

const isScalarByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2d || byte === 0x2b || byte === 0x2e || byte === 0x45;
