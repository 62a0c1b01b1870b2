import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/**
 * A chat completion's body as a model's inputs. The binding names the model beside them, counts usage unasked, and its
 * older models take a message's content as one text alone.
 * Source: https://developers.cloudflare.com/workers-ai/models/llama-3.3-70b-instruct-fp8-fast/
 */
export function inputsOf(call: JsonObject): JsonObject {
  const { model: _, stream_options: __, messages, ...others } = call;
  return { ...others, messages: isArray(messages) ? messages.map(messageOf) : (messages ?? null) };
}

function messageOf(message: Json): Json {
  if (!isObject(message)) return message;
  const { content } = message;
  if (content === null || content === undefined) return { ...message, content: '' };
  if (!isArray(content)) return message;
  const texts = content.flatMap((part) => (isObject(part) && part.type === 'text' ? (asString(part.text) ?? []) : []));
  return texts.length === content.length ? { ...message, content: texts.join('\n') } : message;
}
