import * as fields from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/** The id of this dialect: the key of its extras and raw parts. */
export const ID = 'gemini';

export const extraOf = (left: JsonObject | undefined) => fields.extraOf(ID, left);
export const ownExtra = (extra: JsonObject | undefined, at: string, loss: Set<string>) => fields.ownExtra(ID, extra, at, loss);

/**
 * The object with its own keys in camelCase, deeper ones as they are. This API takes either spelling of every field and
 * writes camelCase (https://protobuf.dev/programming-guides/json/); what people named themselves (arguments, schemas'
 * properties, labels) is no field and must not be changed.
 */
export function camelKeys(object: JsonObject): JsonObject {
  const keys = Object.keys(object);
  if (!keys.some((key) => key.includes('_'))) return object;
  return Object.fromEntries(keys.map((key) => [camel(key), object[key]]));
}

export const camel = (key: string): string => key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** A repeated field; one that holds a single thing may be written without its array, and Google's own examples do. */
export function optionalList(value: Json | undefined, field: string): readonly Json[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (isArray(value)) return value;
  if (isObject(value)) return [value];
  throw fields.invalid(field, 'an array');
}

/** An optional message, its keys in camelCase. */
export function optionalMessage(value: Json | undefined, field: string): JsonObject | undefined {
  const object = fields.optionalObject(value, field);
  return object === undefined ? undefined : camelKeys(object);
}
