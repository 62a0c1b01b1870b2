import type { Usage } from '../../core/chat.ts';
import { asTokens, present } from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';

/**
 * `billed_units` are what the vendor charges for: the caller's own tokens. `tokens` also count what the vendor puts
 * around them, which stands at the front of the prompt, so that what was cached of the prompt was that first.
 * Source: https://docs.cohere.com/docs/rate-limits and https://docs.cohere.com/reference/chat
 */
export function readUsage(value: Json | undefined): Usage | undefined {
  if (!isObject(value)) return undefined;
  const billed = counts(value.billed_units);
  const all = counts(value.tokens);
  const { input, output } = billed ?? all ?? {};
  if (input === undefined || output === undefined) return undefined;
  const around = Math.max(0, (all?.input ?? input) - input);
  const cached = asTokens(value.cached_tokens);
  const cacheRead = cached === undefined ? undefined : Math.max(0, cached - around);
  return { input, output, ...present({ cacheRead: cacheRead !== undefined && cacheRead <= input ? cacheRead : undefined }) };
}

function counts(value: Json | undefined): { readonly input: number; readonly output: number } | undefined {
  const input = isObject(value) ? asTokens(value.input_tokens) : undefined;
  const output = isObject(value) ? asTokens(value.output_tokens) : undefined;
  return input === undefined || output === undefined ? undefined : { input, output };
}

export function writeUsage({ input, output, cacheRead }: Usage): JsonObject {
  const both = { input_tokens: input, output_tokens: output };
  return { billed_units: both, tokens: both, ...present({ cached_tokens: cacheRead }) };
}
