import { invalid } from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/**
 * The body with an operator's instructions before or after the caller's own `systemInstruction`, in the caller's
 * spelling. Throws `invalid_request` where that is no content.
 */
export function addSystem(body: JsonObject, text: string, where: 'start' | 'end'): JsonObject {
  const name = body.system_instruction === undefined ? 'systemInstruction' : 'system_instruction';
  const own = body[name];
  if (own === undefined || own === null || own === '') return { ...body, [name]: { parts: [{ text }] } };
  const content = typeof own === 'string' ? { parts: [{ text: own }] } : own;
  if (!isObject(content)) throw invalid(name, 'a content');
  return { ...body, [name]: { ...content, parts: joined(content.parts, { text }, where) } };
}

function joined(parts: Json | undefined, part: JsonObject, where: 'start' | 'end'): readonly Json[] {
  const own = isArray(parts) ? parts : isObject(parts) ? [parts] : [];
  return where === 'start' ? [part, ...own] : [...own, part];
}
