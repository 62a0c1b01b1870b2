import type { Chat, Reasoning } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { ID } from './fields.ts';
import { makerOf } from './models.ts';
import { continuesWithoutReasoning, type Turn } from './write-messages.ts';

/** The least budget that Claude takes. */
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

export interface ReasoningPlan {
  /** For `additionalModelRequestFields`: each maker has fields of its own. */
  readonly additional?: JsonObject;
  /** For `outputConfig.effort`. */
  readonly effort?: string;
  readonly maxTokens?: number;
  /** Whether Claude will think, which rules out some settings. */
  readonly thinks: boolean;
}

/** How hard to think, as the model's maker wants to be told; what cannot be told is named in `loss`. */
export function planReasoning(chat: Chat, turns: readonly Turn[], loss: Set<string>): ReasoningPlan {
  const { reasoning, maxTokens } = chat;
  const base = maxTokens === undefined ? { thinks: false } : { maxTokens, thinks: false };
  if (reasoning === undefined) return base;
  if (chat.extra[ID] !== undefined) return { ...base, ...asItCame(reasoning) };
  switch (makerOf(chat.model)) {
    case 'anthropic':
      return forClaude(chat, reasoning, turns, loss);
    case 'amazon':
      return { ...base, ...forNova(reasoning, loss) };
    case 'openai':
      return { ...base, ...forOpenai(reasoning, loss) };
    default:
      return { ...base, ...nobody(reasoning, loss) };
  }
}

const nobody = (reasoning: Reasoning, loss: Set<string>) => {
  if (reasoning.mode !== 'disabled' && reasoning.effort !== 'none') loss.add(nameOf(reasoning));
  return {};
};

const nameOf = ({ effort }: Reasoning) => (effort === undefined ? 'thinking' : 'reasoning_effort');

/** A call of this dialect says it in Anthropic's words, or not at all. */
function asItCame({ mode, budgetTokens, effort }: Reasoning): Partial<ReasoningPlan> {
  return {
    ...(mode === undefined
      ? {}
      : { additional: { thinking: budgetTokens === undefined ? { type: mode } : { type: mode, budget_tokens: budgetTokens } } }),
    ...(effort === undefined ? {} : { effort }),
    thinks: mode === 'enabled' || mode === 'adaptive',
  };
}

/** Source: docs.claude.com, "Extended thinking". The budget must stay below `maxTokens` where that is given. */
function forClaude(chat: Chat, reasoning: Reasoning, turns: readonly Turn[], loss: Set<string>): ReasoningPlan {
  const { maxTokens } = chat;
  const { mode, effort } = reasoning;
  if (mode === 'disabled' || mode === 'adaptive') {
    const said = mode === 'adaptive' && effort !== undefined ? { effort } : {};
    return {
      additional: { thinking: { type: mode } },
      ...said,
      ...(maxTokens === undefined ? {} : { maxTokens }),
      thinks: mode === 'adaptive',
    };
  }
  const budget = budgetOf(chat, reasoning, turns, loss);
  if (budget === 0) return maxTokens === undefined ? { thinks: false } : { maxTokens, thinks: false };
  const plan = { additional: { thinking: { type: 'enabled', budget_tokens: budget } }, thinks: true };
  if (maxTokens === undefined) return plan;
  if (maxTokens > budget) return { ...plan, maxTokens };
  loss.add('max_tokens');
  return { ...plan, maxTokens: budget + maxTokens };
}

function budgetOf(chat: Chat, { effort = 'medium', budgetTokens }: Reasoning, turns: readonly Turn[], loss: Set<string>): number {
  const wanted = budgetTokens ?? BUDGETS.get(effort);
  if (wanted === 0) return 0;
  // Thinking cannot begin in the middle of a turn: the blocks that other dialects do not carry are missing there.
  if (wanted === undefined || continuesWithoutReasoning(turns)) {
    loss.add(budgetTokens === undefined ? 'reasoning_effort' : 'thinking');
    return 0;
  }
  if (budgetTokens !== undefined || chat.maxTokens === undefined) return Math.max(MIN_BUDGET, wanted);
  // The caller's limit covers reasoning and answer: half of it is left for the answer.
  return Math.max(MIN_BUDGET, Math.min(wanted, Math.floor(chat.maxTokens / 2)));
}

const LEVELS: ReadonlyMap<string, 'low' | 'medium' | 'high'> = new Map([
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'high'],
  ['max', 'high'],
]);

/** Source: https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html */
function forNova(reasoning: Reasoning, loss: Set<string>): Partial<ReasoningPlan> {
  const level = LEVELS.get(reasoning.effort ?? '');
  return level === undefined
    ? nobody(reasoning.effort === 'minimal' ? { mode: 'disabled' } : reasoning, loss)
    : { additional: { reasoningConfig: { type: 'enabled', maxReasoningEffort: level } } };
}

/** gpt-oss takes its maker's own field. */
function forOpenai(reasoning: Reasoning, loss: Set<string>): Partial<ReasoningPlan> {
  return reasoning.effort === undefined ? nobody(reasoning, loss) : { additional: { reasoning_effort: reasoning.effort } };
}
