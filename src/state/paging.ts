import { GatewayError } from '../core/errors.ts';
import { parseJson } from '../core/json.ts';

export interface PageRequest {
  /** Most items of one page. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

/** One page of a list, newest first. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; `null` on the last page. */
  readonly next: string | null;
}

type Kind = 'number' | 'string';
type Position<Kinds extends readonly Kind[]> = { -readonly [K in keyof Kinds]: Kinds[K] extends 'number' ? number : string };

/** Makes a page of one row more than fits, which says whether there is a next. `position` is what the order goes by. */
export function pageOf<T>(rows: readonly T[], limit: number, position: (row: T) => readonly (string | number)[]): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? writeCursor(position(last)) : null };
}

/** The position a cursor stands for; `undefined` without one. Throws `invalid_request` on what no page gave out. */
export function readCursor<const Kinds extends readonly Kind[]>(cursor: string | undefined, kinds: Kinds): Position<Kinds> | undefined {
  if (cursor === undefined) return undefined;
  const position = decode(cursor);
  if (!isPosition(position, kinds)) {
    throw new GatewayError('invalid_request', 'The cursor is not one that a page of this list gave as `next`.', { param: 'cursor' });
  }
  return position;
}

function isPosition<const Kinds extends readonly Kind[]>(value: unknown, kinds: Kinds): value is Position<Kinds> {
  return Array.isArray(value) && value.length === kinds.length && kinds.every((kind, index) => typeof value[index] === kind);
}

/** Base64url of JSON, with text escaped to ASCII first. */
function writeCursor(position: readonly (string | number)[]): string {
  const text = encodeURIComponent(JSON.stringify(position));
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function decode(cursor: string): unknown {
  try {
    return parseJson(decodeURIComponent(atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))));
  } catch {
    return undefined;
  }
}
