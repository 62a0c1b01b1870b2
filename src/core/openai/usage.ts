import type { Usage } from '../chat.ts';
import { asTokens, present } from '../fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../json.ts';

const part = (whole: Json | undefined, name: string): number | undefined => (isObject(whole) ? asTokens(whole[name]) : undefined);

/**
 * The usage of a chunk or an answer: in `usage`; in `x_groq.usage` (Groq's older streams); in the choice (Moonshot).
 * `undefined` where there is none and where the numbers cannot be believed.
 */
export function usageOf(body: JsonObject): Usage | undefined {
  const own = readUsage(body.usage);
  if (own !== undefined) return own;
  const groq = isObject(body.x_groq) ? readUsage(body.x_groq.usage) : undefined;
  if (groq !== undefined) return groq;
  const first = isArray(body.choices) ? body.choices[0] : undefined;
  return isObject(first) ? readUsage(first.usage) : undefined;
}

/** Input includes what was cached, as OpenAI counts; output includes reasoning, as OpenAI counts and some others do not. */
export function readUsage(value: Json | undefined): Usage | undefined {
  if (!isObject(value)) return undefined;
  const input = asTokens(value.prompt_tokens);
  const completion = asTokens(value.completion_tokens);
  if (input === undefined || completion === undefined) return undefined;
  const reasoning = part(value.completion_tokens_details, 'reasoning_tokens') ?? asTokens(value.reasoning_tokens);
  const details = value.prompt_tokens_details;
  const cacheRead = part(details, 'cached_tokens') ?? asTokens(value.prompt_cache_hit_tokens) ?? asTokens(value.cached_tokens);
  const cacheWrite = part(details, 'cache_write_tokens') ?? part(details, 'cache_creation_input_tokens');
  const output = outputOf(input, completion, asTokens(value.total_tokens), reasoning);
  return {
    input,
    output,
    ...present({ cacheRead: within(cacheRead, input), cacheWrite: within(cacheWrite, input), reasoning: within(reasoning, output) }),
  };
}

/**
 * xAI, and Gemini's OpenAI form, leave reasoning out of `completion_tokens` and count it in `total_tokens`. Where there
 * is no total, reasoning beyond the completion shows the same; a total that is only the two others denies it.
 */
function outputOf(input: number, completion: number, total: number | undefined, reasoning = 0): number {
  if (total !== undefined) return Math.max(completion, total - input);
  return reasoning > completion ? completion + reasoning : completion;
}

const within = (count: number | undefined, whole: number) => (count !== undefined && count <= whole ? count : undefined);

export function writeUsage(usage: Usage): JsonObject {
  const { input, output, cacheRead, cacheWrite, reasoning } = usage;
  const cached = present({ cached_tokens: cacheRead, cache_write_tokens: cacheWrite });
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    ...(Object.keys(cached).length > 0 && { prompt_tokens_details: cached }),
    ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
  };
}
