import type { MediaSource, Part } from '../../core/chat.ts';
import { invalid, optionalBoolean, optionalObject, optionalString, present, requiredString, rest } from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { unwrapSignature } from '../../core/signature.ts';
import { extraOf, ID } from './fields.ts';
import { ISSUER, readSigned } from './signatures.ts';

/** The parts of a message, of `system` or of a tool result. Source: docs.claude.com, Messages API, `messages[].content`. */
export function readContent(value: Json | undefined, at: string): readonly Part[] {
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  if (!isArray(value)) throw invalid(at, 'a string or an array of content blocks');
  return readSigned(value, (block, index) => readBlock(block, `${at}.${index}`));
}

function readBlock(block: Json, at: string): Part {
  if (!isObject(block)) throw invalid(at, 'a content block');
  const read = readers.get(requiredString(block.type, `${at}.type`));
  return read?.(block, at) ?? { type: 'raw', dialect: ID, value: block };
}

/** One reader a block type; `undefined` where the block says something the canonical form has no place for. */
type BlockReader = (block: JsonObject, at: string) => Part | undefined;

const readers: ReadonlyMap<string, BlockReader> = new Map<string, BlockReader>([
  ['text', readText],
  ['image', readImage],
  ['document', readDocument],
  ['tool_use', readToolUse],
  ['tool_result', readToolResult],
  ['thinking', readThinking],
  ['redacted_thinking', readRedacted],
]);

const readCache = (block: JsonObject, at: string) => present({ cache: optionalObject(block.cache_control, `${at}.cache_control`) });

function readText(block: JsonObject, at: string): Part {
  const { citations } = block;
  return {
    type: 'text',
    text: requiredString(block.text, `${at}.text`),
    ...(isArray(citations) && citations.length > 0 ? { citations } : {}),
    ...readCache(block, at),
    ...extraOf(rest(block, ['type', 'text', 'citations', 'cache_control'])),
  };
}

function readImage(block: JsonObject, at: string): Part | undefined {
  const source = readSource(block.source, `${at}.source`);
  if (source === undefined || source.kind === 'text') return undefined;
  return { type: 'image', source, ...readCache(block, at), ...extraOf(rest(block, ['type', 'source', 'cache_control'])) };
}

function readDocument(block: JsonObject, at: string): Part | undefined {
  const source = readSource(block.source, `${at}.source`);
  if (source === undefined) return undefined;
  return {
    type: 'file',
    source,
    ...present({ name: optionalString(block.title, `${at}.title`) }),
    ...readCache(block, at),
    ...extraOf(rest(block, ['type', 'source', 'title', 'cache_control'])),
  };
}

function readSource(value: Json | undefined, at: string): MediaSource | undefined {
  const source = optionalObject(value, at);
  if (source === undefined) throw invalid(at, 'an object');
  const text = (name: string) => requiredString(source[name], `${at}.${name}`);
  switch (source.type) {
    case 'base64':
      return { kind: 'base64', mediaType: text('media_type'), data: text('data') };
    case 'url':
      return { kind: 'url', url: text('url') };
    case 'file':
      return { kind: 'file', id: text('file_id') };
    case 'text':
      return { kind: 'text', mediaType: text('media_type'), text: text('data') };
    default:
      return undefined;
  }
}

function readToolUse(block: JsonObject, at: string): Part {
  return {
    type: 'tool-call',
    id: requiredString(block.id, `${at}.id`),
    name: requiredString(block.name, `${at}.name`),
    input: JSON.stringify(block.input ?? {}),
    ...readCache(block, at),
    ...extraOf(rest(block, ['type', 'id', 'name', 'input', 'cache_control'])),
  };
}

function readToolResult(block: JsonObject, at: string): Part {
  const { content } = block;
  return {
    type: 'tool-result',
    callId: requiredString(block.tool_use_id, `${at}.tool_use_id`),
    content: content === undefined || content === null ? [] : readContent(content, `${at}.content`),
    ...present({ isError: optionalBoolean(block.is_error, `${at}.is_error`) }),
    ...readCache(block, at),
    ...extraOf(rest(block, ['type', 'tool_use_id', 'content', 'is_error', 'cache_control'])),
  };
}

/** An empty signature is how an answer says that there is none. */
function readThinking(block: JsonObject, at: string): Part {
  const signature = optionalString(block.signature, `${at}.signature`) ?? '';
  return {
    type: 'thinking',
    text: requiredString(block.thinking, `${at}.thinking`),
    ...(signature !== '' && unwrapSignature(signature, ISSUER)),
  };
}

function readRedacted(block: JsonObject, at: string): Part {
  const { signature, issuer } = unwrapSignature(requiredString(block.data, `${at}.data`), ISSUER);
  return { type: 'redacted-thinking', data: signature, issuer };
}
