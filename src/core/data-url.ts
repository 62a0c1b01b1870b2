import type { MediaSource } from './chat.ts';

/** A `data:` URL as its bytes (RFC 2397), `undefined` for any other URL and for data that is not base64. */
export function readDataUrl(url: string): (MediaSource & { kind: 'base64' }) | undefined {
  const comma = url.indexOf(',');
  if (!url.startsWith('data:') || comma < 0) return undefined;
  const head = url.slice('data:'.length, comma);
  if (!head.endsWith(';base64') || head.startsWith(';')) return undefined;
  return { kind: 'base64', mediaType: head.slice(0, -';base64'.length), data: url.slice(comma + 1) };
}

export const writeDataUrl = (mediaType: string, data: string): string => `data:${mediaType};base64,${data}`;
