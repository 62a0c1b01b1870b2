import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { camelKeys } from './fields.ts';

/**
 * JSON Schema of this API's own `Schema`, a subset of OpenAPI 3.0: types in capitals, `nullable`, counts as strings,
 * `propertyOrdering`. What is JSON Schema already stays as it is.
 * Source: https://ai.google.dev/api/caching#Schema
 */
export function jsonSchemaOf(schema: Json): Json {
  if (!isObject(schema)) return schema;
  const { nullable, propertyOrdering, example, ...fields } = camelKeys(schema);
  const read = Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => readKeyword(name, value)));
  const ordered = isObject(read.properties) ? { ...read, properties: inOrder(read.properties, propertyOrdering) } : read;
  const whole = example === undefined ? ordered : { ...ordered, examples: [example] };
  return nullable === true ? withNull(whole) : whole;
}

/** The keyword as JSON Schema has it; nothing where it means nothing there. */
function readKeyword(name: string, value: Json | undefined): readonly (readonly [string, Json])[] {
  if (value === undefined) return [];
  const read = KEYWORDS.get(name);
  const written = read === undefined ? value : read(value);
  return written === undefined ? [] : [[name, written]];
}

const schemas = (value: Json): Json => (isArray(value) ? value.map(jsonSchemaOf) : jsonSchemaOf(value));
const schemasByName = (value: Json): Json =>
  isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, jsonSchemaOf(schema ?? null)])) : value;
/** A 64-bit number: a string in protobuf's JSON. */
const count = (value: Json): Json => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value);

const KEYWORDS: ReadonlyMap<string, (value: Json) => Json | undefined> = new Map([
  ['type', readType],
  // Not a format: it says beside `enum` that there is one.
  ['format', (value: Json) => (value === 'enum' ? undefined : value)],
  ['properties', schemasByName],
  ['defs', schemasByName],
  ['$defs', schemasByName],
  ['items', schemas],
  ['prefixItems', schemas],
  ['anyOf', schemas],
  ['oneOf', schemas],
  ['allOf', schemas],
  ['additionalProperties', schemas],
  ...['minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties'].map((name) => [name, count] as const),
]);

function readType(value: Json): Json | undefined {
  const type = asString(value);
  if (type === undefined) return value;
  return type === 'TYPE_UNSPECIFIED' ? undefined : type.toLowerCase();
}

function withNull(schema: JsonObject): JsonObject {
  const { type, enum: values } = schema;
  if (type === undefined) return isArray(schema.anyOf) ? { ...schema, anyOf: [...schema.anyOf, { type: 'null' }] } : schema;
  const types = isArray(type) ? type : [type];
  return {
    ...schema,
    type: types.includes('null') ? type : [...types, 'null'],
    ...(isArray(values) && !values.includes(null) ? { enum: [...values, null] } : {}),
  };
}

/** The order in which the model is to write the properties is, in JSON Schema, the order in which they stand. */
function inOrder(properties: JsonObject, ordering: Json | undefined): JsonObject {
  if (!isArray(ordering)) return properties;
  const first = ordering.filter((name): name is string => typeof name === 'string' && Object.hasOwn(properties, name));
  return Object.fromEntries([...new Set([...first, ...Object.keys(properties)])].map((name) => [name, properties[name]]));
}
