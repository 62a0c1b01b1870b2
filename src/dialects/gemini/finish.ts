import type { ChatChunk, FinishReason } from '../../core/chat.ts';

type Finish = Extract<ChatChunk, { readonly type: 'finish' }>;

/**
 * Why a candidate ended. `STOP` says neither whether a stop sequence was met nor whether functions were called.
 * Source: https://ai.google.dev/api/generate-content#FinishReason, and Vertex AI's for those that only it has.
 */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['STOP', 'stop'],
  ['MAX_TOKENS', 'length'],
  // The limit of one request was reached where the answer may be longer.
  ['CONTINUATION', 'length'],
  ['SAFETY', 'content-filter'],
  ['RECITATION', 'content-filter'],
  ['BLOCKLIST', 'content-filter'],
  ['PROHIBITED_CONTENT', 'content-filter'],
  ['SPII', 'content-filter'],
  ['MODEL_ARMOR', 'content-filter'],
  ['IMAGE_SAFETY', 'content-filter'],
  ['IMAGE_PROHIBITED_CONTENT', 'content-filter'],
  ['IMAGE_RECITATION', 'content-filter'],
  ['MALFORMED_FUNCTION_CALL', 'error'],
  ['UNEXPECTED_TOOL_CALL', 'error'],
  ['TOO_MANY_TOOL_CALLS', 'error'],
  ['MISSING_THOUGHT_SIGNATURE', 'error'],
  ['MALFORMED_RESPONSE', 'error'],
  ['LANGUAGE', 'other'],
  ['OTHER', 'other'],
  ['NO_IMAGE', 'other'],
  ['IMAGE_OTHER', 'other'],
  ['FINISH_REASON_UNSPECIFIED', 'other'],
]);

const WORDS: { readonly [R in FinishReason]: string } = {
  stop: 'STOP',
  'stop-sequence': 'STOP',
  'tool-calls': 'STOP',
  pause: 'STOP',
  length: 'MAX_TOKENS',
  'context-window': 'MAX_TOKENS',
  'content-filter': 'SAFETY',
  refusal: 'SAFETY',
  error: 'OTHER',
  other: 'OTHER',
};

export function readFinish(choice: number, word: string, hasCalls: boolean): Finish {
  const known = REASONS.get(word) ?? 'other';
  const reason = known === 'stop' && hasCalls ? 'tool-calls' : known;
  return { type: 'finish', choice, reason, ...(WORDS[reason] === word ? {} : { vendor: word }) };
}

/** A prompt that was blocked has no candidates: the answer was withheld, whatever the reason is called. */
export const readBlocked = (word: string): Finish => ({ type: 'finish', choice: 0, reason: 'content-filter', vendor: word });

/** Reasons that are `STOP` with calls of functions, and those that are without. */
const NEEDS_CALLS: ReadonlySet<FinishReason> = new Set(['tool-calls']);
const NEEDS_NONE: ReadonlySet<FinishReason> = new Set(['stop', 'stop-sequence', 'pause']);

export function writeFinish(finish: Finish, hasCalls: boolean, loss: Set<string>): string {
  const { reason, vendor } = finish;
  if (vendor !== undefined && REASONS.get(vendor) === reason) return vendor;
  const contradicts = hasCalls ? NEEDS_NONE.has(reason) : NEEDS_CALLS.has(reason);
  if (contradicts || reason === 'error') loss.add('finish_reason');
  if (reason === 'pause' || reason === 'refusal' || reason === 'context-window') loss.add(`finish_reason.${reason}`);
  if (finish.stopSequence !== undefined) loss.add('stop_sequence');
  return WORDS[reason];
}
