import type { Usage } from '../../core/chat.ts';
import { asTokens, present } from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';

/** Counts of one answer as they come: cumulative, so the last one of each field wins; what is no count is refused. */
export interface Tally {
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly reasoning?: number;
}

export function tallied(before: Tally, usage: Json | undefined): Tally {
  if (!isObject(usage)) return before;
  const details = usage.output_tokens_details;
  return {
    ...before,
    ...present({
      input: asTokens(usage.input_tokens),
      output: asTokens(usage.output_tokens),
      cacheRead: asTokens(usage.cache_read_input_tokens),
      cacheWrite: asTokens(usage.cache_creation_input_tokens),
      reasoning: isObject(details) ? asTokens(details.thinking_tokens) : undefined,
    }),
  };
}

/** Canonical usage; `undefined` until both sides are known. `input_tokens` leaves out what was read from or written to the cache. */
export function usageOf({ input, output, cacheRead, cacheWrite, reasoning }: Tally): Usage | undefined {
  if (input === undefined || output === undefined) return undefined;
  return { input: input + (cacheRead ?? 0) + (cacheWrite ?? 0), output, ...present({ cacheRead, cacheWrite, reasoning }) };
}

/** Usage in this dialect; zeros where nothing is known, since clients add these numbers up. */
export function writeUsage(usage: Usage | undefined): JsonObject {
  const { input = 0, output = 0, cacheRead = 0, cacheWrite = 0, reasoning } = usage ?? {};
  return {
    input_tokens: Math.max(0, input - cacheRead - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    output_tokens: output,
    ...present({ output_tokens_details: reasoning === undefined ? undefined : { thinking_tokens: reasoning } }),
  };
}
