import { isArray, isObject, type Json, type JsonObject } from './json.ts';

// How bodies are edited: what nothing changed in is the same object, so that it leaves as it came.

export const within = (value: Json, field: string, change: (value: Json) => Json): Json =>
  isObject(value) ? withField(value, field, change) : value;

/** The object with one field changed; the same object where the field is absent or stays as it is. */
export function withField(object: JsonObject, field: string, change: (value: Json) => Json): JsonObject {
  const value = object[field];
  if (value === undefined) return object;
  const changed = change(value);
  return changed === value ? object : { ...object, [field]: changed };
}

export function mapped(value: Json, change: (item: Json) => Json): Json {
  if (!isArray(value)) return value;
  const items = value.map(change);
  return items.every((item, index) => item === value[index]) ? value : items;
}
