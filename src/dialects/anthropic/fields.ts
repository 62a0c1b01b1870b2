import { GatewayError } from '../../core/errors.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/** The id of this dialect: the key of its extras and raw parts. */
export const ID = 'anthropic';

export const invalid = (field: string, must: string) =>
  new GatewayError('invalid_request', `\`${field}\` must be ${must}.`, { param: field });

/** The fields that hold a value: the type of an object whose `undefined` members were left out. */
export type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The object without its `undefined` members, so that an optional field is absent rather than undefined. */
export function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}

const asBoolean = (value: Json) => (typeof value === 'boolean' ? value : undefined);
const asStrings = (value: Json) => (isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined);
const asObject = (value: Json) => (isObject(value) ? value : undefined);
const asCount = (value: Json) => (typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined);

/** A reader of an optional field: `null` counts as absent, another type is the caller's mistake. */
const optional =
  <T>(check: (value: Json) => T | undefined, must: string) =>
  (value: Json | undefined, field: string): T | undefined => {
    if (value === undefined || value === null) return undefined;
    const checked = check(value);
    if (checked === undefined) throw invalid(field, must);
    return checked;
  };

export const optionalString = optional(asString, 'a string');
export const optionalNumber = optional(asNumber, 'a number');
export const optionalCount = optional(asCount, 'a whole number, 0 or more');
export const optionalBoolean = optional(asBoolean, 'a boolean');
export const optionalObject = optional(asObject, 'an object');
export const optionalStrings = optional(asStrings, 'an array of strings');
export const optionalArray = optional((value) => (isArray(value) ? value : undefined), 'an array');

export function requiredString(value: Json | undefined, field: string): string {
  if (typeof value !== 'string') throw invalid(field, 'a string');
  return value;
}

/** The members that are not listed, `undefined` where none is left. `null` is how this API writes "absent". */
export function rest(object: JsonObject, known: readonly string[]): JsonObject | undefined {
  const left = Object.entries(object).filter(([key, value]) => !known.includes(key) && value !== undefined && value !== null);
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

/** The extra of a part, a message or a tool that holds these fields of this dialect; nothing where there are none. */
export const extraOf = (fields: JsonObject | undefined): { readonly extra?: JsonObject } =>
  fields === undefined ? {} : { extra: { [ID]: fields } };

/** What this dialect kept in an extra; extras of other dialects are named as losses under `at`. */
export function ownExtra(extra: JsonObject | undefined, at: string, loss: Set<string>): JsonObject {
  let own: JsonObject = {};
  for (const [dialect, fields] of Object.entries(extra ?? {})) {
    if (dialect === ID && isObject(fields)) own = fields;
    else for (const name of isObject(fields) ? Object.keys(fields) : [dialect]) loss.add(`${at}.${name}`);
  }
  return own;
}
