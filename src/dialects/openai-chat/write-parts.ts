import type { MediaSource, Part } from '../../core/chat.ts';
import { writeDataUrl } from '../../core/data-url.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID } from './fields.ts';

/** What a message of a role can hold; `undefined` from a writer, or no writer at all, means that it cannot be said there. */
type PartWriters = { readonly [T in Part['type']]?: (part: Extract<Part, { type: T }>, loss: Set<string>) => JsonObject | undefined };

/** System, developer, assistant and tool messages hold text only. */
export const textOnly: PartWriters = { text: writeText, raw: writeRaw };

export const userParts: PartWriters = { text: writeText, image: writeImage, file: writeFile, audio: writeAudio, raw: writeRaw };

/** The content of a message: a plain string where it is one text, since many vendors know nothing else. */
export function writeParts(parts: readonly Part[], writers: PartWriters, loss: Set<string>): Json {
  const written = parts.flatMap<JsonObject>((part) => writePart(part, writers, loss) ?? []);
  if (written.length === 0) return '';
  const [only] = written;
  const text = written.length === 1 && only?.type === 'text' ? asString(only.text) : undefined;
  return text ?? written;
}

function writePart(part: Part, writers: PartWriters, loss: Set<string>): JsonObject | undefined {
  noteExtras(part, loss);
  const written = writeOne(part, writers, loss);
  if (written === undefined) loss.add(nameOf(part));
  return written;
}

function writeOne(part: Part, writers: PartWriters, loss: Set<string>): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return writers.text?.(part, loss);
    case 'image':
      return writers.image?.(part, loss);
    case 'file':
      return writers.file?.(part, loss);
    case 'audio':
      return writers.audio?.(part, loss);
    case 'raw':
      return writers.raw?.(part, loss);
    default:
      return undefined;
  }
}

/** How a part that could not be said is named to the caller. */
export const nameOf = (part: Part): string =>
  part.type === 'raw' ? `messages.${(isObject(part.value) && asString(part.value.type)) || 'raw'}` : `messages.${part.type}`;

/** OpenAI caches prompts by itself and its parts have no further fields: it refuses those it does not know. */
export function noteExtras(part: Part, loss: Set<string>): void {
  if ('cache' in part && part.cache !== undefined) loss.add('cache_control');
  if ('citations' in part && part.citations !== undefined) loss.add('messages.citations');
  if ('extra' in part && isObject(part.extra)) {
    for (const fields of Object.values(part.extra)) {
      for (const name of isObject(fields) ? Object.keys(fields) : []) loss.add(`messages.${name}`);
    }
  }
}

function writeText(part: { readonly text: string }): JsonObject {
  return { type: 'text', text: part.text };
}

function writeImage(part: { readonly source: MediaSource; readonly detail?: string }): JsonObject | undefined {
  const { source, detail } = part;
  if (source.kind === 'url') return { type: 'image_url', image_url: { url: source.url, detail } };
  if (source.kind !== 'base64') return undefined;
  return { type: 'image_url', image_url: { url: writeDataUrl(source.mediaType, source.data), detail } };
}

function writeFile(part: { readonly source: MediaSource; readonly name?: string }, loss: Set<string>): JsonObject | undefined {
  const { source, name } = part;
  switch (source.kind) {
    case 'file':
      return { type: 'file', file: { file_id: source.id, filename: name } };
    case 'base64':
      // The API asks for a name with the data, and judges the format by its ending.
      return {
        type: 'file',
        file: { filename: name ?? defaultName(source.mediaType), file_data: writeDataUrl(source.mediaType, source.data) },
      };
    case 'text':
      loss.add('messages.file');
      return { type: 'text', text: source.text };
    case 'url':
      return undefined;
  }
}

const defaultName = (mediaType: string) => `file.${/^[a-z]+\/([a-z0-9]{1,8})\b/.exec(mediaType)?.[1] ?? 'bin'}`;

function writeAudio(part: { readonly data: string; readonly format: string }): JsonObject {
  return { type: 'input_audio', input_audio: { data: part.data, format: part.format } };
}

function writeRaw(part: { readonly dialect: string; readonly value: Json }): JsonObject | undefined {
  return part.dialect === ID && isObject(part.value) ? part.value : undefined;
}
