import type { Quirks } from '../../core/dialect.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { WRAPPED } from '../../core/signature.ts';
import type { Fields } from '../../core/wire.ts';
import { otherExtraContent, readThoughtSignature } from './signatures.ts';

type Edit = (message: JsonObject) => JsonObject;

/**
 * The messages of a call that is forwarded as it came, without what its provider would refuse. They are parsed only
 * where the body holds such a thing.
 */
export function patchMessages(quirks: Quirks, fields: Fields): { readonly messages?: Json } {
  const edits: readonly (readonly [needed: boolean, edit: Edit])[] = [
    [quirks.developerRole === 'system' && fields.mentions('developer'), withoutDeveloper],
    [quirks.reasoningEcho === false && fields.mentions('reasoning'), withoutReasoning],
    [fields.mentions(WRAPPED), withoutForeignThinking],
    // Searched for from a letter that is rare in prose: every body is.
    [fields.mentions('_signature'), (message) => withoutSignatures(message, quirks)],
  ];
  const needed = edits.flatMap(([isNeeded, edit]) => (isNeeded ? [edit] : []));
  const messages = needed.length === 0 ? undefined : fields.get('messages');
  if (!isArray(messages)) return {};
  const edited = messages.map((message) => (isObject(message) ? needed.reduce((before, edit) => edit(before), message) : message));
  return edited.some((message, index) => message !== messages[index]) ? { messages: edited } : {};
}

const withoutDeveloper: Edit = (message) => (message.role === 'developer' ? { ...message, role: 'system' } : message);

const withoutReasoning: Edit = (message) => {
  if (message.role !== 'assistant' || (message.reasoning_content === undefined && message.reasoning === undefined)) return message;
  const { reasoning_content: _, reasoning: __, ...others } = message;
  return others;
};

/** Blocks that this gateway wrote for the model of another family: they mean nothing to this one. */
const withoutForeignThinking: Edit = (message) => {
  const { thinking_blocks: blocks, ...others } = message;
  return isArray(blocks) && blocks.some(isWrapped) ? others : message;
};

const isWrapped = (block: Json): boolean =>
  isObject(block) && [block.signature, block.data].some((text) => typeof text === 'string' && text.startsWith(WRAPPED));

/** A wrapped signature is never Gemini's; a plain one goes to everyone but those who refuse the field. */
function withoutSignatures(message: JsonObject, quirks: Quirks): JsonObject {
  const calls = message.tool_calls;
  const inCalls = isArray(calls) ? calls.map((call) => (isObject(call) ? withoutSignature(call, quirks) : call)) : [];
  const own = withoutSignature(message, quirks);
  return isArray(calls) && inCalls.some((call, index) => call !== calls[index]) ? { ...own, tool_calls: inCalls } : own;
}

function withoutSignature(holder: JsonObject, { thoughtSignatures }: Quirks): JsonObject {
  const { signature, issuer } = readThoughtSignature(holder);
  if (signature === undefined || (issuer === 'gemini' && thoughtSignatures !== false)) return holder;
  const { extra_content: _, ...others } = holder;
  const left = otherExtraContent(holder);
  return left === undefined ? others : { ...others, extra_content: left };
}
