import type { Chat, Reasoning } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { ID } from './fields.ts';
import { continuesWithoutThinking, type Turn } from './write-messages.ts';

/**
 * `max_tokens` is required here and optional elsewhere: 4096 is within the output limit of every model that is
 * still served and longer than nearly every answer. A thinking budget comes on top of it.
 */
export const DEFAULT_MAX_TOKENS = 4096;

/** The least budget that the API takes. */
const MIN_BUDGET = 1024;

/** How an effort word is said to models that take a budget. `none` and `minimal` mean not to think. */
const BUDGETS: ReadonlyMap<string, number> = new Map([
  ['none', 0],
  ['minimal', 0],
  ['low', 1024],
  ['medium', 4096],
  ['high', 16_384],
  ['xhigh', 32_768],
  ['max', 32_768],
]);

export interface ThinkingPlan {
  readonly thinking?: JsonObject;
  /** For `output_config.effort`. */
  readonly effort?: string;
  readonly maxTokens: number;
}

/** What to ask for in `thinking`, `output_config.effort` and `max_tokens`, which depend on each other. */
export function planThinking(chat: Chat, turns: readonly Turn[], loss: Set<string>): ThinkingPlan {
  const reasoning = chat.reasoning ?? {};
  const own = chat.extra[ID] !== undefined;
  const effort = reasoning.effort !== undefined && (own || reasoning.mode === 'adaptive') ? { effort: reasoning.effort } : {};
  if (reasoning.mode === 'disabled' || reasoning.mode === 'adaptive') {
    return { thinking: { type: reasoning.mode }, ...effort, maxTokens: chat.maxTokens ?? DEFAULT_MAX_TOKENS };
  }
  const budget = own ? ownBudget(reasoning) : derivedBudget(chat, reasoning, turns, loss);
  if (budget === 0) return { ...effort, maxTokens: chat.maxTokens ?? DEFAULT_MAX_TOKENS };
  return { thinking: { type: 'enabled', budget_tokens: budget }, ...effort, maxTokens: maxTokensAbove(budget, chat, own, loss) };
}

/** In a call of this dialect the effort has a field of its own and asks for no thinking. */
const ownBudget = ({ mode, budgetTokens }: Reasoning) => budgetTokens ?? (mode === 'enabled' ? MIN_BUDGET : 0);

function derivedBudget(chat: Chat, reasoning: Reasoning, turns: readonly Turn[], loss: Set<string>): number {
  const { effort = 'medium', mode, budgetTokens } = reasoning;
  if (mode === undefined && budgetTokens === undefined && reasoning.effort === undefined) return 0;
  const wanted = budgetTokens ?? BUDGETS.get(effort);
  if (wanted === 0) return 0;
  // Thinking cannot begin in the middle of a turn: the blocks that other dialects do not carry are missing there.
  if (wanted === undefined || continuesWithoutThinking(turns)) {
    loss.add(budgetTokens === undefined ? 'reasoning_effort' : 'thinking');
    return 0;
  }
  if (budgetTokens !== undefined || chat.maxTokens === undefined) return Math.max(MIN_BUDGET, wanted);
  // The caller's limit covers reasoning and answer: half of it is left for the answer.
  return Math.max(MIN_BUDGET, Math.min(wanted, Math.floor(chat.maxTokens / 2)));
}

/** The API wants `max_tokens` above the budget. A limit of the caller that leaves no room is raised, and named as a loss. */
function maxTokensAbove(budget: number, chat: Chat, own: boolean, loss: Set<string>): number {
  if (chat.maxTokens === undefined) return budget + DEFAULT_MAX_TOKENS;
  // Between tools a budget may exceed the limit of one answer: a caller of this dialect is taken at his word.
  if (own || chat.maxTokens > budget) return chat.maxTokens;
  loss.add('max_tokens');
  return budget + chat.maxTokens;
}
