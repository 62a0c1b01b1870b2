import type { CallHead } from '../../core/dialect.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ANY_WRAPPED } from '../../core/signature.ts';
import type { Fields } from '../../core/wire.ts';
import { isForeign } from './signatures.ts';

/** What a provider of this dialect must get otherwise than the caller wrote it. */
export function patch(_head: CallHead, model: string, fields: Fields): { readonly [field: string]: Json | undefined } {
  return { model, ...(fields.mentions(ANY_WRAPPED) && withoutForeign(fields)) };
}

/** The API refuses thinking that it did not sign: blocks of another family's model stay behind. */
function withoutForeign(fields: Fields): { readonly messages?: Json; readonly thinking?: undefined } {
  const messages = fields.get('messages');
  if (!isArray(messages)) return {};
  const cleaned = messages.flatMap((message) => cleanMessage(message));
  if (cleaned.length === messages.length && cleaned.every((message, index) => message === messages[index])) return {};
  return { messages: cleaned, ...(mustNotThink(cleaned, fields.get('thinking')) && { thinking: undefined }) };
}

/** No message where nothing is left of it: the API refuses empty ones. */
function cleanMessage(message: Json): readonly Json[] {
  if (!isObject(message) || message.role !== 'assistant' || !isArray(message.content)) return [message];
  const content = message.content.filter((block) => !isForeign(block));
  if (content.length === message.content.length) return [message];
  return content.length === 0 ? [] : [{ ...message, content }];
}

/** With a thinking budget, a turn that goes on after tool results must have begun with thinking. */
function mustNotThink(messages: readonly Json[], thinking: Json | undefined): boolean {
  if (!isObject(thinking) || thinking.type !== 'enabled') return false;
  const [asked, answered] = messages.slice(-2).map(contentOf);
  const inLoop = answered?.some((block) => block.type === 'tool_result') === true;
  const [first] = asked ?? [];
  return inLoop && first?.type !== 'thinking' && first?.type !== 'redacted_thinking';
}

const contentOf = (message: Json): readonly JsonObject[] =>
  isObject(message) && isArray(message.content) ? message.content.filter(isObject) : [];
