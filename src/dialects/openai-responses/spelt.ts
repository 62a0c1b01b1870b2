import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/** Calls are written with it, so that reasoning can go on elsewhere: who asks for it in so many words wants it back. */
const ALWAYS: Json = ['reasoning.encrypted_content'];

/** A text as the input is a message of the user's, and an item with a role is a message. */
export function spelt({ input, include, ...body }: JsonObject): JsonObject {
  return { ...body, include: include === undefined || include === null ? ALWAYS : [include], input: itemsOf(input) };
}

function itemsOf(input: Json | undefined): Json | undefined {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }];
  return isArray(input)
    ? input.map((item) => (isObject(item) && item.type === undefined && item.role !== undefined ? { ...item, type: 'message' } : item))
    : input;
}
