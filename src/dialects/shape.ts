import type { Fields } from '../core/wire.ts';

/** Fields that only a call of the Responses API has. */
const RESPONSES_ONLY = ['input', 'instructions', 'previous_response_id', 'conversation', 'max_output_tokens'];

/**
 * Which of OpenAI's two dialects a body is of, whatever the path it came on: some clients post one's body to the
 * other's path. `undefined` where it says nothing clear, and the path decides.
 */
export function shapeOf(fields: Fields): 'openai-chat' | 'openai-responses' | undefined {
  if (fields.has('messages')) return fields.has('input') || !fields.isArray('messages') ? undefined : 'openai-chat';
  return RESPONSES_ONLY.some((field) => fields.has(field)) ? 'openai-responses' : undefined;
}
