import type { JsonObject } from '../../core/json.ts';

/** The older name of the output limit, and a single stop sequence. */
export function spelt({ max_tokens: older, ...body }: JsonObject): JsonObject {
  const limit =
    older === undefined ? {} : body.max_completion_tokens === undefined ? { max_completion_tokens: older } : { max_tokens: older };
  return { ...body, ...limit, ...(typeof body.stop === 'string' ? { stop: [body.stop] } : {}) };
}
