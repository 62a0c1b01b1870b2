import type { Cacheable, MediaSource, Part } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';
import { ISSUER } from './signatures.ts';

/** The content blocks of these parts; what cannot be said is left out and named in `loss`. */
export const writeParts = (parts: readonly Part[], loss: Set<string>): readonly JsonObject[] =>
  parts.map((part) => writePart(part, loss)).filter((block) => block !== undefined);

/** The content block of a part; `undefined` where there is nothing to say or no way to say it, then named in `loss`. */
function writePart(part: Part, loss: Set<string>): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return writeText(part, loss);
    case 'image':
      return writeImage(part, loss);
    case 'file':
      return writeFile(part, loss);
    case 'audio':
      loss.add('messages.content.input_audio');
      return undefined;
    case 'tool-call':
      return writeToolCall(part, loss);
    case 'tool-result':
      return writeToolResult(part, loss);
    case 'thinking':
      return writeThinking(part, loss);
    case 'redacted-thinking':
      return writeRedacted(part, loss);
    case 'refusal':
      return isBlank(part.text) ? undefined : { type: 'text', text: part.text };
    case 'raw':
      return writeRaw(part, loss);
  }
}

type PartOf<Type extends Part['type']> = Extract<Part, { readonly type: Type }>;

/** The API refuses text blocks without a visible character. */
const isBlank = (text: string) => text.trim() === '';

const cacheOf = (part: Cacheable) => present({ cache_control: part.cache });

function writeText(part: PartOf<'text'>, loss: Set<string>): JsonObject | undefined {
  if (part.signature !== undefined) loss.add('thinking.signature');
  if (isBlank(part.text)) return undefined;
  const citations = ownCitations(part.citations, loss);
  return { ...ownExtra(part.extra, 'messages.content.', loss), type: 'text', text: part.text, ...present({ citations }), ...cacheOf(part) };
}

/** Citations point into documents in each dialect's own way: only those of this dialect can be sent back. */
function ownCitations(citations: Json | undefined, loss: Set<string>): Json | undefined {
  if (citations === undefined) return undefined;
  const own = isArray(citations) && citations.every((citation) => isObject(citation) && asString(citation.type)?.endsWith('_location'));
  if (own) return citations;
  loss.add('messages.content.annotations');
  return undefined;
}

function writeSource(source: MediaSource): JsonObject {
  switch (source.kind) {
    case 'url':
      return { type: 'url', url: source.url };
    case 'base64':
      return { type: 'base64', media_type: source.mediaType, data: source.data };
    case 'text':
      return { type: 'text', media_type: source.mediaType, data: source.text };
    case 'file':
      return { type: 'file', file_id: source.id };
  }
}

function writeImage(part: PartOf<'image'>, loss: Set<string>): JsonObject | undefined {
  if (part.detail !== undefined && part.detail !== 'auto') loss.add('messages.content.image_url.detail');
  if (part.source.kind === 'text') {
    loss.add('messages.content.image');
    return undefined;
  }
  return { ...ownExtra(part.extra, 'messages.content.image.', loss), type: 'image', source: writeSource(part.source), ...cacheOf(part) };
}

/** Media types that the API cannot take are left to it to refuse: its message names the fault, and its list grows. */
function writeFile(part: PartOf<'file'>, loss: Set<string>): JsonObject {
  const { source } = part;
  if (source.kind === 'base64' && source.mediaType.startsWith('image/')) {
    return { type: 'image', source: writeSource(source), ...cacheOf(part) };
  }
  const isText = source.kind === 'base64' && source.mediaType.startsWith('text/');
  const written = isText ? { type: 'text', media_type: 'text/plain', data: textOf(source.data) } : writeSource(source);
  return {
    ...ownExtra(part.extra, 'messages.content.file.', loss),
    type: 'document',
    source: written,
    ...present({ title: part.name }),
    ...cacheOf(part),
  };
}

/** Base64 as UTF-8 text: a base64 source may only be a PDF, plain text has a source of its own. */
function textOf(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)));
  } catch {
    return base64;
  }
}

/** Ids may only hold letters, digits, `_` and `-`; a call and its result are changed alike. */
const callId = (id: string) => id.replace(/[^a-zA-Z0-9_-]/g, '_');

function writeToolCall(part: PartOf<'tool-call'>, loss: Set<string>): JsonObject {
  if (part.custom) loss.add('messages.tool_calls.custom');
  if (part.signature !== undefined) loss.add('thinking.signature');
  return {
    ...ownExtra(part.extra, 'messages.tool_calls.', loss),
    type: 'tool_use',
    id: callId(part.id),
    name: part.name,
    input: part.custom ? { input: part.input } : inputOf(part.input, 'messages.tool_calls.function.arguments', loss),
    ...cacheOf(part),
  };
}

/** A tool's input must be an object here; any other text is handed over in one, and named as a loss. */
export function inputOf(text: string, field: string, loss: Set<string>): JsonObject {
  if (text.trim() === '') return {};
  const input = parseJson(text);
  if (isObject(input)) return input;
  loss.add(field);
  return { input: text };
}

function writeToolResult(part: PartOf<'tool-result'>, loss: Set<string>): JsonObject {
  const blocks = writeParts(part.content, loss);
  return {
    ...ownExtra(part.extra, 'messages.content.tool_result.', loss),
    type: 'tool_result',
    tool_use_id: callId(part.callId),
    ...(blocks.length === 0 ? {} : { content: plainText(blocks) ?? blocks }),
    ...present({ is_error: part.isError }),
    ...cacheOf(part),
  };
}

/** The text of a single text block that says nothing else: the short form of content and of `system`. */
export function plainText(blocks: readonly JsonObject[]): string | undefined {
  const [block] = blocks;
  if (block === undefined || blocks.length > 1 || block.type !== 'text' || Object.keys(block).length > 2) return undefined;
  return asString(block.text);
}

/** The signature proves that the model thought this: without it, or with another's, the API refuses the block. */
function writeThinking({ text, signature, issuer = ISSUER }: PartOf<'thinking'>, loss: Set<string>): JsonObject | undefined {
  const isSigned = signature !== undefined && signature !== '';
  if (isSigned && issuer === ISSUER) return { type: 'thinking', thinking: text, signature };
  if (isSigned) loss.add('thinking.signature');
  loss.add('messages.thinking');
  return undefined;
}

function writeRedacted({ data, issuer = ISSUER }: PartOf<'redacted-thinking'>, loss: Set<string>): JsonObject | undefined {
  if (issuer === ISSUER) return { type: 'redacted_thinking', data };
  loss.add('thinking.signature');
  return undefined;
}

function writeRaw(part: PartOf<'raw'>, loss: Set<string>): JsonObject | undefined {
  if (part.dialect === ID && isObject(part.value)) return part.value;
  loss.add(`messages.content.${rawName(part.value) ?? part.dialect}`);
  return undefined;
}

export const rawName = (value: Json): string | undefined => (isObject(value) ? asString(value.type) : undefined);
