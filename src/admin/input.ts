import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { type Json, parseJson } from '../core/json.ts';

/** Largest body the admin API reads, in bytes. */
export const MAX_BODY = 1024 * 1024;

/**
 * A JSON body, whatever its `content-type` says; `undefined` for an empty one. The type guards nothing here: a page of
 * another origin cannot send the token. Throws `request_too_large`, `unsupported_media_type`, `invalid_json`.
 */
export async function readJson(request: Request): Promise<Json | undefined> {
  if (!/^(?:identity)?$/i.test(request.headers.get('content-encoding') ?? '')) {
    throw new GatewayError('unsupported_media_type', 'The body must not be compressed.');
  }
  const bytes = await readBytes(request.body);
  if (bytes.length === 0) return undefined;
  const value = parseJson(decode(bytes));
  if (value === undefined) throw new GatewayError('invalid_json', 'The body is not valid JSON.');
  return value;
}

/** Counts what comes in rather than trusting `content-length`. */
async function readBytes(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_BODY) throw new GatewayError('request_too_large', `The body is larger than ${MAX_BODY} bytes.`);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (cause) {
    throw new GatewayError('invalid_json', 'The body is not valid UTF-8.', { cause });
  }
}

/** Checks a query or a small body by its schema; throws `invalid_request` naming the parameter. */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const param = unknown ?? issue?.path.join('.') ?? '';
  const fault = unknown === undefined ? (issue?.message ?? 'is not valid') : 'is not known here';
  throw new GatewayError('invalid_request', param === '' ? fault : `${param}: ${fault}`, param === '' ? {} : { param });
}

/** How every list is paged. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().min(1).optional(),
};

/** A moment: milliseconds since the epoch, or a date and time as ISO 8601 writes it. */
export const moment = z.string().transform((text, context) => {
  const milliseconds = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isNaN(milliseconds)) return milliseconds;
  context.addIssue({ code: 'custom', message: 'must be milliseconds since the epoch or an ISO 8601 date' });
  return z.NEVER;
});

/** A switch in a query: present, `1` or `true` is on. */
export const flag = z
  .enum(['', '1', 'true', '0', 'false'])
  .optional()
  .transform((text) => text === '' || text === '1' || text === 'true');
