/** A JSON value as it travels: what `JSON.parse` may return. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. A key that is absent reads as `undefined` and is never written. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

export const isArray = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** The value when it is a string, else `undefined`: wire data is checked, never cast. */
export const asString = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** The value when it is a finite number, else `undefined`. */
export const asNumber = (value: Json | undefined): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** Parses text that came from outside; `undefined` where it is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
