import { LlmCall } from '../../src/core/call.ts';
import { loadStaticEmbedder } from '../../src/core/meaning/static/index.ts';
import { wilson } from '../../src/core/meaning/wilson.ts';
import { promptOf } from '../../src/core/routing/prompt.ts';
import { dialects } from '../../src/dialects/index.ts';
import { Intents } from '../../src/strategies/semantic/intents.ts';
import { config, OTHERWISE } from '../../src/strategies/semantic/settings.ts';

// What the gateway does with a text, for the script that measures it.

export { config, Intents, loadStaticEmbedder, OTHERWISE, wilson };

/** What is looked at of a call in the words of a dialect. */
export function lastWords(body: string, id = 'openai-chat'): string {
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) throw new Error(`there is no dialect "${id}"`);
  return promptOf(LlmCall.read(dialect, body, new Headers()).chat()).text;
}
