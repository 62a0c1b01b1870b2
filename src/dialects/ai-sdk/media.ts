import { decodeBase64 } from '../../core/base64.ts';
import type { MediaSource, Part } from '../../core/chat.ts';
import { invalid, optionalString, requiredString } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { WEIR } from './fields.ts';

export type Media = Extract<Part, { readonly type: 'image' | 'file' | 'audio' }>;

/** A file of any kind: a picture, sound, or a document. Its media type may be the first half of one alone. */
export function readMedia(part: JsonObject, at: string): Media {
  const said = optionalString(part.mediaType, `${at}.mediaType`) ?? '';
  const source = readData(part.data, said, `${at}.data`);
  const kind = topLevel(source.kind === 'base64' || source.kind === 'text' ? source.mediaType : said);
  if (kind === 'image') return { type: 'image', source };
  if (kind === 'audio' && source.kind === 'base64') return { type: 'audio', data: source.data, format: formatOf(source.mediaType) };
  const name = optionalString(part.filename, `${at}.filename`);
  return { type: 'file', source, ...(name !== undefined && { name }) };
}

/** Tagged in the current version, a text or an address alone in the versions before. */
function readData(data: Json | undefined, mediaType: string, at: string): MediaSource {
  if (typeof data === 'string') return readText(data, mediaType);
  if (!isObject(data)) throw invalid(at, 'an object or a string');
  switch (data.type) {
    case 'data':
      return readText(requiredString(data.data, `${at}.data`), mediaType);
    case 'url':
      return readText(requiredString(data.url, `${at}.url`), mediaType);
    case 'text':
      return { kind: 'text', mediaType: full(mediaType) ?? 'text/plain', text: requiredString(data.text, `${at}.text`) };
    case 'reference':
      return { kind: 'file', id: readReference(data.reference, `${at}.reference`) };
    default:
      throw invalid(`${at}.type`, '"data", "url", "text" or "reference"');
  }
}

/** `{openai: 'file-…'}`: a file's id at each provider that has it. The first is taken. */
function readReference(value: Json | undefined, at: string): string {
  if (typeof value === 'string') return value;
  const [id] = isObject(value) ? Object.values(value) : [];
  return requiredString(id, at);
}

/** An address, an address that holds the data (RFC 2397), or the data itself in base64. */
function readText(text: string, mediaType: string): MediaSource {
  if (/^https?:/i.test(text)) return { kind: 'url', url: text };
  const held = /^data:([^;,]*)[^,]*?;base64,/i.exec(text.slice(0, 256));
  const data = held === null ? text : text.slice(held[0].length);
  const type = full(mediaType) ?? full(held?.[1] ?? '') ?? detected(data, topLevel(mediaType)) ?? 'application/octet-stream';
  return asDocument(data, type) ?? { kind: 'base64', mediaType: type, data };
}

/** Text that came as bytes: other dialects want it as text. `undefined` where it is none. */
function asDocument(data: string, mediaType: string): MediaSource | undefined {
  const bytes = topLevel(mediaType) === 'text' ? decodeBase64(data) : undefined;
  if (bytes === undefined) return undefined;
  try {
    return { kind: 'text', mediaType, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return undefined;
  }
}

const topLevel = (mediaType: string) => mediaType.split('/', 1)[0]?.toLowerCase() ?? '';

/** A media type with both its halves; `image` and `image/*` have one. */
const full = (mediaType: string): string | undefined => (/^[^/\s]+\/[^/*\s]+/.test(mediaType) ? mediaType : undefined);

/** How files of these types begin, in base64. Source: https://www.iana.org/assignments/media-types and each format's own text. */
const BEGINNINGS: readonly (readonly [beginning: string, mediaType: string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
  ['UklGR', 'audio/wav'],
  ['SUQz', 'audio/mpeg'],
  ['//', 'audio/mpeg'],
  ['T2dnUw', 'audio/ogg'],
  ['ZkxhQw', 'audio/flac'],
  ['JVBERi', 'application/pdf'],
];

function detected(data: string, kind: string): string | undefined {
  const fits = (mediaType: string) => kind === '' || topLevel(mediaType) === kind;
  return BEGINNINGS.find(([beginning, mediaType]) => data.startsWith(beginning) && fits(mediaType))?.[1];
}

const formatOf = (mediaType: string): string => {
  const subtype = mediaType.slice(mediaType.indexOf('/') + 1).replace(/^x-/, '');
  return subtype === 'mpeg' ? 'mp3' : subtype;
};

const EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['csv', 'text/csv'],
  ['md', 'text/markdown'],
  ['mp4', 'video/mp4'],
]);

const guessed = (url: string) => EXTENSIONS.get(/\.(\w+)(?:[?#]|$)/.exec(url)?.[1]?.toLowerCase() ?? '') ?? 'application/octet-stream';

/** A file part, without its options. */
export function writeMedia(part: Media): JsonObject {
  if (part.type === 'audio') {
    const mediaType = `audio/${part.format === 'mp3' ? 'mpeg' : part.format}`;
    return { type: 'file', data: { type: 'data', data: part.data }, mediaType };
  }
  const name = part.type === 'file' ? part.name : undefined;
  return { type: 'file', ...writeSource(part), ...(name !== undefined && { filename: name }) };
}

function writeSource({ source, type }: Exclude<Media, { type: 'audio' }>): JsonObject {
  switch (source.kind) {
    case 'base64':
      return { data: { type: 'data', data: source.data }, mediaType: source.mediaType };
    case 'text':
      return { data: { type: 'text', text: source.text }, mediaType: source.mediaType };
    case 'url':
      return { data: { type: 'url', url: source.url }, mediaType: type === 'image' ? 'image/*' : guessed(source.url) };
    case 'file':
      return {
        data: { type: 'reference', reference: { [WEIR]: source.id } },
        mediaType: type === 'image' ? 'image/*' : 'application/octet-stream',
      };
  }
}

/** A part of a tool's result as a file part; the forms before the current version had one type for each kind. */
export function fileOf(item: JsonObject): JsonObject | undefined {
  const { type, data, url, fileId } = item;
  switch (type) {
    case 'file':
    case 'media':
    case 'file-data':
    case 'image-data':
      return { ...item, data: data ?? null };
    case 'file-url':
      return { ...item, data: { type: 'url', url: url ?? null }, mediaType: asString(item.mediaType) ?? guessed(asString(url) ?? '') };
    case 'image-url':
      return { ...item, data: { type: 'url', url: url ?? null }, mediaType: 'image/*' };
    case 'file-id':
      return { ...item, data: { type: 'reference', reference: fileId ?? null } };
    case 'image-file-id':
      return { ...item, data: { type: 'reference', reference: fileId ?? null }, mediaType: 'image/*' };
    default:
      return undefined;
  }
}
