import { isArray, isObject, type Json, type JsonObject } from '../json.ts';

/**
 * Whether a body says no more than what was read of it, `written` in the same dialect again: then all that it asks for is
 * in the canonical form. A reader may pass over what it does not know, deep in a part or a tool, and a provider of the
 * same dialect is handed it all the same.
 *
 * Two ways of saying the same are told: a text is a list of one text, `null` says nothing, and names of the order of
 * members say nothing either.
 */
export function saysNoMore(body: Json | undefined, written: Json | undefined): boolean {
  if (body === written) return true;
  if (isNothing(body)) return isNothing(written);
  if (isNothing(written)) return false;
  if (typeof body === 'string') return textIn(written) === body;
  if (typeof written === 'string') return textIn(body) === written;
  if (isArray(body)) return isArray(written) && body.length === written.length && body.every((each, at) => saysNoMore(each, written[at]));
  return isObject(body) && isObject(written) && saysNoMoreMembers(body, written);
}

function saysNoMoreMembers(body: JsonObject, written: JsonObject): boolean {
  for (const name in body) if (Object.hasOwn(body, name) && !saysNoMore(body[name], own(written, name))) return false;
  for (const name in written) if (Object.hasOwn(written, name) && !isNothing(written[name]) && own(body, name) === undefined) return false;
  return true;
}

const own = (value: JsonObject, name: string): Json | undefined => (Object.hasOwn(value, name) ? value[name] : undefined);

const isNothing = (value: Json | undefined): value is null | undefined => value === undefined || value === null;

/** What dialects call a part that is a text and nothing else. */
const TEXT_TYPES: ReadonlySet<Json | undefined> = new Set([undefined, 'text', 'input_text', 'output_text']);

/** The text that a list of a single part is; `undefined` for every other value. */
function textIn(value: Json): string | undefined {
  const [part] = isArray(value) && value.length === 1 ? value : [];
  if (!isObject(part) || typeof part.text !== 'string' || !TEXT_TYPES.has(part.type)) return undefined;
  return Object.keys(part).every((name) => name === 'text' || name === 'type') ? part.text : undefined;
}
