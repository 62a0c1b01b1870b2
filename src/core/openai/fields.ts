import type { CallHead, Quirks } from '../dialect.ts';
import { within } from '../edit.ts';
import { invalid, optionalObject, requiredString } from '../fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../json.ts';
import type { Fields } from '../wire.ts';

// Fields that OpenAI's Chat Completions and its Completions have in common.

export function readStop(value: Json | undefined): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return [value];
  if (!isArray(value)) throw invalid('stop', 'a string or an array of strings');
  return value.map((stop, index) => requiredString(stop, `stop[${index}]`));
}

export function patchStreamOptions(head: CallHead, quirks: Quirks, fields: Fields): { readonly stream_options?: JsonObject | undefined } {
  const own = optionalObject(fields.get('stream_options'), 'stream_options');
  if (quirks.streamUsage !== false) {
    return head.wantsUsage ? {} : { stream_options: { ...own, include_usage: true } };
  }
  if (own === undefined || !('include_usage' in own)) return {};
  const { include_usage: _, ...others } = own;
  return { stream_options: Object.keys(others).length === 0 ? undefined : others };
}

export function writeStreamOptions(own: Json | undefined, quirks: Quirks): JsonObject | undefined {
  const options = { ...(isObject(own) && own), ...(quirks.streamUsage !== false && { include_usage: true }) };
  return Object.keys(options).length === 0 ? undefined : options;
}

/** The edited choice without its `logprobs`, which repeat every token of the text that was edited away. */
export const withoutLogprobs = (before: Json, after: Json): Json => (after === before ? before : within(after, 'logprobs', () => null));
