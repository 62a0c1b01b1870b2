import * as fields from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';

/** The id of this dialect: the key of its extras and raw parts. */
export const ID = 'bedrock';

export const extraOf = (left: JsonObject | undefined) => fields.extraOf(ID, left);
export const ownExtra = (extra: JsonObject | undefined, at: string, loss: Set<string>) => fields.ownExtra(ID, extra, at, loss);

/** The one member of a union that is set, as Smithy writes unions: `{text: …}`, `{toolUse: …}`; `undefined` for none. */
export function memberOf(union: JsonObject): readonly [name: string, value: Json] | undefined {
  for (const name in union) {
    const value = union[name];
    if (value !== undefined && value !== null) return [name, value];
  }
  return undefined;
}

/** The name of the member, for losses. */
export const nameOfUnion = (value: Json): string => (isObject(value) ? memberOf(value)?.[0] : undefined) ?? 'block';

/** The fields over those that only this dialect knows; `undefined` where there are none at all. */
export function merged(own: Json | undefined, fields: JsonObject | undefined): JsonObject | undefined {
  const both = { ...(isObject(own) ? own : {}), ...fields };
  return Object.keys(both).length === 0 ? undefined : both;
}
