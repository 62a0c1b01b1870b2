import type { Chat } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import type { JsonObject } from '../../core/json.ts';
import { ID } from './fields.ts';

/** Models that take a budget in tokens; later ones take a level, and a budget for old clients' sake. */
const takesBudget = (model: string) => /gemini-[12]\b/.test(model);
/** Models that always think. */
const alwaysThinks = (model: string) => /gemini-[\d.]+-pro/.test(model);

/** What an effort is in tokens, as the vendor's own OpenAI form has it: https://ai.google.dev/gemini-api/docs/openai */
const BUDGETS: ReadonlyMap<string, number> = new Map([
  ['none', 0],
  ['minimal', 1024],
  ['low', 1024],
  ['medium', 8192],
  ['high', 24_576],
  ['xhigh', 24_576],
  ['max', 24_576],
]);
const LEVELS: ReadonlyMap<string, string> = new Map([
  ['none', 'minimal'],
  ['minimal', 'minimal'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'high'],
  ['max', 'high'],
]);

/**
 * `thinkingConfig`, `undefined` where nothing is asked for. Callers of other dialects who ask for reasoning are shown it.
 * Source: https://ai.google.dev/gemini-api/docs/thinking
 */
export function writeThinking({ reasoning, model, extra }: Chat, loss: Set<string>): JsonObject | undefined {
  if (reasoning === undefined) return undefined;
  const { mode, effort, budgetTokens } = reasoning;
  const isOwnCall = extra[ID] !== undefined;
  const off = mode === 'disabled' || (effort === 'none' && mode === undefined);
  const shown = isOwnCall || off ? {} : { includeThoughts: true };
  if (off) return { ...noThinking(model, isOwnCall, mode === 'disabled' ? 'thinking' : 'reasoning_effort', loss) };
  if (budgetTokens !== undefined) return { ...shown, thinkingBudget: budgetTokens };
  if (effort === undefined) return mode === 'adaptive' && (isOwnCall || takesBudget(model)) ? { ...shown, thinkingBudget: -1 } : shown;
  return { ...shown, ...writeEffort(effort, model, isOwnCall, loss) };
}

/** A model that cannot but think is told to think least. */
function noThinking(model: string, isOwnCall: boolean, field: string, loss: Set<string>): JsonObject {
  if (isOwnCall || (takesBudget(model) && !alwaysThinks(model))) return { thinkingBudget: 0 };
  loss.add(field);
  if (takesBudget(model)) return { thinkingBudget: 128 };
  return { thinkingLevel: alwaysThinks(model) ? 'low' : 'minimal' };
}

function writeEffort(effort: string, model: string, isOwnCall: boolean, loss: Set<string>): JsonObject {
  if (isOwnCall) return { thinkingLevel: effort };
  const known = takesBudget(model) ? BUDGETS.get(effort) : LEVELS.get(effort);
  if (known === undefined || effort === 'xhigh' || effort === 'max') loss.add('reasoning_effort');
  if (typeof known === 'number') return { thinkingBudget: known };
  if (known === 'minimal' && alwaysThinks(model)) return { thinkingLevel: 'low' };
  return present({ thinkingLevel: known });
}
