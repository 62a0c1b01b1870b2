import { isObject, type JsonObject } from '../../core/json.ts';
import { withLimit } from '../../core/output-limit.ts';

/** Claude's budget for thinking, among the fields of the model's own, must stay below `maxTokens`. */
export function limitOutput(body: JsonObject, tokens: number): JsonObject | undefined {
  const { additionalModelRequestFields: additional } = body;
  const thinking = isObject(additional) ? additional.thinking : undefined;
  const budget = isObject(thinking) && typeof thinking.budget_tokens === 'number' ? thinking.budget_tokens : 0;
  return budget < tokens ? withLimit(body, ['inferenceConfig', 'maxTokens'], tokens) : undefined;
}
