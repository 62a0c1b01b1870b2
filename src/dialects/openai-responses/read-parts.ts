import type { MediaSource, Part } from '../../core/chat.ts';
import { readDataUrl } from '../../core/data-url.ts';
import { invalid, optionalString, present, requiredObject, requiredString, rest } from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { extraOf, ID } from './fields.ts';

/** The content of a message or the output of a tool: a string or a list of parts. An empty string is no part. */
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
  ['input_text', readText],
  ['output_text', readText],
  // The chat form of a part, which clients that speak both dialects mix up; `text` is also what computer outputs hold.
  ['text', readText],
  ['refusal', (part, at) => ({ type: 'refusal', text: requiredString(part.refusal, `${at}.refusal`) })],
  ['input_image', readImage],
  ['input_file', readFile],
  ['input_audio', readAudio],
]);

const TEXT_FIELDS = ['type', 'text', 'annotations', 'logprobs'];

/** Log probabilities are what the API said of a text once; annotations are part of what was said. */
function readText(part: JsonObject, at: string): Part {
  const { annotations } = part;
  const left = { ...rest(part, TEXT_FIELDS), ...(isArray(annotations) && annotations.length > 0 && { annotations }) };
  return {
    type: 'text',
    text: requiredString(part.text, `${at}.text`),
    ...extraOf(Object.keys(left).length === 0 ? undefined : left),
  };
}

function readImage(part: JsonObject, at: string): Part | undefined {
  const id = optionalString(part.file_id, `${at}.file_id`);
  const url = optionalString(part.image_url, `${at}.image_url`);
  const source = id === undefined ? sourceOf(url) : { kind: 'file' as const, id };
  if (source === undefined) return undefined;
  return {
    type: 'image',
    source,
    ...present({ detail: optionalString(part.detail, `${at}.detail`) }),
    ...extraOf(rest(part, ['type', 'file_id', 'image_url', 'detail'])),
  };
}

function readFile(part: JsonObject, at: string): Part | undefined {
  const id = optionalString(part.file_id, `${at}.file_id`);
  const url = optionalString(part.file_url, `${at}.file_url`);
  const data = optionalString(part.file_data, `${at}.file_data`);
  const source = id === undefined ? (sourceOf(url) ?? readDataUrl(data ?? '')) : { kind: 'file' as const, id };
  if (source === undefined) return undefined;
  return {
    type: 'file',
    source,
    ...present({ name: optionalString(part.filename, `${at}.filename`) }),
    ...extraOf(rest(part, ['type', 'file_id', 'file_url', 'file_data', 'filename'])),
  };
}

const sourceOf = (url: string | undefined): MediaSource | undefined =>
  url === undefined ? undefined : (readDataUrl(url) ?? { kind: 'url', url });

function readAudio(part: JsonObject, at: string): Part {
  const audio = requiredObject(part.input_audio, `${at}.input_audio`);
  return {
    type: 'audio',
    data: requiredString(audio.data, `${at}.input_audio.data`),
    format: requiredString(audio.format, `${at}.input_audio.format`),
  };
}
