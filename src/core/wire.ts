import { GatewayError } from './errors.ts';
import { isObject, type Json, type JsonObject } from './json.ts';

/** Deeper or larger bodies are refused before anything walks them: recursion over user data must be bounded. */
export const MAX_DEPTH = 64;
export const MAX_NODES = 200_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

interface Span {
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
}

const malformed = (why: string) => new GatewayError('invalid_json', `The body must be one JSON object: ${why}.`);

/** The top-level fields of a JSON object, found in its text without parsing the rest. */
export class Fields {
  #places: Map<string, Span> | undefined;
  readonly #text: string;
  /** The whole, once somebody has parsed it. */
  #known: JsonObject | undefined;

  /** Without `places` for a text that is known to be sound: they are looked for when somebody asks where a field stands. */
  constructor(text: string, places?: Map<string, Span>) {
    this.#text = text;
    this.#places = places;
  }

  get #spans(): Map<string, Span> {
    this.#places ??= scanObject(this.#text);
    return this.#places;
  }

  /** Takes the whole as somebody has parsed it: then no field is parsed again. */
  learn(known: JsonObject): void {
    this.#known = known;
  }

  has(name: string): boolean {
    return this.#known === undefined ? this.#spans.has(name) : Object.hasOwn(this.#known, name);
  }

  get isEmpty(): boolean {
    return this.#known === undefined ? this.#spans.size === 0 : Object.keys(this.#known).length === 0;
  }

  get names(): Iterable<string> {
    return this.#spans.keys();
  }

  /** Whether a text stands anywhere in the body as it came, without parsing it: for what is rare and costly to look for. */
  mentions(text: string): boolean {
    return this.#text.includes(text);
  }

  /** Whether a field is an array, told by its first character. */
  isArray(name: string): boolean {
    const span = this.#spans.get(name);
    return span !== undefined && this.#text[span.start] === '[';
  }

  /** All of them, in the order in which they stand. */
  get spans(): Iterable<readonly [string, Span]> {
    return this.#spans;
  }

  span(name: string): Span | undefined {
    return this.#spans.get(name);
  }

  /** One field, parsed; `undefined` where it is absent. Throws `invalid_json`. */
  get(name: string): Json | undefined {
    if (this.#known !== undefined) return Object.hasOwn(this.#known, name) ? this.#known[name] : undefined;
    const span = this.#spans.get(name);
    if (span === undefined) return undefined;
    return parse(this.#text.slice(span.start, span.end), `field "${name}" is malformed`);
  }
}

function parse(text: string, why: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new GatewayError('invalid_json', `The body must be one JSON object: ${why}.`, { cause });
  }
}

/**
 * A JSON body as it came: its text, its top-level fields, and the parsed whole for who needs it. A call that is
 * forwarded in its own dialect is patched here, field by field, so that all that was not touched leaves as it came.
 */
export class Wire {
  #json: JsonObject | undefined;

  private constructor(
    readonly text: string,
    readonly fields: Fields,
  ) {}

  /** Throws `invalid_json` for anything but one object, structurally sound, at most 64 deep and 200,000 nodes. */
  static read(text: string): Wire {
    return new Wire(text, new Fields(text, scanObject(text)));
  }

  static of(json: JsonObject): Wire {
    return Wire.written(
      Object.entries(json).flatMap(([name, value]) => (value === undefined ? [] : [[name, JSON.stringify(value)] as const])),
    );
  }

  /** Of members whose values are JSON already: they are taken as they are, and not looked into. */
  static written(members: Iterable<readonly [name: string, value: string]>): Wire {
    const spans = new Map<string, Span>();
    let text = '{';
    for (const [name, value] of members) {
      if (spans.size > 0) text += ',';
      const keyStart = text.length;
      text += `${JSON.stringify(name)}:`;
      const start = text.length;
      text += value;
      spans.set(name, { keyStart, start, end: text.length });
    }
    text += '}';
    return new Wire(text, new Fields(text, spans));
  }

  /** The body parsed whole; the work is done once. Throws `invalid_json`. */
  json(): JsonObject {
    if (this.#json === undefined) {
      const value = parse(this.text, 'it is malformed');
      if (!isObject(value)) throw malformed('it is not an object');
      this.#json = value;
      this.fields.learn(value);
    }
    return this.#json;
  }

  /** An object within, as it was written; `undefined` where there is none. Throws `invalid_json`. */
  within(name: string): Wire | undefined {
    const span = this.fields.span(name);
    const value = this.json()[name];
    if (span === undefined || !isObject(value)) return undefined;
    const text = this.text.slice(span.start, span.end);
    return Wire.#parsed(text, value, scanObject(text));
  }

  /** Of a sound text that somebody has parsed. */
  static #parsed(text: string, json: JsonObject, places?: Map<string, Span>): Wire {
    const wire = new Wire(text, new Fields(text, places));
    wire.#json = json;
    wire.fields.learn(json);
    return wire;
  }

  /** The text with top-level fields set, or removed where the value is `undefined`. */
  patched(changes: { readonly [field: string]: Json | undefined }): string {
    const names = Object.keys(changes).filter((name) => changes[name] !== undefined || this.fields.has(name));
    if (names.length === 0) return this.text;
    if (names.some((name) => changes[name] === undefined)) return this.#rebuilt(changes);
    const open = this.text.indexOf('{') + 1;
    let out = this.text.slice(0, open);
    const replaced: { readonly span: Span; readonly value: Json | undefined }[] = [];
    const added: string[] = [];
    for (const name of names) {
      const span = this.fields.span(name);
      if (span === undefined) added.push(member(name, changes[name]));
      else replaced.push({ span, value: changes[name] });
    }
    if (added.length > 0) out += this.fields.isEmpty ? added.join(',') : `${added.join(',')},`;
    let at = open;
    for (const { span, value } of replaced.sort((a, b) => a.span.start - b.span.start)) {
      out += this.text.slice(at, span.start) + JSON.stringify(value);
      at = span.end;
    }
    return out + this.text.slice(at);
  }

  /** The body as `patched` writes it. Where single values alone are set, what is known of the rest is not looked for again. */
  with(changes: { readonly [field: string]: Json | undefined }): Wire {
    const names = Object.keys(changes).filter((name) => changes[name] !== undefined || this.fields.has(name));
    if (names.length === 0) return this;
    return names.every((name) => isSingle(changes[name])) ? this.#set(names, changes) : Wire.read(this.patched(changes));
  }

  #set(names: readonly string[], changes: { readonly [field: string]: Json | undefined }): Wire {
    const added = names.filter((name) => !this.fields.has(name));
    return added.length === names.length ? this.#enlarged(added, changes) : this.#changed(names, changes);
  }

  /** With fields that it does not have yet, which come first: nothing of the rest has to be found for that. */
  #enlarged(names: readonly string[], changes: { readonly [field: string]: Json | undefined }): Wire {
    const members = names.map((name) => member(name, changes[name]));
    const text = `{${members.join(',')}${this.fields.isEmpty ? '' : ','}${this.text.slice(this.text.indexOf('{') + 1)}`;
    return this.#json === undefined ? Wire.read(text) : Wire.#parsed(text, { ...only(names, changes), ...this.#json });
  }

  #changed(names: readonly string[], changes: { readonly [field: string]: Json | undefined }): Wire {
    const spans = new Map<string, Span>();
    let at = this.text.indexOf('{') + 1;
    let out = this.text.slice(0, at);
    for (const name of names) {
      if (this.fields.has(name)) continue;
      if (spans.size > 0) out += ',';
      const keyStart = out.length;
      out += `${JSON.stringify(name)}:`;
      const start = out.length;
      out += JSON.stringify(changes[name]);
      spans.set(name, { keyStart, start, end: out.length });
    }
    if (spans.size > 0) out += ',';
    for (const [name, span] of this.fields.spans) {
      const shift = out.length - at;
      const keyStart = span.keyStart + shift;
      if (names.includes(name)) {
        out += this.text.slice(at, span.start);
        const start = out.length;
        out += JSON.stringify(changes[name]);
        at = span.end;
        spans.set(name, { keyStart, start, end: out.length });
      } else spans.set(name, { keyStart, start: span.start + shift, end: span.end + shift });
    }
    const text = out + this.text.slice(at);
    return this.#json === undefined
      ? new Wire(text, new Fields(text, spans))
      : Wire.#parsed(text, { ...this.#json, ...only(names, changes) }, spans);
  }

  #rebuilt(changes: { readonly [field: string]: Json | undefined }): string {
    const members: string[] = [];
    for (const name of this.fields.names) {
      const span = this.fields.span(name);
      if (span !== undefined && !Object.hasOwn(changes, name)) members.push(this.text.slice(span.keyStart, span.end));
    }
    for (const [name, value] of Object.entries(changes)) if (value !== undefined) members.push(member(name, value));
    return `{${members.join(',')}}`;
  }
}

const isSingle = (value: Json | undefined) => value !== undefined && (value === null || typeof value !== 'object');

const only = (names: readonly string[], changes: { readonly [field: string]: Json | undefined }): JsonObject =>
  Object.fromEntries(names.map((name) => [name, changes[name]]));

const member = (name: string, value: Json | undefined) => `${JSON.stringify(name)}:${JSON.stringify(value)}`;

type Expect = 'value' | 'value-or-close' | 'key' | 'key-or-close' | 'colon' | 'comma-or-close';

/** Checks the structure of a JSON object in one linear pass and notes where its top-level fields stand. */
function scanObject(text: string): Map<string, Span> {
  const spans = new Map<string, Span>();
  let at = skipSpace(text, 0);
  // A byte-order mark before JSON is common from some clients and means nothing.
  if (text.charCodeAt(at) === 0xfeff) at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) !== 0x7b) throw malformed(text.length === 0 ? 'it is empty' : 'it is not an object');
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
    at = skipSpace(text, at);
    const code = text.charCodeAt(at);
    if (Number.isNaN(code)) throw malformed('it ends too early');
    switch (code) {
      case QUOTE: {
        const end = stringEnd(text, at);
        if (expect === 'key' || expect === 'key-or-close') {
          if (isObjectAt.length === 1) {
            key = nameIn(text.slice(at, end));
            if (spans.has(key)) throw malformed(`field "${key.slice(0, 64)}" stands twice`);
            keyStart = at;
          }
          expect = 'colon';
        } else if (expect === 'value' || expect === 'value-or-close') {
          if (isObjectAt.length === 1) valueStart = at;
          expect = closeValue(end);
        } else throw malformed(`unexpected text at position ${at}`);
        at = end;
        break;
      }
      case 0x3a: // :
        if (expect !== 'colon') throw malformed(`unexpected ":" at position ${at}`);
        expect = 'value';
        at++;
        break;
      case 0x2c: // ,
        if (expect !== 'comma-or-close') throw malformed(`unexpected "," at position ${at}`);
        expect = isObjectAt[isObjectAt.length - 1] === true ? 'key' : 'value';
        if (++nodes > MAX_NODES) throw malformed(`it has more than ${MAX_NODES} values`);
        at++;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (expect !== 'value' && expect !== 'value-or-close') throw malformed(`unexpected bracket at position ${at}`);
        if (isObjectAt.length === 1) valueStart = at;
        if (isObjectAt.length >= MAX_DEPTH) throw malformed(`it is nested more than ${MAX_DEPTH} deep`);
        if (++nodes > MAX_NODES) throw malformed(`it has more than ${MAX_NODES} values`);
        isObjectAt.push(code === 0x7b);
        expect = code === 0x7b ? 'key-or-close' : 'value-or-close';
        at++;
        break;
      case 0x7d: // }
      case 0x5d: {
        // ]
        const inObject = isObjectAt[isObjectAt.length - 1] === true;
        const mayClose = expect === 'comma-or-close' || expect === (inObject ? 'key-or-close' : 'value-or-close');
        if (!mayClose || inObject !== (code === 0x7d)) throw malformed(`unexpected bracket at position ${at}`);
        isObjectAt.pop();
        at++;
        expect = closeValue(at);
        break;
      }
      default: {
        if (expect !== 'value' && expect !== 'value-or-close') throw malformed(`unexpected text at position ${at}`);
        const end = scalarEnd(text, at);
        if (isObjectAt.length === 1) valueStart = at;
        expect = closeValue(end);
        at = end;
      }
    }
  }
  if (skipSpace(text, at) !== text.length) throw malformed('something follows it');
  return spans;
}

/** Names that stand for themselves; all others are JSON to be read. */
const PLAIN = /^"[\w$.-]*"$/;

const nameIn = (quoted: string): string =>
  PLAIN.test(quoted) ? quoted.slice(1, -1) : (parse(quoted, 'a field name is malformed') as string);

function skipSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; code = text.charCodeAt(at)) at++;
  return at;
}

/** The index just past the string that opens at `from`. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  // Names and short values end within a few bytes; long texts are left to the native search.
  for (const near = Math.min(text.length, at + 24); at < near; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw malformed('a text does not end');
    let slashes = 0;
    while (quote - slashes - 1 >= at && text.charCodeAt(quote - slashes - 1) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** The index just past `true`, `false`, `null` or a number. */
function scalarEnd(text: string, from: number): number {
  let at = from;
  while (isScalarCode(text.charCodeAt(at))) at++;
  const scalar = at - from > 64 ? '' : text.slice(from, at);
  const isLiteral = scalar === 'true' || scalar === 'false' || scalar === 'null';
  if (!isLiteral && !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(scalar)) throw malformed(`unexpected text at position ${from}`);
  return at;
}

const isScalarCode = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x7a) || code === 0x2d || code === 0x2b || code === 0x2e || code === 0x45;
