import { isArray, isObject, type Json, type JsonObject } from '../json.ts';

export const celMap = (fields: JsonObject = {}): ReadonlyMap<string, unknown> =>
  new Map(Object.entries(fields).map(([name, value]) => [name, celValue(value)]));

/** Whole numbers as whole numbers, which they are compared with and added to. */
export function celValue(value: Json | undefined): unknown {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (isArray(value)) return value.map((each: Json) => celValue(each));
  return isObject(value) ? celMap(value) : value;
}
