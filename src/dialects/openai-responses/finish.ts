import type { ChatChunk, FinishReason } from '../../core/chat.ts';
import { asString, isObject, type JsonObject } from '../../core/json.ts';

export type Finish = ChatChunk & { readonly type: 'finish' };

const INCOMPLETE: ReadonlyMap<string, FinishReason> = new Map([
  ['max_output_tokens', 'length'],
  ['max_tokens', 'length'],
  ['content_filter', 'content-filter'],
]);

/** Why a response ended: the status it ended in, the reason it is incomplete, or, since no word says so, that tools were called. */
export function readFinish(response: JsonObject, status: string, calls: boolean): Finish {
  const finish = { type: 'finish', choice: 0 } as const;
  if (status === 'completed') return { ...finish, reason: calls ? 'tool-calls' : 'stop' };
  if (status !== 'incomplete') return { ...finish, reason: 'other', vendor: asString(response.status) ?? status };
  const word = (isObject(response.incomplete_details) && asString(response.incomplete_details.reason)) || status;
  const reason = INCOMPLETE.get(word);
  return reason === undefined ? { ...finish, reason: 'other', vendor: word } : { ...finish, reason };
}

/** The reason for which an answer is incomplete; `undefined` for one that is complete. */
const REASONS: { readonly [R in FinishReason]?: 'max_output_tokens' | 'content_filter' } = {
  length: 'max_output_tokens',
  'context-window': 'max_output_tokens',
  'content-filter': 'content_filter',
  refusal: 'content_filter',
};

/** OpenAI's reason, and by name what it does not say. */
export function writeIncomplete(finish: Finish | undefined, loss: Set<string>): string | undefined {
  const reason = finish?.reason ?? 'other';
  if (reason === 'refusal' || reason === 'pause' || reason === 'context-window') loss.add(`finish_reason.${reason}`);
  if (finish?.stopSequence !== undefined) loss.add('stop_sequence');
  return REASONS[reason];
}
