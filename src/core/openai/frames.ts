import { asString, isArray, isObject, type JsonObject, parseJson } from '../json.ts';
import type { Frame } from '../sse.ts';

// What the streams of OpenAI's Chat Completions and of its Completions have in common.

/** Stands alone in the last frame of a stream. */
export const DONE = '[DONE]';

/** `{"error": …}`; vLLM's older form is `{"object":"error", message, …}`. */
export const holdsError = (body: JsonObject): boolean =>
  isObject(body.error) || (asString(body.error) ?? '') !== '' || body.object === 'error';

/**
 * Stands in every frame with usage, a finish, an error or the end, with and without a space after the colon. Quotes
 * inside a JSON text are escaped, so what a model says matches none of the quoted ones.
 */
export const notable = /"usage": ?\{|"finish_reason": ?"|"error"|event: ?error|data: ?\[DONE\]/;

/** The chunk that `stream_options.include_usage` adds: no choices, only usage. */
export function isUsageOnly(frame: Frame): boolean {
  // Looked for in the text first: with usage asked for, every chunk of a stream holds `"usage":null`.
  if (!EMPTY_CHOICES.test(frame.text)) return false;
  const { data } = frame;
  if (data === undefined) return false;
  const body = parseJson(data);
  if (!isObject(body) || !isArray(body.choices) || body.choices.length > 0 || !isObject(body.usage)) return false;
  return !ALSO.some((field) => body[field] !== undefined && body[field] !== null);
}

const EMPTY_CHOICES = /"choices": ?\[ ?\]/;

/** What a vendor may put into a chunk without choices that a client has use for. */
const ALSO = ['error', 'prompt_filter_results', 'citations', 'search_results'];
