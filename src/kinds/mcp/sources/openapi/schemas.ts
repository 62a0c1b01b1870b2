import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';

/** Schemas of one tool at most, and how deep they may lie: a document may not keep the gateway busy. */
const MOST = 5_000;
const DEEPEST = 48;

/** Keywords of OpenAPI's own that say nothing to who reads JSON Schema. */
const FOREIGN: ReadonlySet<string> = new Set([
  'discriminator',
  'xml',
  'externalDocs',
  'example',
  'nullable',
  'exclusiveMinimum',
  'exclusiveMaximum',
]);
/** Keywords whose values are data, in which nothing refers to anything. */
const DATA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples']);
const MAPS: ReadonlySet<string> = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);

/** What a schema describes: what a caller sends has no members that only the API sets, and the other way round. */
export type Direction = 'request' | 'response';

/** What a local reference names (RFC 6901), or `undefined`: nothing is ever fetched for a reference. */
export function resolved(document: JsonObject, reference: Json | undefined): Json | undefined {
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return undefined;
  let at: Json | undefined = document;
  for (const part of reference.slice(2).split('/')) {
    const name = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (isObject(at)) at = Object.hasOwn(at, name) ? at[name] : undefined;
    else at = isArray(at) && /^\d{1,6}$/.test(name) ? at[Number(name)] : undefined;
  }
  return at;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** An object of a document, by itself or as a reference to it, which may be one to a reference. */
export function objectAt(document: JsonObject, value: Json | undefined): JsonObject | undefined {
  let at = value;
  for (let hops = 0; hops < 8 && isObject(at) && typeof at.$ref === 'string'; hops++) at = resolved(document, at.$ref);
  return isObject(at) && at.$ref === undefined ? at : undefined;
}

/**
 * Schemas of an OpenAPI document (3.0 or 3.1) as one JSON Schema 2020-12 that stands by itself: all that it refers to lies
 * in its own `$defs`, so that schemas may contain themselves and nobody has to fetch a thing.
 */
export class SchemaWriter {
  readonly #document: JsonObject;
  readonly #direction: Direction;
  /** Names in `$defs`, by what is referred to. */
  readonly #names = new Map<string, string>();
  readonly #pending: string[] = [];
  #left = MOST;

  constructor(document: JsonObject, direction: Direction) {
    this.#document = document;
    this.#direction = direction;
  }

  /** A schema; what has none, or one that cannot be followed, may be anything. */
  write(schema: Json | undefined): Json {
    return this.#write(schema, 0);
  }

  /** What all that was written refers to, itself written; call it last. */
  definitions(): JsonObject | undefined {
    const definitions: { [name: string]: Json } = {};
    for (let at = 0; at < this.#pending.length; at++) {
      const reference = this.#pending[at] ?? '';
      definitions[this.#names.get(reference) ?? ''] = this.#write(resolved(this.#document, reference), 0);
    }
    return this.#pending.length === 0 ? undefined : definitions;
  }

  #write(schema: Json | undefined, depth: number): Json {
    if (typeof schema === 'boolean') return schema;
    if (!isObject(schema) || depth > DEEPEST || --this.#left < 0) return {};
    const { $ref: reference } = schema;
    const written: { [keyword: string]: Json } = {};
    if (typeof reference === 'string') {
      const name = this.#nameOf(reference);
      if (name !== undefined) written.$ref = `#/$defs/${name}`;
    }
    for (const [keyword, value] of Object.entries(schema)) {
      if (value === undefined || keyword === '$ref' || keyword.startsWith('x-') || FOREIGN.has(keyword)) continue;
      written[keyword] = this.#member(keyword, value, depth);
    }
    this.#translate(schema, written);
    if (isObject(written.properties)) this.#keepOwn(schema, written);
    return written;
  }

  #member(keyword: string, value: Json, depth: number): Json {
    if (DATA.has(keyword)) return value;
    if (isArray(value)) return value.map((each) => (isObject(each) ? this.#write(each, depth + 1) : each));
    if (!isObject(value)) return value;
    if (!MAPS.has(keyword)) return this.#write(value, depth + 1);
    return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, this.#write(below, depth + 1)]));
  }

  /** What OpenAPI 3.0 says in other words (its section 4.7.24): `nullable`, bounds that are flags, a single example. */
  #translate(schema: JsonObject, written: { [keyword: string]: Json }): void {
    const { nullable, type, example } = schema;
    if (nullable === true && typeof type === 'string') written.type = [type, 'null'];
    if (nullable === true && isArray(written.enum) && !written.enum.includes(null)) written.enum = [...written.enum, null];
    if (example !== undefined && written.examples === undefined) written.examples = [example];
    for (const [bound, exclusive] of [
      ['minimum', 'exclusiveMinimum'],
      ['maximum', 'exclusiveMaximum'],
    ] as const) {
      const flag = schema[exclusive];
      if (typeof flag === 'number') written[exclusive] = flag;
      else if (flag === true && typeof written[bound] === 'number') {
        written[exclusive] = written[bound];
        delete written[bound];
      }
    }
  }

  /** Leaves out what only the other side says. */
  #keepOwn(schema: JsonObject, written: { [keyword: string]: Json }): void {
    const flag = this.#direction === 'request' ? 'readOnly' : 'writeOnly';
    const foreign = Object.entries(isObject(schema.properties) ? schema.properties : {}).flatMap(([name, below]) =>
      objectAt(this.#document, below)?.[flag] === true ? [name] : [],
    );
    if (foreign.length === 0 || !isObject(written.properties)) return;
    written.properties = Object.fromEntries(Object.entries(written.properties).filter(([name]) => !foreign.includes(name)));
    if (isArray(written.required))
      written.required = written.required.filter((name) => typeof name !== 'string' || !foreign.includes(name));
  }

  #nameOf(reference: string): string | undefined {
    const known = this.#names.get(reference);
    if (known !== undefined) return known;
    if (resolved(this.#document, reference) === undefined) return undefined;
    const last = reference.slice(reference.lastIndexOf('/') + 1).replace(/[^\w.-]/g, '_');
    const taken = new Set(this.#names.values());
    let name = last;
    for (let count = 2; taken.has(name); count++) name = `${last}_${count}`;
    this.#names.set(reference, name);
    this.#pending.push(reference);
    return name;
  }
}
