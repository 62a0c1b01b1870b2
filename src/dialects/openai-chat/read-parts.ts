import type { Part } from '../../core/chat.ts';
import { readDataUrl } from '../../core/data-url.ts';
import { invalid, optionalObject, optionalString, present, requiredObject, requiredString } from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID } from './fields.ts';

/** The content of a message: a string, an array of parts, or nothing. An empty string is no part. */
export function readParts(content: Json | undefined, at: string): readonly Part[] {
  if (content === undefined || content === null || content === '') return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!isArray(content)) throw invalid(at, 'a string or an array of content parts');
  return content.map((part, index) => readPart(part, `${at}[${index}]`));
}

function readPart(part: Json, at: string): Part {
  // Some clients send bare strings among the parts.
  if (typeof part === 'string') return { type: 'text', text: part };
  if (!isObject(part)) throw invalid(at, 'a content part');
  return readers.get(requiredString(part.type, `${at}.type`))?.(part, at) ?? { type: 'raw', dialect: ID, value: part };
}

/** One reader a part type; `undefined` where the part says something the canonical form has no place for. */
type PartReader = (part: JsonObject, at: string) => Part | undefined;

const readers: ReadonlyMap<string, PartReader> = new Map<string, PartReader>([
  ['text', readText],
  ['image_url', readImage],
  ['input_audio', readAudio],
  ['file', readFile],
  ['refusal', (part, at) => ({ type: 'refusal', text: requiredString(part.refusal, `${at}.refusal`) })],
  ['thinking', readThinking],
]);

/** `cache_control` on a part is no field of OpenAI: clients that know Anthropic's caches write it all the same. */
const readCache = (part: JsonObject, at: string) => present({ cache: optionalObject(part.cache_control, `${at}.cache_control`) });

function readText(part: JsonObject, at: string): Part {
  return { type: 'text', text: requiredString(part.text, `${at}.text`), ...readCache(part, at) };
}

function readImage(part: JsonObject, at: string): Part {
  const value = part.image_url;
  const image = typeof value === 'string' ? { url: value } : requiredObject(value, `${at}.image_url`);
  const url = requiredString(image.url, `${at}.image_url.url`);
  return {
    type: 'image',
    source: readDataUrl(url) ?? { kind: 'url', url },
    ...present({ detail: optionalString(image.detail, `${at}.image_url.detail`) }),
    ...readCache(part, at),
  };
}

function readAudio(part: JsonObject, at: string): Part {
  const audio = requiredObject(part.input_audio, `${at}.input_audio`);
  return {
    type: 'audio',
    data: requiredString(audio.data, `${at}.input_audio.data`),
    format: requiredString(audio.format, `${at}.input_audio.format`),
  };
}

function readFile(part: JsonObject, at: string): Part | undefined {
  const file = requiredObject(part.file, `${at}.file`);
  const id = optionalString(file.file_id, `${at}.file.file_id`);
  const data = optionalString(file.file_data, `${at}.file.file_data`);
  const source = id === undefined ? readDataUrl(data ?? '') : { kind: 'file' as const, id };
  if (source === undefined) return undefined;
  return { type: 'file', source, ...present({ name: optionalString(file.filename, `${at}.file.filename`) }), ...readCache(part, at) };
}

/** Mistral's thinking: `{type:"thinking", thinking:[{type:"text", text}]}`. */
function readThinking(part: JsonObject): Part | undefined {
  const text = thinkingText(part.thinking);
  return text === undefined ? undefined : { type: 'thinking', text };
}

/** The text of a thinking part, which is a string or, of Mistral, an array of text parts. */
export function thinkingText(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (!isArray(value)) return undefined;
  return value.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('');
}
