import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { isArray, isObject, type Json, type JsonObject } from '../../src/core/json.ts';

/** One thing that is valid although OpenAI's document does not have it. */
export interface Exception {
  /** The place in the document: a schema's name and the way down from it. */
  readonly at: string;
  /** What is valid there beside what the document says, or where it says nothing. */
  readonly also: JsonObject;
  readonly why: string;
}

const FILE = path.join(import.meta.dirname, 'openai.schema.json');
const { $id, $defs } = JSON.parse(readFileSync(FILE, 'utf8')) as {
  readonly $id: string;
  readonly $defs: { readonly [name: string]: JsonObject };
};

const REF = '#/$defs/';
const nameOf = (ref: Json | undefined) => String(ref).slice(REF.length);

/** The words that may stand in an object's `type`, where its schema gives any. */
function typesOf(schema: Json | undefined): readonly string[] {
  if (!isObject(schema)) return [];
  const { $ref, allOf, properties } = schema;
  if ($ref !== undefined) return typesOf($defs[nameOf($ref)]);
  if (isArray(allOf)) return allOf.map(typesOf).find((words) => words.length > 0) ?? [];
  const type = isObject(properties) && isObject(properties.type) ? properties.type : {};
  return isArray(type.enum) ? type.enum.filter((word) => typeof word === 'string') : [];
}

function branches(schema: JsonObject | undefined): readonly JsonObject[] {
  const all = schema?.anyOf ?? schema?.oneOf;
  return isArray(all) ? all.filter(isObject).flatMap((each) => (each.$ref === undefined ? branches(each) : [each])) : [];
}

/** The name of the event's schema, by the type of the event. */
export const EVENTS: ReadonlyMap<string, string> = new Map(
  branches($defs.ResponseStreamEvent).flatMap((branch) => typesOf(branch).map((type): [string, string] => [type, nameOf(branch.$ref)])),
);

/** The document's schemas with these exceptions, where nothing else is known: a field that neither has is a fault. */
export class OpenaiSchema {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(exceptions: readonly Exception[]) {
    const schemas = structuredClone($defs) as { [name: string]: JsonObject };
    for (const { at, also } of exceptions) allow(schemas, at.split('/'), also);
    const closed = Object.entries(schemas).map(([name, schema]): [string, Json] => [name, close(schema)]);
    // What stands in an `allOf` is a part of the object and must not close it.
    const parts = Object.entries(schemas).map(([name, schema]): [string, Json] => [`${name}${PART}`, close(schema, true)]);
    this.#ajv.addSchema({ $id, $defs: Object.fromEntries([...closed, ...parts]) });
  }

  /** What is wrong with a value, by the schema of this name. */
  faults(name: string, value: unknown): readonly string[] {
    const validate = this.#validators.get(name) ?? this.#ajv.compile({ $ref: `${$id}${REF}${name}` });
    this.#validators.set(name, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
  }
}

/** Puts what is also valid where the path leads. Throws where there is no such place. */
function allow(schemas: JsonObject, way: readonly string[], also: JsonObject): void {
  let place: { [name: string]: Json | undefined } = schemas;
  for (const step of way.slice(0, -1)) {
    const next = place[step];
    if (!isObject(next) && !isArray(next)) throw new Error(`No ${step} on the way to ${way.join('/')}`);
    place = next as { [name: string]: Json | undefined };
  }
  const last = way.at(-1) ?? '';
  const there = place[last];
  place[last] = there === undefined ? also : { anyOf: [there, also] };
}

const PART = '~part';
const COMPOSED = ['anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'items', 'additionalProperties', 'prefixItems', 'contains'];

/** The schema of an object without further fields. `isPart` where it is one of several that are true of the same object. */
function close(schema: Json | undefined, isPart = false): Json {
  if (isArray(schema)) return schema.map((each) => close(each, isPart));
  if (!isObject(schema)) return schema ?? null;
  const isObjectOfFields = schema.properties !== undefined || schema.allOf !== undefined;
  const members = Object.entries(schema).map(([name, value]): [string, Json] => {
    if (name === '$ref' && isPart) return [name, `${String(value)}${PART}`];
    if (name === 'properties' && isObject(value))
      return [name, Object.fromEntries(Object.entries(value).map(([each, its]) => [each, close(its)]))];
    if (name === 'allOf') return [name, close(value, true)];
    if (isArray(value) && (name === 'anyOf' || name === 'oneOf')) return chosen(name, value, isPart || isObjectOfFields);
    return [name, COMPOSED.includes(name) ? close(value) : (value ?? null)];
  });
  const isOpen = isPart || !isObjectOfFields || schema.additionalProperties !== undefined;
  return Object.fromEntries(isOpen ? members : [...members, ['unevaluatedProperties', false]]);
}

/** A union whose branches' types differ, so that only the branch that is meant complains; any other union as it is. */
function chosen(name: string, union: readonly Json[], isPart: boolean): [string, Json] {
  const named = union.map((branch): [readonly string[], Json] => [typesOf(branch), close(branch, isPart)]);
  const types = named.flatMap(([words]) => words);
  if (named.some(([words]) => words.length === 0) || new Set(types).size < types.length) return [name, named.map(([, branch]) => branch)];
  const meant = named.map(([words, branch]) => ({ if: { properties: { type: { not: { enum: words } } } }, else: branch }));
  return ['allOf', [{ type: 'object', properties: { type: { enum: types } }, required: ['type'] }, ...meant]];
}
