import type { Issuer, Part, Signed } from '../../core/chat.ts';
import { invalid, optionalString, present, requiredObject, requiredString, rest } from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { withCachePoint } from './cache.ts';
import { extraOf, ID, memberOf } from './fields.ts';
import { documentType, imageType, videoType } from './formats.ts';
import { readName } from './names.ts';
import { readCarrier, readRedacted, readSignature, signedParts, signLastText } from './signatures.ts';

/** The parts of a message, of `system` or of a tool result. Source: API reference, `ContentBlock`, `SystemContentBlock`, `ToolResultContentBlock`. */
export function readContent(value: Json | undefined, at: string, issuer: Issuer): readonly Part[] {
  if (value === undefined || value === null) return [];
  if (!isArray(value)) throw invalid(at, 'an array of content blocks');
  const parts: Part[] = [];
  const ofCalls = new Map<string, Required<Signed>>();
  for (const [index, block] of value.entries()) {
    const carried = isObject(block) && isObject(block.reasoningContent) ? readCarrier(block.reasoningContent.redactedContent) : undefined;
    const cached = isObject(block) && block.cachePoint !== undefined ? cachedBy(parts.at(-1), block.cachePoint) : undefined;
    if (carried?.target === '') signLastText(parts, carried.signed);
    else if (carried !== undefined) ofCalls.set(carried.target, carried.signed);
    else if (cached !== undefined) parts[parts.length - 1] = cached;
    else parts.push(readBlock(block, `${at}.${index}`, issuer));
  }
  return signedParts(parts, ofCalls);
}

const CACHEABLE: ReadonlySet<Part['type']> = new Set(['text', 'image', 'file', 'tool-call', 'tool-result']);

const cachedBy = (part: Part | undefined, point: Json): Part | undefined =>
  part !== undefined && CACHEABLE.has(part.type) ? withCachePoint(part, point) : undefined;

function readBlock(block: Json, at: string, issuer: Issuer): Part {
  const [name, value] = (isObject(block) ? memberOf(block) : undefined) ?? [];
  if (name === undefined || value === undefined) throw invalid(at, 'a content block');
  return readers.get(name)?.(value, `${at}.${name}`, issuer) ?? { type: 'raw', dialect: ID, value: block };
}

/** One reader a kind of block; `undefined` where it says something the canonical form has no place for. */
type BlockReader = (value: Json, at: string, issuer: Issuer) => Part | undefined;

const readers: ReadonlyMap<string, BlockReader> = new Map<string, BlockReader>([
  ['text', (value, at) => ({ type: 'text', text: requiredString(value, at) })],
  // A tool's result in JSON is the text of it to every model.
  ['json', (value) => ({ type: 'text', text: JSON.stringify(value) })],
  ['image', (value, at) => readImage(requiredObject(value, at), at)],
  ['document', (value, at) => readDocument(requiredObject(value, at), at)],
  ['video', (value, at) => readVideo(requiredObject(value, at), at)],
  ['audio', (value, at) => readAudio(requiredObject(value, at), at)],
  ['toolUse', (value, at) => readToolUse(requiredObject(value, at), at)],
  ['toolResult', (value, at, issuer) => readToolResult(requiredObject(value, at), at, issuer)],
  ['reasoningContent', (value, at, issuer) => readReasoning(requiredObject(value, at), at, issuer)],
  ['guardContent', (value, at) => readGuarded(requiredObject(value, at), at)],
  ['citationsContent', (value, at) => readCited(requiredObject(value, at), at)],
]);

/** The bytes as base64; `undefined` for what lies in S3, where other vendors cannot get it. */
const bytesOf = (block: JsonObject): string | undefined => (isObject(block.source) ? asString(block.source.bytes) : undefined);

function readImage(block: JsonObject, at: string): Part | undefined {
  const data = bytesOf(block);
  if (data === undefined) return undefined;
  const mediaType = imageType(requiredString(block.format, `${at}.format`));
  return { type: 'image', source: { kind: 'base64', mediaType, data }, ...extraOf(rest(block, ['format', 'source'])) };
}

function readDocument(block: JsonObject, at: string): Part | undefined {
  const format = optionalString(block.format, `${at}.format`) ?? 'txt';
  const mediaType = documentType(format);
  const data = bytesOf(block);
  const text = isObject(block.source) ? asString(block.source.text) : undefined;
  if (mediaType === undefined || (data === undefined && text === undefined)) return undefined;
  return {
    type: 'file',
    source: text === undefined ? { kind: 'base64', mediaType, data: data ?? '' } : { kind: 'text', mediaType, text },
    ...present({ name: readName(requiredString(block.name, `${at}.name`), format) }),
    ...extraOf(rest(block, ['format', 'name', 'source'])),
  };
}

function readVideo(block: JsonObject, at: string): Part | undefined {
  const mediaType = videoType(requiredString(block.format, `${at}.format`));
  const data = bytesOf(block);
  if (mediaType === undefined || data === undefined) return undefined;
  return { type: 'file', source: { kind: 'base64', mediaType, data }, ...extraOf(rest(block, ['format', 'source'])) };
}

function readAudio(block: JsonObject, at: string): Part | undefined {
  const data = bytesOf(block);
  if (data === undefined || rest(block, ['format', 'source']) !== undefined) return undefined;
  return { type: 'audio', data, format: requiredString(block.format, `${at}.format`) };
}

function readToolUse(block: JsonObject, at: string): Part | undefined {
  // `type: server_tool_use`: Bedrock itself has run it.
  if (typeof block.type === 'string') return undefined;
  return {
    type: 'tool-call',
    id: requiredString(block.toolUseId, `${at}.toolUseId`),
    name: requiredString(block.name, `${at}.name`),
    input: JSON.stringify(block.input ?? {}),
    ...extraOf(rest(block, ['toolUseId', 'name', 'input', 'type'])),
  };
}

const FAILED: ReadonlyMap<Json | undefined, boolean> = new Map([
  ['error', true],
  ['success', false],
]);

function readToolResult(block: JsonObject, at: string, issuer: Issuer): Part | undefined {
  if (typeof block.type === 'string') return undefined;
  return {
    type: 'tool-result',
    callId: requiredString(block.toolUseId, `${at}.toolUseId`),
    content: readContent(block.content, `${at}.content`, issuer),
    ...present({ isError: FAILED.get(block.status) }),
    ...extraOf(rest(block, ['toolUseId', 'content', 'status', 'type'])),
  };
}

function readReasoning(block: JsonObject, at: string, issuer: Issuer): Part | undefined {
  const { redactedContent } = block;
  if (typeof redactedContent === 'string') return { type: 'redacted-thinking', ...readRedacted(redactedContent, issuer) };
  const thought = block.reasoningText;
  if (!isObject(thought)) return undefined;
  const signature = optionalString(thought.signature, `${at}.reasoningText.signature`);
  return {
    type: 'thinking',
    text: requiredString(thought.text, `${at}.reasoningText.text`),
    ...(signature === undefined ? {} : readSignature(signature, issuer)),
  };
}

/** Content that a guardrail is to look at is content all the same; that it was marked is for this dialect alone. */
function readGuarded(block: JsonObject, at: string): Part | undefined {
  const { text, image } = block;
  if (isObject(text)) {
    return { type: 'text', text: requiredString(text.text, `${at}.text.text`), ...extraOf({ guardContent: rest(text, ['text']) ?? {} }) };
  }
  const part = isObject(image) ? readImage(image, `${at}.image`) : undefined;
  return part?.type === 'image' ? { ...part, ...extraOf({ guardContent: {} }) } : undefined;
}

function readCited(block: JsonObject, at: string): Part | undefined {
  if (!isArray(block.content)) return undefined;
  const texts = block.content.map((piece, index) =>
    requiredString(isObject(piece) ? piece.text : undefined, `${at}.content.${index}.text`),
  );
  return { type: 'text', text: texts.join(''), citations: isArray(block.citations) ? block.citations : [] };
}
