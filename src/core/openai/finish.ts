import type { ChatChunk, FinishReason } from '../chat.ts';

export type Finish = ChatChunk & { readonly type: 'finish' };

/** OpenAI's five words, then those of vendors that speak its dialect. */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool-calls'],
  ['content_filter', 'content-filter'],
  ['function_call', 'tool-calls'],
  ['end_turn', 'stop'],
  ['eos', 'stop'],
  ['stop_sequence', 'stop-sequence'],
  ['max_tokens', 'length'],
  ['model_length', 'length'],
  ['tool_use', 'tool-calls'],
  ['sensitive', 'content-filter'],
  ['safety', 'content-filter'],
  ['refusal', 'refusal'],
  ['error', 'error'],
  ['network_error', 'error'],
  ['insufficient_system_resource', 'error'],
]);

export function readFinish(choice: number, word: string): Finish {
  const reason = REASONS.get(word) ?? 'other';
  return { type: 'finish', choice, reason, ...(WORDS[reason] !== word && { vendor: word }) };
}

/** `error` is none of OpenAI's words but what others write: to say `stop` would call a broken answer complete. */
const WORDS: { readonly [R in FinishReason]: string } = {
  stop: 'stop',
  'stop-sequence': 'stop',
  length: 'length',
  'context-window': 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  refusal: 'stop',
  pause: 'stop',
  error: 'error',
  other: 'stop',
};

/** OpenAI's word, and by name what that word does not say. */
export function writeFinish(finish: Finish, loss: Set<string>): string {
  const { reason, stopSequence } = finish;
  if (reason === 'refusal' || reason === 'pause' || reason === 'context-window') loss.add(`finish_reason.${reason}`);
  if (stopSequence !== undefined) loss.add('stop_sequence');
  return WORDS[reason];
}
