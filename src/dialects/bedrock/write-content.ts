import type { Cacheable, MediaSource, Part } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { cachePoint } from './cache.ts';
import { ID, nameOfUnion, ownExtra } from './fields.ts';
import { documentFormat, imageFormat, videoFormat } from './formats.ts';
import { mayCache } from './models.ts';
import type { DocumentNames } from './names.ts';
import { isForeign, writeRedactedData } from './signatures.ts';

/** What the blocks of one call are written with. */
export interface Writing {
  readonly model: string;
  /** Whether the call came in this dialect: what it says is then meant for Bedrock as it is. */
  readonly own: boolean;
  readonly names: DocumentNames;
  readonly loss: Set<string>;
}

/** The content blocks of these parts, cache points included; what cannot be said is left out and named in `loss`. */
export function writeParts(parts: readonly Part[], writing: Writing): readonly JsonObject[] {
  return parts.flatMap((part) => {
    const block = writePart(part, writing);
    return block === undefined ? [] : [block, ...cachePoints(part, writing)];
  });
}

/** The cache point behind a part. Tool results hold none: a breakpoint inside one closes the result. */
function cachePoints(part: Part, writing: Writing): readonly JsonObject[] {
  const inner = part.type === 'tool-result' ? part.content.find(isCached) : undefined;
  return cachePointOf(isCached(part) ? part : (inner ?? {}), writing);
}

const isCached = (part: Part): part is Part & Cacheable => 'cache' in part && part.cache !== undefined;

export function cachePointOf({ cache }: Cacheable, { own, model, loss }: Writing): readonly JsonObject[] {
  if (cache === undefined) return [];
  if (own || mayCache(model)) return [cachePoint(cache)];
  loss.add('cache_control');
  return [];
}

type PartOf<Type extends Part['type']> = Extract<Part, { readonly type: Type }>;

/** The content block of a part; `undefined` where there is nothing to say or no way to say it, then named in `loss`. */
function writePart(part: Part, writing: Writing): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return writeText(part, writing);
    case 'image':
      return writeImage(part, writing);
    case 'file':
      return writeFile(part, writing);
    case 'audio':
      return { audio: { format: part.format, source: { bytes: part.data } } };
    case 'tool-call':
      return writeToolCall(part, writing);
    case 'tool-result':
      return writeToolResult(part, writing);
    case 'thinking':
      return writeThinking(part, writing);
    case 'redacted-thinking':
      return writeRedacted(part, writing);
    case 'refusal':
      return isBlank(part.text) ? undefined : { text: part.text };
    case 'raw':
      return writeRaw(part, writing);
  }
}

/** The API refuses text blocks without a visible character. */
const isBlank = (text: string) => text.trim() === '';

function writeText(part: PartOf<'text'>, { loss }: Writing): JsonObject | undefined {
  if (part.signature !== undefined) loss.add('thinking.signature');
  if (isBlank(part.text)) return undefined;
  const { guardContent, ...own } = ownExtra(part.extra, 'messages.content.', loss);
  if (isObject(guardContent)) return { ...own, guardContent: { text: { ...guardContent, text: part.text } } };
  const citations = ownCitations(part.citations, loss);
  return {
    ...own,
    ...(citations === undefined ? { text: part.text } : { citationsContent: { content: [{ text: part.text }], citations } }),
  };
}

/** Citations point into documents in each dialect's own way: only those of this dialect, which have no `type`, can be sent back. */
function ownCitations(citations: Json | undefined, loss: Set<string>): Json | undefined {
  if (citations === undefined) return undefined;
  if (isArray(citations) && citations.every((citation) => isObject(citation) && citation.type === undefined)) return citations;
  loss.add('messages.content.annotations');
  return undefined;
}

/** `s3://bucket/key` is the one address the API takes. */
const s3 = (url: string) => (url.startsWith('s3://') ? { s3Location: { uri: url } } : undefined);

/** Images by URL are not fetched: only their bytes, or a place in S3, can be sent. */
function imageSource(source: MediaSource): JsonObject | undefined {
  if (source.kind === 'base64') return { bytes: source.data };
  return source.kind === 'url' ? s3(source.url) : undefined;
}

function writeImage(part: PartOf<'image'>, { loss }: Writing): JsonObject | undefined {
  if (part.detail !== undefined && part.detail !== 'auto') loss.add('messages.content.image_url.detail');
  const { guardContent, ...own } = ownExtra(part.extra, 'messages.content.image.', loss);
  const source = imageSource(part.source);
  if (source === undefined) {
    loss.add(part.source.kind === 'url' ? 'messages.content.image_url' : 'messages.content.image');
    return undefined;
  }
  const image = { ...own, format: part.source.kind === 'base64' ? imageFormat(part.source.mediaType) : endingOf(part.source), source };
  return guardContent === undefined ? { image } : { guardContent: { image } };
}

/** The format that the ending of a URL says. */
function endingOf(source: MediaSource): string {
  const ending = source.kind === 'url' ? (/\.([a-z0-9]+)$/i.exec(source.url)?.[1]?.toLowerCase() ?? '') : '';
  return ending === 'jpg' ? 'jpeg' : ending;
}

function writeFile(part: PartOf<'file'>, writing: Writing): JsonObject | undefined {
  const { source } = part;
  const own = ownExtra(part.extra, 'messages.content.file.', writing.loss);
  if (source.kind === 'base64') {
    if (source.mediaType.startsWith('image/')) {
      return { image: { ...own, format: imageFormat(source.mediaType), source: { bytes: source.data } } };
    }
    const video = videoFormat(source.mediaType);
    if (video !== undefined) return { video: { ...own, format: video, source: { bytes: source.data } } };
    return writeDocument(part, documentFormat(source.mediaType), { bytes: source.data }, own, writing);
  }
  if (source.kind === 'text') return writeDocument(part, documentFormat(source.mediaType), { text: source.text }, own, writing);
  const stored = source.kind === 'url' ? s3(source.url) : undefined;
  return writeDocument(part, stored === undefined ? undefined : endingOf(source), stored ?? {}, own, writing);
}

function writeDocument(
  part: PartOf<'file'>,
  format: string | undefined,
  source: JsonObject,
  own: JsonObject,
  { names, loss }: Writing,
): JsonObject | undefined {
  if (format === undefined) {
    loss.add('messages.content.file');
    return undefined;
  }
  const { name, isChanged } = names.name(part.name, format);
  if (isChanged) loss.add('messages.content.file.filename');
  return { document: { ...own, format, name, source } };
}

/** Ids may hold letters, digits, `_`, `-`, at most 64; a call and its result are changed alike. */
export const callId = (id: string) => id.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64);

function writeToolCall(part: PartOf<'tool-call'>, { loss }: Writing): JsonObject {
  if (part.custom) loss.add('messages.tool_calls.custom');
  if (part.signature !== undefined) loss.add('thinking.signature');
  return {
    toolUse: {
      ...ownExtra(part.extra, 'messages.tool_calls.', loss),
      toolUseId: callId(part.id),
      name: part.name,
      input: part.custom ? { input: part.input } : inputOf(part.input, 'messages.tool_calls.function.arguments', loss),
    },
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

function writeToolResult(part: PartOf<'tool-result'>, writing: Writing): JsonObject {
  return {
    toolResult: {
      ...ownExtra(part.extra, 'messages.content.tool_result.', writing.loss),
      toolUseId: callId(part.callId),
      content: part.content.map((inner) => writePart(inner, writing)).filter((block) => block !== undefined),
      ...present({ status: part.isError === undefined ? undefined : part.isError ? 'error' : 'success' }),
    },
  };
}

/**
 * Claude refuses reasoning whose signature does not prove that it thought this, and other models want none back from
 * elsewhere. What came in this dialect goes as it came.
 */
function writeThinking(part: PartOf<'thinking'>, { model, own, loss }: Writing): JsonObject | undefined {
  const signature = part.signature === '' ? undefined : part.signature;
  if (isForeign(part, model)) {
    loss.add('thinking.signature');
    return undefined;
  }
  if (signature === undefined && !own) {
    loss.add('messages.thinking');
    return undefined;
  }
  return { reasoningContent: { reasoningText: { text: part.text, ...present({ signature }) } } };
}

function writeRedacted({ data, issuer }: PartOf<'redacted-thinking'>, { model, loss }: Writing): JsonObject | undefined {
  if (isForeign({ signature: data, ...present({ issuer }) }, model)) {
    loss.add('thinking.signature');
    return undefined;
  }
  return { reasoningContent: { redactedContent: writeRedactedData(data, issuer) } };
}

function writeRaw(part: PartOf<'raw'>, { loss }: Writing): JsonObject | undefined {
  if (part.dialect === ID && isObject(part.value)) return part.value;
  loss.add(`messages.content.${isObject(part.value) && typeof part.value.type === 'string' ? part.value.type : nameOfUnion(part.value)}`);
  return undefined;
}
