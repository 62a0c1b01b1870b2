import type { ChatChunk } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ArgumentsText } from './args.ts';
import { ID } from './fields.ts';

/** What is known of an answer while it is read. */
export interface Reading {
  started: boolean;
  over: boolean;
  /** Tells the ids made for the calls of this answer from those of others. */
  seed: string;
  parts: number;
  calls: number;
  searches: number;
  blocked: string | undefined;
  readonly candidates: Map<number, Candidate>;
  /** Facts that only this dialect has, as they were said last: most come again with every event. */
  readonly said: Map<string, string>;
}

/** One alternative answer while it is read. */
export interface Candidate {
  /** The text or thought that the next piece continues. */
  open: { readonly type: 'text' | 'thinking'; readonly part: number } | undefined;
  /** The call whose arguments are streamed. */
  streamed: { readonly part: number; readonly args: ArgumentsText } | undefined;
  hasCalls: boolean;
  /** Why it ended, in the vendor's word. */
  word: string | undefined;
}

/** Facts that only this dialect has, each with the place it stands at; what was said just so before is not said again. */
export function raws(
  reading: Reading,
  object: JsonObject,
  read: ReadonlySet<string>,
  at: readonly string[],
  name: string,
): readonly ChatChunk[] {
  return Object.entries(object).flatMap(([field, value]): readonly ChatChunk[] => {
    if (read.has(field) || value === undefined || value === null) return [];
    const text = JSON.stringify(value);
    const place = [...at, field].join('.');
    if (reading.said.get(place) === text) return [];
    reading.said.set(place, text);
    return [{ type: 'raw', dialect: ID, name: `${name}${field}`, value: { at, fields: { [field]: value } } }];
  });
}
