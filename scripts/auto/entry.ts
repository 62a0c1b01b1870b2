import { LlmCall } from '../../src/core/call.ts';
import type { Chat } from '../../src/core/chat.ts';
import { promptOf } from '../../src/core/routing/prompt.ts';
import { dialects } from '../../src/dialects/index.ts';
import { difficultyOf } from '../../src/strategies/auto/difficulty.ts';
import { FEATURES, measure } from '../../src/strategies/auto/features.ts';

// What the gateway does with a call, for the script that fits and measures it.

export { difficultyOf, FEATURES, promptOf };

/** The features of a call in their order. */
export function featuresOf(chat: Chat): number[] {
  const { values } = measure(promptOf(chat));
  return FEATURES.map((feature) => values[feature]);
}

/** A call in the words of a dialect. */
export function readCall(body: string, id = 'openai-chat'): Chat {
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) throw new Error(`there is no dialect "${id}"`);
  return LlmCall.read(dialect, body, new Headers()).chat();
}
