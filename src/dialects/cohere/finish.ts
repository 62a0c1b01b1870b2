import type { ChatChunk, FinishReason } from '../../core/chat.ts';

type Finish = ChatChunk & { readonly type: 'finish' };

/** The words of version 2, then those that version 1 had besides. */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop-sequence'],
  ['MAX_TOKENS', 'length'],
  ['TOOL_CALL', 'tool-calls'],
  ['ERROR', 'error'],
  ['TIMEOUT', 'error'],
  ['ERROR_TOXIC', 'content-filter'],
  ['ERROR_LIMIT', 'context-window'],
]);

export function readFinish(word: string | undefined): Finish {
  const reason = REASONS.get(word ?? '') ?? 'other';
  return { type: 'finish', choice: 0, reason, ...(word !== undefined && WORDS[reason] !== word && { vendor: word }) };
}

const WORDS: { readonly [R in FinishReason]: string } = {
  stop: 'COMPLETE',
  'stop-sequence': 'STOP_SEQUENCE',
  length: 'MAX_TOKENS',
  'context-window': 'MAX_TOKENS',
  'tool-calls': 'TOOL_CALL',
  'content-filter': 'COMPLETE',
  refusal: 'COMPLETE',
  pause: 'COMPLETE',
  error: 'ERROR',
  other: 'COMPLETE',
};

const UNSAID: readonly FinishReason[] = ['context-window', 'content-filter', 'refusal', 'pause'];

/** The word for a reason, and by name what that word does not say. */
export function writeFinish({ reason, stopSequence }: Finish, loss: Set<string>): string {
  if (UNSAID.includes(reason)) loss.add(`finish_reason.${reason}`);
  if (stopSequence !== undefined) loss.add('stop_sequence');
  return WORDS[reason];
}
