import type { Usage } from '../../core/chat.ts';
import { asTokens, present } from '../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/**
 * Canonical usage; `undefined` where either side is missing. `inputTokens` leaves out what was read from or written to
 * the cache; `totalTokens` counts it. Source: API reference, `TokenUsage`.
 */
export function usageOf(counts: Json | undefined): Usage | undefined {
  if (!isObject(counts)) return undefined;
  const input = asTokens(counts.inputTokens);
  const output = asTokens(counts.outputTokens);
  if (input === undefined || output === undefined) return undefined;
  const cacheRead = asTokens(counts.cacheReadInputTokens);
  const cacheWrite = asTokens(counts.cacheWriteInputTokens);
  return {
    input: input + (cacheRead ?? 0) + (cacheWrite ?? 0),
    output,
    ...present({ cacheRead, cacheWrite, cacheWrite1h: cacheWrite === undefined ? undefined : hourOf(counts.cacheDetails, cacheWrite) }),
  };
}

/** Of what was written to the cache, what is to live for an hour. */
function hourOf(details: Json | undefined, written: number): number | undefined {
  const hour = isArray(details) ? details.find((detail) => isObject(detail) && detail.ttl === '1h') : undefined;
  const tokens = isObject(hour) ? asTokens(hour.inputTokens) : undefined;
  return tokens !== undefined && tokens <= written ? tokens : undefined;
}

/** Usage in this dialect; zeros where nothing is known, since clients add these numbers up. It has no word for reasoning. */
export function writeUsage(usage: Usage | undefined, loss: Set<string>): JsonObject {
  const { input = 0, output = 0, cacheRead, cacheWrite, cacheWrite1h, reasoning = 0 } = usage ?? {};
  if (reasoning > 0) loss.add('usage.reasoning_tokens');
  const hour = cacheWrite1h ?? 0;
  const details = [
    { ttl: '1h', inputTokens: hour },
    { ttl: '5m', inputTokens: (cacheWrite ?? 0) - hour },
  ].filter(({ inputTokens }) => inputTokens > 0);
  return {
    inputTokens: Math.max(0, input - (cacheRead ?? 0) - (cacheWrite ?? 0)),
    outputTokens: output,
    totalTokens: input + output,
    ...present({
      cacheReadInputTokens: cacheRead,
      cacheWriteInputTokens: cacheWrite,
      cacheDetails: cacheWrite1h === undefined ? undefined : details,
    }),
  };
}
