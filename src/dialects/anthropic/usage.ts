import type { Usage } from '../../core/chat.ts';
import { asTokens, present } from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';

/** Counts of one answer as they come: cumulative, so the last one of each field wins; what is no count is refused. */
export interface Tally {
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly cacheWrite1h?: number;
  readonly reasoning?: number;
  readonly searches?: number;
}

export function tallied(before: Tally, usage: Json | undefined): Tally {
  if (!isObject(usage)) return before;
  const { output_tokens_details: details, cache_creation: written, server_tool_use: served } = usage;
  return {
    ...before,
    ...present({
      input: asTokens(usage.input_tokens),
      output: asTokens(usage.output_tokens),
      cacheRead: asTokens(usage.cache_read_input_tokens),
      cacheWrite: asTokens(usage.cache_creation_input_tokens),
      cacheWrite1h: isObject(written) ? asTokens(written.ephemeral_1h_input_tokens) : undefined,
      reasoning: isObject(details) ? asTokens(details.thinking_tokens) : undefined,
      searches: isObject(served) ? asTokens(served.web_search_requests) : undefined,
    }),
  };
}

/** Canonical usage; `undefined` until both sides are known. `input_tokens` leaves out what was read from or written to the cache. */
export function usageOf({ input, output, cacheRead, cacheWrite, cacheWrite1h, reasoning, searches }: Tally): Usage | undefined {
  if (input === undefined || output === undefined) return undefined;
  const hour = cacheWrite1h !== undefined && cacheWrite1h <= (cacheWrite ?? 0) ? cacheWrite1h : 0;
  return {
    input: input + (cacheRead ?? 0) + (cacheWrite ?? 0),
    output,
    // Every answer counts both kinds of what hardly any answer has.
    ...present({ cacheRead, cacheWrite, cacheWrite1h: hour || undefined, reasoning, searches: searches || undefined }),
  };
}

/** Usage in this dialect; zeros where nothing is known, since clients add these numbers up. */
export function writeUsage(usage: Usage | undefined): JsonObject {
  const { input = 0, output = 0, cacheRead = 0, cacheWrite = 0, cacheWrite1h, reasoning, searches } = usage ?? {};
  return {
    input_tokens: Math.max(0, input - cacheRead - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    output_tokens: output,
    ...(cacheWrite1h !== undefined && {
      cache_creation: { ephemeral_5m_input_tokens: cacheWrite - cacheWrite1h, ephemeral_1h_input_tokens: cacheWrite1h },
    }),
    ...(reasoning !== undefined && { output_tokens_details: { thinking_tokens: reasoning } }),
    ...(searches !== undefined && { server_tool_use: { web_search_requests: searches, web_fetch_requests: 0 } }),
  };
}
