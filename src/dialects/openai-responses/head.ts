import type { CallHead, Quirks } from '../../core/dialect.ts';
import { optionalBoolean, requiredModel } from '../../core/fields.ts';
import { isArray, isObject, type Json } from '../../core/json.ts';
import { WRAPPED } from '../../core/signature.ts';
import type { Fields } from '../../core/wire.ts';

/** Usage stands in the last event of every stream: nobody has to ask for it, and nothing is hidden again. */
export const readHead = (fields: Fields): CallHead => ({
  model: requiredModel(fields.get('model')),
  stream: optionalBoolean(fields.get('stream'), 'stream') ?? false,
  wantsUsage: true,
});

/** What a provider must get otherwise than the caller wrote it, though it speaks the same dialect. */
export function patch(head: CallHead, model: string, _quirks: Quirks, fields: Fields): { readonly [field: string]: Json | undefined } {
  return { ...(model !== head.model && { model }), ...(fields.mentions(WRAPPED) && withoutForeign(fields.get('input'))) };
}

/** Reasoning of another family's model stays behind: no provider of this dialect can open it, and it refuses the call. */
function withoutForeign(input: Json | undefined): { readonly input?: Json } {
  if (!isArray(input)) return {};
  const own = input.filter((item) => !isForeign(item));
  return own.length === input.length ? {} : { input: own };
}

const isForeign = (item: Json): boolean =>
  isObject(item) && item.type === 'reasoning' && typeof item.encrypted_content === 'string' && item.encrypted_content.startsWith(WRAPPED);
