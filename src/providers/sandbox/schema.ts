import type { Json, JsonObject } from '../../core/json.ts';
import { isArray, isObject } from '../../core/json.ts';

/** What stands in a free text field: whoever reads it learns where it came from. */
export const LABEL = '[weir sandbox]';

/** Nesting deeper than this ends in `null`: a schema that requires itself has no finite instance. */
const MAX_DEPTH = 24;
/** Schemas looked at in all: references that branch, and long arrays in long arrays, would go on for ever. */
const MAX_VISITS = 20_000;

interface Walk {
  readonly root: JsonObject;
  left: number;
}

/**
 * The smallest instance of a JSON schema that it can make: required properties only, the first of several choices.
 * It reads the vocabulary that tools and structured outputs use (types, `enum`, `const`, bounds, `format`, `anyOf`,
 * `oneOf`, `allOf`, local `$ref`); `pattern`, `not` and conditions it does not solve.
 */
export const minimalInstance = (schema: Json): Json => instance(schema, { root: isObject(schema) ? schema : {}, left: MAX_VISITS }, 0);

function instance(schema: Json | undefined, walk: Walk, depth: number): Json {
  if (!isObject(schema)) return {};
  const flat = flatten(schema, walk, depth);
  if (flat.const !== undefined) return flat.const;
  if (isArray(flat.enum) && flat.enum[0] !== undefined) return flat.enum[0];
  if (flat.default !== undefined) return flat.default;
  if (isArray(flat.examples) && flat.examples[0] !== undefined) return flat.examples[0];
  const type = typeOf(flat);
  return (Object.hasOwn(makers, type) ? makers[type]?.(flat, walk, depth) : undefined) ?? null;
}

/** The schema with its references, its `allOf` and its first alternative folded in. */
function flatten(schema: JsonObject, walk: Walk, depth: number): JsonObject {
  walk.left -= 1;
  if (depth > MAX_DEPTH || walk.left < 0) return { type: 'null' };
  const { $ref, allOf, anyOf, oneOf, ...own } = schema;
  const alternative = isArray(anyOf) ? anyOf[0] : isArray(oneOf) ? oneOf[0] : undefined;
  const parts = [typeof $ref === 'string' ? resolve($ref, walk.root) : undefined, alternative, ...(isArray(allOf) ? allOf : [])];
  return parts.reduce<JsonObject>((all, part) => (isObject(part) ? merge(all, flatten(part, walk, depth + 1)) : all), own);
}

function merge(left: JsonObject, right: JsonObject): JsonObject {
  const properties = isObject(left.properties) && isObject(right.properties) ? { ...right.properties, ...left.properties } : undefined;
  const required = isArray(left.required) && isArray(right.required) ? [...left.required, ...right.required] : undefined;
  return { ...right, ...left, ...(properties && { properties }), ...(required && { required }) };
}

/** A JSON pointer into the same document (RFC 6901, as a URI fragment); percent signs that encode nothing find nothing. */
function resolve(ref: string, root: JsonObject): Json | undefined {
  if (!ref.startsWith('#') || /%(?![0-7][0-9A-Fa-f])/.test(ref)) return undefined;
  let at: Json | undefined = root;
  for (const step of ref.slice(1).split('/').slice(1)) {
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at;
}

function typeOf(schema: JsonObject): string {
  const { type } = schema;
  if (typeof type === 'string') return type;
  if (isArray(type)) {
    const first = type.find((name) => name !== 'null') ?? 'null';
    return typeof first === 'string' ? first : 'null';
  }
  if (isObject(schema.items) || schema.minItems !== undefined) return 'array';
  if (schema.minLength !== undefined || schema.maxLength !== undefined || schema.format !== undefined) return 'string';
  if (schema.minimum !== undefined || schema.maximum !== undefined) return 'number';
  return 'object';
}

type Maker = (schema: JsonObject, walk: Walk, depth: number) => Json;

const makers: { readonly [type: string]: Maker | undefined } = {
  object: objectOf,
  array: arrayOf,
  string: stringOf,
  number: (schema) => numberOf(schema, 'number'),
  integer: (schema) => numberOf(schema, 'integer'),
  boolean: () => true,
  null: () => null,
};

function objectOf(schema: JsonObject, walk: Walk, depth: number): Json {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = isArray(schema.required) ? schema.required.filter((name) => typeof name === 'string') : [];
  return Object.fromEntries([...new Set(required)].map((name) => [name, instance(properties[name], walk, depth + 1)]));
}

function arrayOf(schema: JsonObject, walk: Walk, depth: number): Json {
  const length = Math.max(0, Math.min(typeof schema.minItems === 'number' ? schema.minItems : 0, 1000, walk.left));
  const prefix = isArray(schema.prefixItems) ? schema.prefixItems : [];
  return Array.from({ length }, (_, index) => instance(prefix[index] ?? schema.items, walk, depth + 1));
}

const FORMATS: { readonly [format: string]: string | undefined } = {
  date: '2026-01-01',
  time: '00:00:00Z',
  'date-time': '2026-01-01T00:00:00Z',
  duration: 'PT1S',
  email: 'sandbox@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/',
  'uri-reference': '/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

function stringOf(schema: JsonObject): Json {
  const text = (typeof schema.format === 'string' ? FORMATS[schema.format] : undefined) ?? LABEL;
  const least = typeof schema.minLength === 'number' ? Math.min(schema.minLength, 10_000) : 0;
  const most = typeof schema.maxLength === 'number' ? schema.maxLength : Number.POSITIVE_INFINITY;
  return text.padEnd(least, '.').slice(0, Math.max(most, 0));
}

function numberOf(schema: JsonObject, type: 'number' | 'integer'): Json {
  const step = typeof schema.multipleOf === 'number' && schema.multipleOf > 0 ? schema.multipleOf : type === 'integer' ? 1 : undefined;
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
  // At or above the lower bound, or at or below the upper one where only that is given; zero where neither forbids it.
  const low = typeof exclusiveMinimum === 'number' ? exclusiveMinimum : typeof minimum === 'number' ? minimum : undefined;
  const high = typeof exclusiveMaximum === 'number' ? exclusiveMaximum : typeof maximum === 'number' ? maximum : undefined;
  const openLow = typeof exclusiveMinimum === 'number';
  const openHigh = typeof exclusiveMaximum === 'number';
  const fits = (value: number) =>
    (low === undefined || value > low || (value === low && !openLow)) &&
    (high === undefined || value < high || (value === high && !openHigh));
  if (fits(0)) return 0;
  if (step !== undefined) return low !== undefined && low >= 0 ? above(low, step, openLow) : -above(-(high ?? 0), step, openHigh);
  const between = low !== undefined && high !== undefined ? (low + high) / 2 : undefined;
  return between ?? (low !== undefined ? low + (openLow ? 1 : 0) : (high ?? 0) - (openHigh ? 1 : 0));
}

/** The first multiple of `step` at or above `bound`, beyond it when the bound is open. */
function above(bound: number, step: number, open: boolean): number {
  const multiple = Math.ceil(bound / step) * step;
  return open && multiple === bound ? multiple + step : multiple;
}
