import { isObject, type JsonObject } from '../../core/json.ts';
import { withLimit } from '../../core/output-limit.ts';

/** The budget for thinking is part of `max_tokens` and must stay below it. Source: docs.claude.com, "Extended thinking". */
export function limitOutput(body: JsonObject, tokens: number): JsonObject | undefined {
  const { thinking } = body;
  const budget = isObject(thinking) && typeof thinking.budget_tokens === 'number' ? thinking.budget_tokens : 0;
  return budget < tokens ? withLimit(body, ['max_tokens'], tokens) : undefined;
}
