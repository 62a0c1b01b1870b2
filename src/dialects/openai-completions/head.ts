import type { CallHead, Quirks } from '../../core/dialect.ts';
import { optionalBoolean, optionalObject, requiredModel } from '../../core/fields.ts';
import type { Json } from '../../core/json.ts';
import { patchStreamOptions } from '../../core/openai/fields.ts';
import type { Fields } from '../../core/wire.ts';

export function readHead(fields: Fields): CallHead {
  return {
    model: requiredModel(fields.get('model')),
    stream: optionalBoolean(fields.get('stream'), 'stream') ?? false,
    wantsUsage: optionalObject(fields.get('stream_options'), 'stream_options')?.include_usage === true,
  };
}

/** Lists of prompts and prompts of tokens leave as they came: who speaks this dialect knows them. */
export const patch = (head: CallHead, model: string, quirks: Quirks, fields: Fields): { readonly [field: string]: Json | undefined } => ({
  ...(model !== head.model && { model }),
  ...(head.stream && patchStreamOptions(head, quirks, fields)),
});
