import type { ChatChunk, FinishReason } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';

type Finish = Extract<ChatChunk, { readonly type: 'finish' }>;

/** Source: docs.claude.com, "Handling stop reasons". */
const REASONS: ReadonlyMap<string, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['max_tokens', 'length'],
  ['stop_sequence', 'stop-sequence'],
  ['tool_use', 'tool-calls'],
  ['pause_turn', 'pause'],
  ['refusal', 'refusal'],
  ['model_context_window_exceeded', 'context-window'],
]);

const WORDS: ReadonlyMap<FinishReason, string> = new Map([
  ...[...REASONS].map(([word, reason]) => [reason, word] as const),
  // The one word this dialect has for an answer that was withheld.
  ['content-filter', 'refusal'],
]);

/** Words of beta features: known to clients that asked for them, without a canonical reason. */
const BETA_WORDS: ReadonlySet<string> = new Set(['compaction']);

export function readStopReason(word: string, stopSequence: string | undefined): Finish {
  const reason = REASONS.get(word);
  if (reason === undefined) return { type: 'finish', choice: 0, reason: 'other', vendor: word };
  return { type: 'finish', choice: 0, reason, ...(stopSequence === undefined ? {} : { stopSequence }) };
}

/**
 * `null` where the answer never said why it ended, or ended by a fault: to name a reason would call it complete.
 * A reason without a word here becomes `end_turn`, named as a loss.
 */
export function writeStopReason(finish: Finish | undefined, loss: Set<string>): JsonObject {
  const stopSequence = finish?.stopSequence ?? null;
  const known = finish && (WORDS.get(finish.reason) ?? (BETA_WORDS.has(finish.vendor ?? '') ? finish.vendor : undefined));
  if (known !== undefined) return { stop_reason: known, stop_sequence: stopSequence };
  if (finish !== undefined) loss.add('finish_reason');
  return { stop_reason: finish?.reason === 'other' ? 'end_turn' : null, stop_sequence: stopSequence };
}
