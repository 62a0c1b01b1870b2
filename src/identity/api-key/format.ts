import { randomBase62, toBase62 } from '../../core/base62.ts';
import { crc32 } from '../../core/crc32.ts';

/** What a key is for: a label that people and scanners read. */
export const environments = ['live', 'dev', 'test'] as const;
export type Environment = (typeof environments)[number];

/** `weir_live_<id>_<secret><checksum>`: 16, 43 (256 bits) and 6 digits of base 62. */
const SHAPE = /^(weir_(?:live|dev|test)_([0-9A-Za-z]{16})_[0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

const encoder = new TextEncoder();

export interface NewKey {
  readonly id: string;
  /** The key itself: shown once and stored nowhere. */
  readonly key: string;
}

/** A new key; under the id of one that there is, its successor. */
export function newKey(environment: Environment, id = `key_${randomBase62(16)}`): NewKey {
  const body = `weir_${environment}_${id.slice('key_'.length)}_${randomBase62(43)}`;
  return { id, key: body + checksum(body) };
}

/** The id of a key; `undefined` where it is none, or was mistyped or cut off. */
export function idOfKey(presented: string): string | undefined {
  const [, body = '', id = '', sum] = SHAPE.exec(presented) ?? [];
  return sum !== undefined && checksum(body) === sum ? `key_${id}` : undefined;
}

/** What of a key may be shown: its beginning, up to its id. */
export const shownKey = (environment: Environment, id: string): string => `weir_${environment}_${id.slice('key_'.length)}_…`;

const checksum = (body: string): string => toBase62(crc32(encoder.encode(body)), 6);
