import { encodeBase64 } from '../../../../core/base64.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../../../core/json.ts';
import { readBytes, readText } from '../../../../core/reader.ts';
import { failed, said, tooLarge } from '../tool-result.ts';

/** Bytes of a refusal that its caller is shown. */
const REFUSAL = 8 * 1024;

/** What a tool gives back of an answer. */
export interface Shape {
  /** Bytes of a result at most. */
  readonly most: number;
  /** Members that are kept of a JSON answer, as `items.name`; absent: all. */
  readonly keep?: readonly string[] | undefined;
}

/** The answer of an API as the result of a tool. What the API refuses is a result too: its caller may do better. */
export async function resultOf(response: Response, { most, keep }: Shape): Promise<JsonObject> {
  const type = (response.headers.get('content-type') ?? '').toLowerCase();
  if (response.status < 200 || response.status >= 300) return refusal(response);
  if (response.status === 204 || response.body === null) return said('Done. The API sent nothing back.');
  if (isText(type)) {
    const text = await readText(response, most);
    if (text === undefined) return tooLarge(most);
    return isJson(type) ? ofJson(text, keep) : said(text);
  }
  const bytes = await readBytes(response, Math.floor((most * 3) / 4));
  if (bytes === undefined) return tooLarge(most);
  return { content: [blob(bytes, type.split(';')[0]?.trim() || 'application/octet-stream')] };
}

const isJson = (type: string): boolean => /^application\/(?:[\w.+-]*\+)?json\b/.test(type);

const isText = (type: string): boolean =>
  type === '' ||
  isJson(type) ||
  type.startsWith('text/') ||
  /^application\/(?:xml|[\w.-]+\+xml|yaml|x-yaml|x-ndjson|javascript)\b/.test(type);

function ofJson(text: string, keep: readonly string[] | undefined): JsonObject {
  const value = parseJson(text);
  if (value === undefined) return said(text);
  const kept =
    keep === undefined
      ? value
      : keptOf(
          value,
          keep.map((path) => path.split('.')),
        );
  const shown = keep === undefined ? text : JSON.stringify(kept);
  // Structured results are objects (2025-06-18 to 2025-11-25 know no others).
  return isObject(kept) ? { ...said(shown), structuredContent: kept } : said(shown);
}

/** Of each object the members that a path names, and below them what its rest names; lists are gone through. */
export function keptOf(value: Json, paths: readonly (readonly string[])[]): Json {
  if (paths.some((path) => path.length === 0)) return value;
  if (isArray(value)) return value.map((each) => keptOf(each, paths));
  if (!isObject(value)) return value;
  const kept: { [name: string]: Json } = {};
  for (const [name, below] of Object.entries(value)) {
    const rest = paths.filter(([first]) => first === name || first === '*').map((path) => path.slice(1));
    if (below !== undefined && rest.length > 0) kept[name] = keptOf(below, rest);
  }
  return kept;
}

async function refusal(response: Response): Promise<JsonObject> {
  const text = await readText(response, REFUSAL).catch(() => undefined);
  const wait = response.headers.get('retry-after');
  const about = [`The API answered ${response.status}.`, ...(wait === null ? [] : [`It asks to wait: ${wait.slice(0, 64)}.`])].join(' ');
  return failed(text === undefined || text.trim() === '' ? about : `${about}\n\n${text}`);
}

function blob(bytes: Uint8Array, mimeType: string): JsonObject {
  const data = encodeBase64(bytes);
  if (mimeType.startsWith('image/')) return { type: 'image', data, mimeType };
  if (mimeType.startsWith('audio/')) return { type: 'audio', data, mimeType };
  return { type: 'resource', resource: { uri: 'weir:answer', mimeType, blob: data } };
}
