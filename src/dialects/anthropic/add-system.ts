import { GatewayError } from '../../core/errors.ts';
import { isArray, type Json, type JsonObject } from '../../core/json.ts';

/**
 * The body with an operator's instructions before or after the caller's own `system`, in the form that the caller chose: text, or
 * text blocks, whose cache breakpoints stay where they are
 * (https://docs.claude.com/en/api/messages). Throws `invalid_request` where `system` is neither.
 */
export function addSystem(body: JsonObject, text: string, where: 'start' | 'end'): JsonObject {
  return { ...body, system: joined(body.system, text, where) };
}

function joined(own: Json | undefined, text: string, where: 'start' | 'end'): Json {
  if (own === undefined || own === '') return text;
  if (typeof own === 'string') return where === 'start' ? `${text}\n\n${own}` : `${own}\n\n${text}`;
  if (!isArray(own))
    throw new GatewayError('invalid_request', '"system" must be a string or an array of text blocks.', { param: 'system' });
  const block = { type: 'text', text };
  return where === 'start' ? [block, ...own] : [...own, block];
}
