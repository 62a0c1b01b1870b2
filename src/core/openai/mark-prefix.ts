import type { JsonObject } from '../json.ts';
import { isArray, isObject, type Json } from '../json.ts';
import { leastTokens, PrefixLength, type PrefixMarks } from '../prompt-cache.ts';

/** Roles whose messages say the same in every conversation. */
const INSTRUCTING: ReadonlySet<string> = new Set(['system', 'developer']);

/**
 * A key by which calls that begin alike come to the same machine, since only there is their beginning kept. Of the tools
 * and the instructions, where those are long enough to be kept by themselves: then all conversations share them. Where they
 * are not, of the first words of the user too: then only the turns of one conversation begin alike.
 * Source: https://platform.openai.com/docs/guides/prompt-caching
 */
export function keyed(body: JsonObject, turns: Json | undefined, { model, quirks, keyFor }: PrefixMarks): JsonObject {
  if (quirks.promptCacheKey !== true || (body.prompt_cache_key !== undefined && body.prompt_cache_key !== null)) return body;
  const items = isArray(turns) ? turns : [];
  const first = items.findIndex((item) => !isObject(item) || !INSTRUCTING.has(String(item.role)));
  const leading = first < 0 ? items : items.slice(0, first);
  const shared = [body.tools ?? null, body.instructions ?? null, ...leading];
  const length = new PrefixLength(leastTokens(model));
  for (const part of shared) length.value(part);
  const beginning = length.isEnough ? shared : [...shared, typeof turns === 'string' ? turns : (items[first] ?? null)];
  return { ...body, prompt_cache_key: keyFor(JSON.stringify(beginning)) };
}
