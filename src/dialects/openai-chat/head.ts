import type { CallHead, Quirks } from '../../core/dialect.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Fields } from '../../core/wire.ts';
import { invalid, optionalBoolean, optionalObject } from './fields.ts';

export function readModel(value: Json | undefined): string {
  if (typeof value !== 'string' || value === '') throw invalid('model', 'the name of a model');
  return value;
}

export function readHead(fields: Fields): CallHead {
  const options = optionalObject(fields.get('stream_options'), 'stream_options');
  return {
    model: readModel(fields.get('model')),
    stream: optionalBoolean(fields.get('stream'), 'stream') ?? false,
    wantsUsage: options?.include_usage === true,
  };
}

/** What a provider must get otherwise than the caller wrote it, though it speaks the same dialect. */
export function patch(head: CallHead, model: string, quirks: Quirks, fields: Fields): { readonly [field: string]: Json | undefined } {
  return {
    ...(model !== head.model && { model }),
    ...(head.stream && patchStreamOptions(head, quirks, fields)),
    ...patchLimit(quirks, fields),
    ...(quirks.developerRole === 'system' && patchRoles(fields)),
  };
}

function patchStreamOptions(head: CallHead, quirks: Quirks, fields: Fields): { readonly stream_options?: JsonObject | undefined } {
  const own = optionalObject(fields.get('stream_options'), 'stream_options');
  if (quirks.streamUsage !== false) {
    return head.wantsUsage ? {} : { stream_options: { ...own, include_usage: true } };
  }
  if (own === undefined || !('include_usage' in own)) return {};
  const { include_usage: _, ...others } = own;
  return { stream_options: Object.keys(others).length === 0 ? undefined : others };
}

/** Each name of the output limit is unknown to some vendors, and OpenAI's reasoning models refuse `max_tokens`. */
function patchLimit(quirks: Quirks, fields: Fields): { readonly [field: string]: Json | undefined } {
  const wanted = quirks.maxTokensField;
  if (wanted === undefined) return {};
  const other = wanted === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
  if (!fields.has(other)) return {};
  return fields.has(wanted) ? { [other]: undefined } : { [other]: undefined, [wanted]: fields.get(other) };
}

function patchRoles(fields: Fields): { readonly messages?: Json } {
  const messages = fields.get('messages');
  if (!isArray(messages) || !messages.some(isDeveloper)) return {};
  return { messages: messages.map((message) => (isDeveloper(message) ? { ...message, role: 'system' } : message)) };
}

const isDeveloper = (message: Json): message is JsonObject => isObject(message) && message.role === 'developer';
