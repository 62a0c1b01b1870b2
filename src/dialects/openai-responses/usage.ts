import type { Usage } from '../../core/chat.ts';
import { asTokens, present } from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';

const part = (whole: Json | undefined, name: string): number | undefined => (isObject(whole) ? asTokens(whole[name]) : undefined);
const within = (value: number | undefined, whole: number) => (value !== undefined && value <= whole ? value : undefined);

/** The usage of a response; `undefined` where there is none and where the numbers cannot be believed. */
export function usageOf(response: JsonObject): Usage | undefined {
  const { usage } = response;
  if (!isObject(usage)) return undefined;
  const input = asTokens(usage.input_tokens);
  const spoken = asTokens(usage.output_tokens);
  if (input === undefined || spoken === undefined) return undefined;
  const { input_tokens_details: read, output_tokens_details: said } = usage;
  const reasoning = part(said, 'reasoning_tokens');
  return {
    input,
    output: outputOf(input, spoken, asTokens(usage.total_tokens), reasoning),
    ...present({
      cacheRead: within(part(read, 'cached_tokens'), input),
      cacheWrite: within(part(read, 'cache_write_tokens'), input),
      reasoning,
      searches: searchesOf(response),
    }),
  };
}

/** Output includes reasoning, as OpenAI counts; where a vendor leaves it out, the total or reasoning beyond the output shows it. */
function outputOf(input: number, spoken: number, total: number | undefined, reasoning = 0): number {
  if (total !== undefined && total > input + spoken) return total - input;
  return reasoning > spoken ? spoken + reasoning : spoken;
}

/** Searches the vendor made, where it counts them: none is nothing to say. */
function searchesOf({ tool_usage: tools }: JsonObject): number | undefined {
  return (isObject(tools) ? part(tools.web_search, 'num_requests') : undefined) || undefined;
}

/** Both details are required, whatever is known of them. */
export function writeUsage({ input, output, cacheRead = 0, cacheWrite = 0, reasoning = 0 }: Usage): JsonObject {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cacheRead, cache_write_tokens: cacheWrite },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}
