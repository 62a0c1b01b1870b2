import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';

// What an introspection result says (October 2021, section 4.2), read type by type when it is asked for: schemas of
// thousands of types are common, and most of their types are never needed.

/** Lists and non-nulls around a type at most; a real schema has three or four. */
const WRAPS = 12;
/** A name as documents may hold it (section 2.1.9). Everything that is written into a document has passed this. */
const NAME = /^[_A-Za-z][_0-9A-Za-z]{0,127}$/;

/** `[User!]!`: what it is of, whether it is a list, and whether it may be null. */
export interface TypeRef {
  readonly named: string;
  readonly isRequired: boolean;
  /** Of a list: its items. */
  readonly item?: TypeRef;
}

export interface Input {
  readonly name: string;
  readonly description: string;
  readonly type: TypeRef;
  /** As GraphQL writes it. */
  readonly fallback: string | undefined;
}

export interface Field {
  readonly name: string;
  readonly description: string;
  readonly args: readonly Input[];
  readonly type: TypeRef;
  /** Why it should not be used any more. */
  readonly deprecated: string | undefined;
}

export interface EnumValue {
  readonly name: string;
  readonly description: string;
}

const KINDS = ['SCALAR', 'OBJECT', 'INTERFACE', 'UNION', 'ENUM', 'INPUT_OBJECT'] as const;
export type Kind = (typeof KINDS)[number];

export interface Type {
  readonly kind: Kind;
  readonly name: string;
  readonly description: string;
  /** Of objects and interfaces. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Of interfaces and unions: the objects that they may be. */
  readonly possible: readonly string[];
  readonly values: readonly EnumValue[];
  /** Of input objects. */
  readonly inputs: readonly Input[];
  /** Whether exactly one of the inputs is given. */
  readonly isOneOf: boolean;
}

/** Which root field of a schema is meant. */
export type Root = 'query' | 'mutation';

/** The `__schema` of an introspection result, which may stand in `data`; `undefined` where there is none with a query type. */
export function introspected(value: unknown): JsonObject | undefined {
  const within = isObject(value) && isObject(value.data) ? value.data : value;
  const schema = isObject(within) ? within.__schema : undefined;
  if (!isObject(schema) || !isArray(schema.types) || !isObject(schema.queryType)) return undefined;
  return typeof schema.queryType.name === 'string' ? schema : undefined;
}

export class Schema {
  readonly #raw = new Map<string, JsonObject>();
  readonly #types = new Map<string, Type | undefined>();
  readonly #roots: { readonly [root in Root]: string | undefined };

  /** Of a `__schema`, as `introspected` gives it. */
  constructor(schema: JsonObject) {
    for (const type of isArray(schema.types) ? schema.types : []) {
      if (isObject(type) && isName(type.name) && !type.name.startsWith('__')) this.#raw.set(type.name, type);
    }
    const rootOf = (value: Json | undefined) => (isObject(value) && isName(value.name) ? value.name : undefined);
    this.#roots = { query: rootOf(schema.queryType), mutation: rootOf(schema.mutationType) };
  }

  get names(): Iterable<string> {
    return this.#raw.keys();
  }

  type(name: string): Type | undefined {
    if (this.#types.has(name)) return this.#types.get(name);
    const raw = this.#raw.get(name);
    const type = raw === undefined ? undefined : readType(name, raw);
    this.#types.set(name, type);
    return type;
  }

  /** The type whose fields are the queries, or the mutations. */
  root(root: Root): Type | undefined {
    const name = this.#roots[root];
    return name === undefined ? undefined : this.type(name);
  }

  isLeaf({ named }: TypeRef): boolean {
    const kind = this.type(named)?.kind;
    return kind === 'SCALAR' || kind === 'ENUM';
  }
}

const isName = (value: Json | undefined): value is string => typeof value === 'string' && NAME.test(value);

const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value.trim() : '');

/** Objects of a list that have a name that can stand in a document, by it: the first of each. */
function named<Item>(list: Json | undefined, read: (name: string, raw: JsonObject) => Item | undefined): ReadonlyMap<string, Item> {
  const items = new Map<string, Item>();
  for (const raw of isArray(list) ? list : []) {
    if (!isObject(raw) || !isName(raw.name) || raw.name.startsWith('__') || items.has(raw.name)) continue;
    const item = read(raw.name, raw);
    if (item !== undefined) items.set(raw.name, item);
  }
  return items;
}

function readType(name: string, raw: JsonObject): Type | undefined {
  const kind = KINDS.find((each) => each === raw.kind);
  if (kind === undefined) return undefined;
  return {
    kind,
    name,
    description: textOf(raw.description),
    fields: named(raw.fields, readField),
    possible: kind === 'OBJECT' ? [] : [...named(raw.possibleTypes, (possible) => possible).keys()],
    values: [...named(raw.enumValues, (value, { description }): EnumValue => ({ name: value, description: textOf(description) })).values()],
    inputs: inputsOf(raw.inputFields) ?? [],
    isOneOf: raw.isOneOf === true,
  };
}

/** A field with an argument that cannot be read is none: it could not be called as it should be. */
function readField(name: string, raw: JsonObject): Field | undefined {
  const type = readRef(raw.type);
  const args = inputsOf(raw.args);
  if (type === undefined || args === undefined) return undefined;
  const deprecated = raw.isDeprecated === true ? textOf(raw.deprecationReason) || 'No longer supported' : undefined;
  return { name, description: textOf(raw.description), args, type, deprecated };
}

/** `undefined` where one that must be given cannot be read. */
function inputsOf(list: Json | undefined): readonly Input[] | undefined {
  const inputs = named(list, (name, raw): Input | undefined => {
    const type = readRef(raw.type);
    const fallback = typeof raw.defaultValue === 'string' ? raw.defaultValue : undefined;
    return type === undefined ? undefined : { name, description: textOf(raw.description), type, fallback };
  });
  return isArray(list) && list.length !== inputs.size ? undefined : [...inputs.values()];
}

function readRef(raw: Json | undefined): TypeRef | undefined {
  const wraps: ('LIST' | 'NON_NULL')[] = [];
  let at = raw;
  while (isObject(at) && (at.kind === 'LIST' || at.kind === 'NON_NULL') && wraps.length < WRAPS) {
    wraps.push(at.kind);
    at = at.ofType;
  }
  if (!isObject(at) || !isName(at.name)) return undefined;
  let ref: TypeRef = { named: at.name, isRequired: false };
  for (const wrap of wraps.toReversed()) {
    ref = wrap === 'LIST' ? { named: ref.named, isRequired: false, item: ref } : { ...ref, isRequired: true };
  }
  return ref;
}

/** As a document writes it. */
export const refText = ({ named: name, isRequired, item }: TypeRef): string =>
  (item === undefined ? name : `[${refText(item)}]`) + (isRequired ? '!' : '');

/** Whether a call without it is refused. */
export const mustBeGiven = ({ type, fallback }: Input): boolean => type.isRequired && fallback === undefined;

export const isComposite = (type: Type | undefined): type is Type =>
  type?.kind === 'OBJECT' || type?.kind === 'INTERFACE' || type?.kind === 'UNION';
