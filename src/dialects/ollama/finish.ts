import type { ChatChunk, FinishReason } from '../../core/chat.ts';

type Finish = ChatChunk & { readonly type: 'finish' };

/** The server's words for why an answer ended; calls of tools end it with `stop`. */
export function readDoneReason(word: string | undefined, hasCalls: boolean): Finish {
  if (word === 'length') return { type: 'finish', choice: 0, reason: 'length' };
  if (word === 'stop') return { type: 'finish', choice: 0, reason: hasCalls ? 'tool-calls' : 'stop' };
  return { type: 'finish', choice: 0, reason: 'other', ...(word !== undefined && { vendor: word }) };
}

const WORDS: { readonly [R in FinishReason]: string } = {
  stop: 'stop',
  'stop-sequence': 'stop',
  length: 'length',
  'context-window': 'length',
  'tool-calls': 'stop',
  'content-filter': 'stop',
  refusal: 'stop',
  pause: 'stop',
  error: 'stop',
  other: 'stop',
};

/** What `stop` says by itself, with calls and without. */
const SAID: readonly FinishReason[] = ['stop', 'stop-sequence', 'other', 'length', 'tool-calls'];

/** The word for a reason, and by name what that word does not say. */
export function writeDoneReason({ reason, stopSequence }: Finish, hasCalls: boolean, loss: Set<string>): string {
  const isSaid = SAID.includes(reason) && (reason === 'length' || (reason === 'tool-calls') === hasCalls);
  if (!isSaid) loss.add(`finish_reason.${reason}`);
  if (stopSequence !== undefined) loss.add('stop_sequence');
  return WORDS[reason];
}
