import { GatewayError } from './errors.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from './json.ts';

// How codecs read the fields of a body that came from outside, and write one without holes.

/** The caller's mistake, with the field named by its path as the dialect's own errors write it. */
export const invalid = (field: string, must: string) =>
  new GatewayError('invalid_request', `\`${field}\` must be ${must}.`, { param: field });

/** The fields that hold a value: the type of an object whose `undefined` members were left out. */
export type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The object without its `undefined` members, so that an optional field is absent rather than undefined. */
export function present<T extends object>(fields: T): Present<T> {
  const held: { [K in keyof T]?: T[K] } = {};
  for (const name in fields) if (fields[name] !== undefined) held[name] = fields[name];
  return held as Present<T>;
}

/** A reader of an optional field: `null` counts as absent, another type is the caller's mistake. */
const optional =
  <T>(check: (value: Json) => T | undefined, must: string) =>
  (value: Json | undefined, field: string): T | undefined => {
    if (value === undefined || value === null) return undefined;
    const checked = check(value);
    if (checked === undefined) throw invalid(field, must);
    return checked;
  };

const asCount = (value: Json) => (typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined);
const asStrings = (value: Json) => (isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined);

export const optionalString = optional(asString, 'a string');
export const optionalNumber = optional(asNumber, 'a number');
export const optionalCount = optional(asCount, 'a whole number, 0 or more');
export const optionalBoolean = optional((value) => (typeof value === 'boolean' ? value : undefined), 'a boolean');
export const optionalObject = optional((value) => (isObject(value) ? value : undefined), 'an object');
export const optionalArray = optional((value) => (isArray(value) ? value : undefined), 'an array');
export const optionalStrings = optional(asStrings, 'an array of strings');

export function requiredString(value: Json | undefined, field: string): string {
  if (typeof value !== 'string') throw invalid(field, 'a string');
  return value;
}

export function requiredObject(value: Json | undefined, field: string): JsonObject {
  if (!isObject(value)) throw invalid(field, 'an object');
  return value;
}

/** No answer comes near this many tokens: a larger number is a vendor's fault and must not reach a bill. */
const MOST_TOKENS = 1e9;

/** A number of tokens that can be believed: whole, not negative, not absurd. */
export function asTokens(value: Json | undefined): number | undefined {
  const count = value === undefined ? undefined : asCount(value);
  return count !== undefined && count <= MOST_TOKENS ? count : undefined;
}

/** The name of a model, as `model` must hold it. */
export function requiredModel(value: Json | undefined): string {
  if (typeof value !== 'string' || value === '') throw invalid('model', 'the name of a model');
  return value;
}

/** The members that are not listed, `undefined` where none is left. `null` is how most APIs write "absent". */
export function rest(object: JsonObject, known: ReadonlySet<string> | readonly string[]): JsonObject | undefined {
  const isKnown = (key: string) => ('has' in known ? known.has(key) : known.includes(key));
  let left: [string, Json][] | undefined;
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === undefined || value === null || isKnown(key)) continue;
    left ??= [];
    left.push([key, value]);
  }
  return left === undefined ? undefined : Object.fromEntries(left);
}

/** The extra of a part, a message or a tool that holds these fields of a dialect; nothing where there are none. */
export const extraOf = (dialect: string, fields: JsonObject | undefined): { readonly extra?: JsonObject } =>
  fields === undefined ? {} : { extra: { [dialect]: fields } };

/** What a dialect kept in an extra; what others kept there is named as lost, `at` before the name (`messages.`). */
export function ownExtra(dialect: string, extra: JsonObject | undefined, at: string, loss: Set<string>): JsonObject {
  let own: JsonObject = {};
  for (const [id, fields] of Object.entries(extra ?? {})) {
    if (id === dialect && isObject(fields)) own = fields;
    else for (const name of isObject(fields) ? Object.keys(fields) : [id]) loss.add(`${at}${name}`);
  }
  return own;
}
