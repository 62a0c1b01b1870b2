import type { MediaSource, Part, Signed } from '../../core/chat.ts';
import { writeDataUrl } from '../../core/data-url.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';

/** What is said to the model and what it said have different types of parts. */
export type Side = 'input' | 'output';

/** The content of a message or the output of a tool: a plain string where it is one text, since many vendors know little else. */
export function writeContent(parts: readonly Part[], side: Side, loss: Set<string>): Json {
  const written = parts.flatMap<JsonObject>((part) => writePart(part, side, loss) ?? []);
  if (written.length === 0) return '';
  const [only] = written;
  const isPlain = written.length === 1 && only !== undefined && Object.keys(only).length === 2 && only.type === `${side}_text`;
  return (isPlain ? asString(only.text) : undefined) ?? written;
}

export function writePart(part: Part, side: Side, loss: Set<string>): JsonObject | undefined {
  const written = writeOne(part, side, loss);
  if (written === undefined) loss.add(nameOf(part));
  return written;
}

function writeOne(part: Part, side: Side, loss: Set<string>): JsonObject | undefined {
  if ('cache' in part && part.cache !== undefined) loss.add('cache_control');
  const extra = (own: JsonObject | undefined) => ownExtra(own, 'messages.', loss);
  switch (part.type) {
    case 'text':
      noteSignature(part, loss);
      if (part.citations !== undefined) loss.add('messages.citations');
      return { ...splitExtra(extra(part.extra)).ofPart, type: `${side}_text`, text: part.text };
    case 'refusal':
      return side === 'output' ? { type: 'refusal', refusal: part.text } : undefined;
    case 'raw':
      return part.dialect === ID && isObject(part.value) ? part.value : undefined;
    case 'image':
      return side === 'input' ? withExtra(writeImage(part.source, part.detail), extra(part.extra)) : undefined;
    case 'file':
      return side === 'input' ? withExtra(writeFile(part.source, part.name, loss), extra(part.extra)) : undefined;
    case 'audio':
      return side === 'input' ? { type: 'input_audio', input_audio: { data: part.data, format: part.format } } : undefined;
    default:
      return undefined;
  }
}

/** A signature has a field of its own only where it is a reasoning item's. */
export function noteSignature({ signature }: Signed, loss: Set<string>): void {
  if (signature !== undefined) loss.add('thinking.signature');
}

/** Fields of a text; all others that stand with one are its message's (`phase`). */
const OF_PART = new Set(['annotations', 'prompt_cache_breakpoint']);

export function splitExtra(extra: JsonObject): { readonly ofPart: JsonObject; readonly ofMessage: JsonObject } {
  const entries = Object.entries(extra);
  return {
    ofPart: Object.fromEntries(entries.filter(([name]) => OF_PART.has(name))),
    ofMessage: Object.fromEntries(entries.filter(([name]) => !OF_PART.has(name))),
  };
}

/** How a part that could not be said is named to the caller. */
export const nameOf = (part: Part): string =>
  part.type === 'raw' ? `messages.${(isObject(part.value) && asString(part.value.type)) || 'raw'}` : `messages.${part.type}`;

const withExtra = (written: JsonObject | undefined, extra: JsonObject): JsonObject | undefined =>
  written === undefined ? undefined : { ...extra, ...written };

function writeImage(source: MediaSource, detail: string | undefined): JsonObject | undefined {
  const asked = detail === undefined ? {} : { detail };
  switch (source.kind) {
    case 'url':
      return { type: 'input_image', image_url: source.url, ...asked };
    case 'base64':
      return { type: 'input_image', image_url: writeDataUrl(source.mediaType, source.data), ...asked };
    case 'file':
      return { type: 'input_image', file_id: source.id, ...asked };
    case 'text':
      return undefined;
  }
}

function writeFile(source: MediaSource, name: string | undefined, loss: Set<string>): JsonObject {
  const named = name === undefined ? {} : { filename: name };
  switch (source.kind) {
    case 'url':
      return { type: 'input_file', file_url: source.url, ...named };
    case 'base64':
      // The API asks for a name with the data, and judges the format by its ending.
      return {
        type: 'input_file',
        filename: name ?? defaultName(source.mediaType),
        file_data: writeDataUrl(source.mediaType, source.data),
      };
    case 'file':
      return { type: 'input_file', file_id: source.id, ...named };
    case 'text':
      loss.add('messages.file');
      return { type: 'input_text', text: source.text };
  }
}

const defaultName = (mediaType: string) => `file.${/^[a-z]+\/([a-z0-9]{1,8})\b/.exec(mediaType)?.[1] ?? 'bin'}`;
