import { GatewayError } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/**
 * The body with an operator's instructions as one more message before or after the caller's own leading ones. It takes
 * their role, since a `developer` and a `system` message must not stand in the same request
 * (https://platform.openai.com/docs/guides/reasoning). Throws `invalid_request` where there is no list of messages.
 */
export function addSystem(body: JsonObject, text: string, where: 'start' | 'end'): JsonObject {
  const { messages } = body;
  if (!isArray(messages)) throw new GatewayError('invalid_request', '"messages" must be an array.', { param: 'messages' });
  const firstOther = messages.findIndex((message) => !isInstruction(message));
  const own = firstOther < 0 ? messages.length : firstOther;
  const added = { role: messages.slice(0, own).some(isDeveloper) ? 'developer' : 'system', content: text };
  const at = where === 'start' ? 0 : own;
  return { ...body, messages: [...messages.slice(0, at), added, ...messages.slice(at)] };
}

const isDeveloper = (message: Json): boolean => isObject(message) && message.role === 'developer';
const isInstruction = (message: Json): boolean => isDeveloper(message) || (isObject(message) && message.role === 'system');
