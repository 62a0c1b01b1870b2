import { decodeBase64, encodeBase64 } from '../../core/base64.ts';
import type { MediaSource, Part } from '../../core/chat.ts';
import { optionalString, present, requiredString, rest } from '../../core/fields.ts';
import type { JsonObject } from '../../core/json.ts';
import { extraOf, optionalMessage } from './fields.ts';

/** What stands beside a part's data and has no place in the canonical form, `thoughtSignature` among it: pictures are signed too. */
type Beside = JsonObject | undefined;

/** `inlineData`: bytes in the call itself. `undefined` where they are not of a kind that the canonical form has. */
export function readInlineData(value: JsonObject, beside: Beside, at: string): Part | undefined {
  const blob = optionalMessage(value, at) ?? {};
  const mediaType = requiredString(blob.mimeType, `${at}.mimeType`);
  const data = requiredString(blob.data, `${at}.data`);
  const name = optionalString(blob.displayName, `${at}.displayName`);
  if (mediaType.startsWith('audio/')) {
    const isPlain = beside === undefined && name === undefined && /^audio\/[\w.+-]+$/.test(mediaType);
    return isPlain ? { type: 'audio', data, format: mediaType.slice('audio/'.length) } : undefined;
  }
  const source = readText(mediaType, data) ?? { kind: 'base64' as const, mediaType, data };
  const type = mediaType.startsWith('image/') ? ('image' as const) : ('file' as const);
  return { type, source, ...(type === 'file' ? present({ name }) : {}), ...extraOf(beside) };
}

/** Text that came as bytes: other dialects want it as text. `undefined` where the bytes are not UTF-8. */
function readText(mediaType: string, data: string): MediaSource | undefined {
  const bytes = mediaType.startsWith('text/') ? decodeBase64(data) : undefined;
  if (bytes === undefined) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { kind: 'text', mediaType, text };
  } catch {
    return undefined;
  }
}

/** `fileData`: a file by its address, which is one of Google's own stores unless it is a plain web address. */
export function readFileData(value: JsonObject, beside: Beside, at: string): Part {
  const file = optionalMessage(value, at) ?? {};
  const uri = requiredString(file.fileUri, `${at}.fileUri`);
  const mediaType = optionalString(file.mimeType, `${at}.mimeType`) ?? '';
  const source: MediaSource = isWebAddress(uri) ? { kind: 'url', url: uri } : { kind: 'file', id: uri };
  const usual = guessMediaType(uri) ?? UNGUESSED_IMAGE;
  const left = { ...beside, ...(mediaType === '' || mediaType === usual ? {} : { mimeType: mediaType }), ...rest(file, FILE_FIELDS) };
  const extra = extraOf(Object.keys(left).length === 0 ? undefined : left);
  const name = optionalString(file.displayName, `${at}.displayName`);
  const isImage = (mediaType === '' ? (guessMediaType(uri) ?? '') : mediaType).startsWith('image/');
  return isImage ? { type: 'image', source, ...extra } : { type: 'file', source, ...present({ name }), ...extra };
}

/** What an image is taken for whose address does not say. */
const UNGUESSED_IMAGE = 'image/jpeg';
const FILE_FIELDS = ['fileUri', 'mimeType', 'displayName'];

const isWebAddress = (uri: string) => /^https?:\/\//.test(uri) && !/^https:\/\/generativelanguage\.googleapis\.com\//.test(uri);

const MEDIA_TYPES: ReadonlyMap<string, string> = new Map([
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['webp', 'image/webp'],
  ['gif', 'image/gif'],
  ['heic', 'image/heic'],
  ['heif', 'image/heif'],
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['mp3', 'audio/mp3'],
  ['wav', 'audio/wav'],
  ['mp4', 'video/mp4'],
]);

const guessMediaType = (uri: string) => MEDIA_TYPES.get(/\.(\w+)(?:[?#]|$)/.exec(uri)?.[1]?.toLowerCase() ?? '');

interface Media {
  readonly type: 'image' | 'file';
  readonly source: MediaSource;
  readonly name?: string;
}

/** The part of a source; `type` decides the media type of an address that does not show its own. */
export function writeSource({ source, type, name }: Media, mimeType?: string): JsonObject {
  const displayName = present({ displayName: name });
  switch (source.kind) {
    case 'base64':
      return { inlineData: { mimeType: source.mediaType, data: source.data, ...displayName } };
    case 'text': {
      const data = encodeBase64(new TextEncoder().encode(source.text));
      return { inlineData: { mimeType: source.mediaType, data, ...displayName } };
    }
    case 'url':
    case 'file': {
      const fileUri = source.kind === 'url' ? source.url : source.id;
      const known = mimeType ?? guessMediaType(fileUri) ?? (type === 'image' ? UNGUESSED_IMAGE : undefined);
      return { fileData: { fileUri, ...present({ mimeType: known }), ...displayName } };
    }
  }
}
