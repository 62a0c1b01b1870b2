import type { ChatChunk, FinishReason } from '../../core/chat.ts';

type Finish = Extract<ChatChunk, { readonly type: 'finish' }>;

/** Source: API reference, Converse, `stopReason`; and Claude's own words that are handed through. */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['tool_use', 'tool-calls'],
  ['max_tokens', 'length'],
  ['stop_sequence', 'stop-sequence'],
  ['guardrail_intervened', 'content-filter'],
  ['content_filtered', 'content-filter'],
  ['model_context_window_exceeded', 'context-window'],
  ['malformed_model_output', 'error'],
  ['malformed_tool_use', 'error'],
  ['refusal', 'refusal'],
  ['pause_turn', 'pause'],
]);

const WORDS: ReadonlyMap<FinishReason, string> = new Map([
  ['stop', 'end_turn'],
  ['tool-calls', 'tool_use'],
  ['length', 'max_tokens'],
  ['stop-sequence', 'stop_sequence'],
  ['content-filter', 'content_filtered'],
  // The one word this dialect has for an answer that was withheld.
  ['refusal', 'content_filtered'],
  ['context-window', 'model_context_window_exceeded'],
  ['error', 'malformed_model_output'],
]);

/** Words that the canonical reason is coarser than. */
const FINER: ReadonlySet<string> = new Set(['guardrail_intervened', 'malformed_tool_use']);

export function readStopReason(word: string, stopSequence: string | undefined): Finish {
  const reason = REASONS.get(word) ?? 'other';
  return {
    type: 'finish',
    choice: 0,
    reason,
    ...(stopSequence === undefined ? {} : { stopSequence }),
    ...(reason === 'other' || FINER.has(word) ? { vendor: word } : {}),
  };
}

/** A reason without a word here becomes `end_turn`, named as a loss; so does one that was never said. */
export function writeStopReason(finish: Finish | undefined, loss: Set<string>): string {
  if (finish?.vendor !== undefined && FINER.has(finish.vendor) && REASONS.get(finish.vendor) === finish.reason) return finish.vendor;
  const word = finish && WORDS.get(finish.reason);
  if (word !== undefined) return word;
  loss.add('finish_reason');
  return 'end_turn';
}
