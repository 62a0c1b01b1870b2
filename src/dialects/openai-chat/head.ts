import type { CallHead, Quirks } from '../../core/dialect.ts';
import { optionalBoolean, optionalObject, requiredModel } from '../../core/fields.ts';
import type { Json } from '../../core/json.ts';
import { patchStreamOptions } from '../../core/openai/fields.ts';
import type { Fields } from '../../core/wire.ts';
import { patchMessages } from './patch-messages.ts';

export function readHead(fields: Fields): CallHead {
  const options = optionalObject(fields.get('stream_options'), 'stream_options');
  return {
    model: requiredModel(fields.get('model')),
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
    ...patchMessages(quirks, fields),
  };
}

/** Each name of the output limit is unknown to some vendors, and OpenAI's reasoning models refuse `max_tokens`. */
function patchLimit(quirks: Quirks, fields: Fields): { readonly [field: string]: Json | undefined } {
  const wanted = quirks.maxTokensField;
  if (wanted === undefined) return {};
  const other = wanted === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
  if (!fields.has(other)) return {};
  return fields.has(wanted) ? { [other]: undefined } : { [other]: undefined, [wanted]: fields.get(other) };
}
