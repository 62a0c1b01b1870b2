import type { Chat } from '../../../core/chat.ts';
import { isObject } from '../../../core/json.ts';

/** Output tokens that a caller wants at most; a negative number means none at some servers, and is read so. */
export const outputLimit = ({ maxTokens }: Chat): number | undefined =>
  maxTokens === undefined || maxTokens < 0 ? undefined : Math.ceil(maxTokens);

/** Answers that are made for a call, shown or not: of `best_of` completions the vendor charges every one. */
export function choicesOf({ choices = 1, extra }: Chat): number {
  const asked = Object.values(extra).map((own) => (isObject(own) && typeof own.best_of === 'number' ? own.best_of : 1));
  return Math.max(1, ...[choices, ...asked].map(Math.ceil));
}
