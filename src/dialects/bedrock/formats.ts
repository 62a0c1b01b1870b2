/** Formats of documents, images, videos and sounds by media type. Source: API reference, `DocumentBlock`, `ImageBlock`, `VideoBlock`, `AudioBlock`. */
const DOCUMENTS = new Map([
  ['application/pdf', 'pdf'],
  ['text/csv', 'csv'],
  ['application/msword', 'doc'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
  ['application/vnd.ms-excel', 'xls'],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
  ['text/html', 'html'],
  ['text/plain', 'txt'],
  ['text/markdown', 'md'],
]);

const VIDEOS = new Map([
  ['video/mp4', 'mp4'],
  ['video/quicktime', 'mov'],
  ['video/x-matroska', 'mkv'],
  ['video/webm', 'webm'],
  ['video/x-flv', 'flv'],
  ['video/mpeg', 'mpeg'],
  ['video/mpg', 'mpg'],
  ['video/x-ms-wmv', 'wmv'],
  ['video/3gpp', 'three_gp'],
]);

const inverse = (formats: ReadonlyMap<string, string>) => new Map([...formats].map(([type, format]) => [format, type]));
const DOCUMENT_TYPES = inverse(DOCUMENTS);
const VIDEO_TYPES = inverse(VIDEOS);

/** Media types may carry parameters, `text/plain; charset=utf-8`, which the API has no place for. */
const bare = (mediaType: string) => mediaType.split(';', 1)[0]?.trim().toLowerCase() ?? '';

/** Text of a kind that has no format of its own is plain text; `undefined` for what is neither known nor text. */
export function documentFormat(mediaType: string): string | undefined {
  const type = bare(mediaType);
  return DOCUMENTS.get(type) ?? (type.startsWith('text/') || type === 'application/json' ? 'txt' : undefined);
}

export const videoFormat = (mediaType: string) => VIDEOS.get(bare(mediaType));
export const documentType = (format: string) => DOCUMENT_TYPES.get(format);
export const videoType = (format: string) => VIDEO_TYPES.get(format);

/** `image/png` → `png`. What the API does not know it refuses by name. */
export const imageFormat = (mediaType: string) =>
  bare(mediaType)
    .replace(/^image\//, '')
    .replace(/^jpg$/, 'jpeg');
export const imageType = (format: string) => `image/${format}`;
