import type { Part } from '../../core/chat.ts';
import { asString, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { isMade } from './call-ids.ts';
import { ID, ownExtra } from './fields.ts';
import { writeSource } from './media.ts';
import { isOwn } from './thought.ts';

type PartOf<Type extends Part['type']> = Extract<Part, { readonly type: Type }>;
/** The part; `undefined` where there is nothing to say or no way to say it, then named in `loss`. Tool results are the turn's. */
export function writePart(part: Exclude<Part, { type: 'tool-result' }>, loss: Set<string>): JsonObject | undefined {
  if ('cache' in part && part.cache !== undefined) loss.add('cache_control');
  switch (part.type) {
    case 'text':
      return writeText(part, loss);
    case 'image':
    case 'file':
      return writeMedia(part, loss);
    case 'audio':
      return { inlineData: { mimeType: `audio/${part.format}`, data: part.data } };
    case 'tool-call':
      return writeToolCall(part, loss);
    case 'thinking':
      return { text: part.text, thought: true, ...signatureFor(part, loss) };
    case 'redacted-thinking':
      return writeRedacted(part, loss);
    case 'refusal':
      return part.text === '' ? undefined : { text: part.text };
    case 'raw':
      return writeRaw(part, loss);
  }
}

/** The signature that may go out with a part: Gemini refuses those of others. */
function signatureFor({ signature, issuer }: { readonly signature?: string; readonly issuer?: string }, loss: Set<string>): JsonObject {
  if (signature === undefined || signature === '') return {};
  if (issuer === undefined || issuer === ID) return { thoughtSignature: signature };
  loss.add('thinking.signature');
  return {};
}

function writeText(part: PartOf<'text'>, loss: Set<string>): JsonObject | undefined {
  if (part.citations !== undefined) loss.add('messages.content.annotations');
  const signature = signatureFor(part, loss);
  // An empty text is refused, unless it is there for its signature.
  if (part.text === '' && signature.thoughtSignature === undefined) return undefined;
  return { ...ownExtra(part.extra, 'messages.content.', loss), text: part.text, ...signature };
}

function writeMedia(part: PartOf<'image'> | PartOf<'file'>, loss: Set<string>): JsonObject {
  if (part.type === 'image' && part.detail !== undefined && part.detail !== 'auto') loss.add('messages.content.image_url.detail');
  const { mimeType, ...extra } = ownExtra(part.extra, 'messages.content.', loss);
  return { ...writeSource(part, asString(mimeType)), ...extra };
}

/** Fields of the call itself; all others stand beside it, on the part. */
const CALL_FIELDS = new Set(['partialArgs', 'willContinue']);

function writeToolCall(part: PartOf<'tool-call'>, loss: Set<string>): JsonObject {
  if (part.custom) loss.add('messages.tool_calls.custom');
  const extra = Object.entries(ownExtra(part.extra, 'messages.tool_calls.', loss));
  return {
    ...Object.fromEntries(extra.filter(([name]) => !CALL_FIELDS.has(name))),
    functionCall: {
      ...callId(part.id),
      name: part.name,
      args: part.custom ? { input: part.input } : argsOf(part.input, 'messages.tool_calls.function.arguments', loss),
      ...Object.fromEntries(extra.filter(([name]) => CALL_FIELDS.has(name))),
    },
    ...signatureFor(part, loss),
  };
}

/** An id that was made here is the vendor's own absence of one. */
export const callId = (id: string): JsonObject => (isMade(id) ? {} : { id });

/** Arguments are an object here; any other text is handed over in one, and named as a loss. */
export function argsOf(text: string, field: string, loss: Set<string>): JsonObject {
  if (text.trim() === '') return {};
  const args = parseJson(text);
  if (isObject(args)) return args;
  loss.add(field);
  return { input: text };
}

/** Gemini's own is a signature on a part without text. */
function writeRedacted(part: PartOf<'redacted-thinking'>, loss: Set<string>): JsonObject | undefined {
  if (isOwn(part.issuer)) return { text: '', thoughtSignature: part.data };
  loss.add('thinking.signature');
  return undefined;
}

function writeRaw(part: PartOf<'raw'>, loss: Set<string>): JsonObject | undefined {
  if (part.dialect === ID && isObject(part.value)) return part.value;
  loss.add(`messages.content.${rawName(part.value) ?? part.dialect}`);
  return undefined;
}

export const rawName = (value: Json): string | undefined => (isObject(value) ? asString(value.type) : undefined);
