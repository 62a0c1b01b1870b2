import type { CallHead, Quirks } from '../../core/dialect.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ANY_WRAPPED } from '../../core/signature.ts';
import type { Fields } from '../../core/wire.ts';
import { forwardedBlock } from './signatures.ts';

/** The model stands in the path: nothing is changed but signatures that this gateway wrapped. */
export function patch(_head: CallHead, model: string, _quirks: Quirks, fields: Fields): { readonly [field: string]: Json | undefined } {
  return fields.mentions(ANY_WRAPPED) ? withoutForeign(fields, model) : {};
}

function withoutForeign(fields: Fields, model: string): { readonly [field: string]: Json } {
  const messages = fields.get('messages');
  if (!isArray(messages)) return {};
  const cleaned = messages.flatMap((message) => cleanMessage(message, model));
  const additional = fields.get('additionalModelRequestFields');
  if (!isObject(additional) || !mustNotThink(cleaned, additional.thinking)) return { messages: cleaned };
  const { thinking: _, ...others } = additional;
  return { messages: cleaned, additionalModelRequestFields: others };
}

/** No message where nothing is left of it: the API refuses empty ones. */
function cleanMessage(message: Json, model: string): readonly Json[] {
  if (!isObject(message) || message.role !== 'assistant' || !isArray(message.content)) return [message];
  const content = message.content.flatMap((block): readonly Json[] => {
    const forwarded = isObject(block) ? forwardedBlock(block, model) : block;
    return forwarded === undefined ? [] : [forwarded];
  });
  return content.length === 0 ? [] : [{ ...message, content }];
}

/** With a thinking budget, a turn of Claude's that goes on after tool results must have begun with thinking. */
function mustNotThink(messages: readonly Json[], thinking: Json | undefined): boolean {
  if (!isObject(thinking) || thinking.type !== 'enabled') return false;
  const [asked, answered] = messages.slice(-2).map(blocksOf);
  const inLoop = answered?.some((block) => block.toolResult !== undefined) === true;
  return inLoop && asked?.[0]?.reasoningContent === undefined;
}

const blocksOf = (message: Json): readonly JsonObject[] =>
  isObject(message) && isArray(message.content) ? message.content.filter(isObject) : [];
