import type { Issuer } from '../../core/chat.ts';
import * as fields from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/** The id of this dialect: the key of its extras and raw parts. */
export const ID = 'openai-responses';

/** Whose encrypted reasoning it carries unwrapped. */
export const ISSUER: Issuer = 'openai';

export const extraOf = (left: JsonObject | undefined) => fields.extraOf(ID, left);
export const ownExtra = (extra: JsonObject | undefined, at: string, loss: Set<string>) => fields.ownExtra(ID, extra, at, loss);

/** The objects of an array that came from outside; none where it is no array. */
export const objectsOf = (value: Json | undefined): readonly JsonObject[] => (isArray(value) ? value.filter(isObject) : []);
