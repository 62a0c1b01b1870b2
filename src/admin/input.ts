import { z } from 'zod';
import { type Problem, Problems, scan } from '../config/problems.ts';
import { GatewayError } from '../core/errors.ts';
import { type Json, parseJson } from '../core/json.ts';
import { readBytes } from '../core/reader.ts';

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
  const bytes = await readBytes(request, MAX_BODY);
  if (bytes === undefined) throw new GatewayError('request_too_large', `The body is larger than ${MAX_BODY} bytes.`);
  if (bytes.length === 0) return undefined;
  const value = parseJson(decode(bytes));
  if (value === undefined) throw new GatewayError('invalid_json', 'The body is not valid JSON.');
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (cause) {
    throw new GatewayError('invalid_json', 'The body is not valid UTF-8.', { cause });
  }
}

/** Checks a query or a body by its schema; throws `invalid_request` naming every fault by its path. */
export function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const problems = new Problems();
  scan(value, problems);
  if (problems.list.length > 0) throw invalid(problems.list);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  problems.addIssues([], result.error.issues);
  throw invalid(problems.list);
}

/** `invalid_request` with every fault; the first one is the message. */
export function invalid(problems: readonly Problem[]): GatewayError {
  const [first] = problems;
  const path = first?.path ?? '';
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const message = `${path === '' ? '' : `${path}: `}${first?.message ?? 'is not valid'}${more}`;
  return new GatewayError('invalid_request', message, { ...(path === '' ? {} : { param: path }), problems });
}

/** How every list is paged. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().min(1).optional(),
};

/** What every list answers. */
export const pageShape = (item: z.ZodType) =>
  z.object({ items: z.array(item), next: z.string().nullable().describe('The cursor of the next page; null on the last.') });

/** What is listed where a filter means nobody. */
export const EMPTY_PAGE = { items: [], next: null };

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

/** As `flag`, where absent is neither on nor off. */
export const switched = z.enum(['1', 'true', '0', 'false']).transform((text) => text === '1' || text === 'true');
