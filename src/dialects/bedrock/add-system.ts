import { invalid } from '../../core/fields.ts';
import { isArray, type JsonObject } from '../../core/json.ts';

/** The body with an operator's instructions as a block of their own before or after the caller's, whose cache points stay where they are. */
export function addSystem(body: JsonObject, text: string, where: 'start' | 'end'): JsonObject {
  const own = body.system ?? [];
  if (!isArray(own)) throw invalid('system', 'an array of content blocks');
  return { ...body, system: where === 'start' ? [{ text }, ...own] : [...own, { text }] };
}
