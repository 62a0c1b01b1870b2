import type { JsonObject } from '../../core/json.ts';

/** The body with an operator's instructions before or after the caller's own `instructions`. */
export function addSystem(body: JsonObject, text: string, where: 'start' | 'end'): JsonObject {
  const own = typeof body.instructions === 'string' && body.instructions !== '' ? [body.instructions] : [];
  const both = where === 'start' ? [text, ...own] : [...own, text];
  return { ...body, instructions: both.join('\n\n') };
}
