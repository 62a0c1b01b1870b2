import { isObject } from '../../../core/json.ts';
import type { Inbound } from '../wire/classify.ts';
import { type Message, textOf } from '../wire/message.ts';
import { CALL } from './own.ts';
import type { Showing } from './showing.ts';

/**
 * What came, with every `call_tool` as the call that it means: from here on nothing tells it from a client's own, so that
 * what holds for a tool holds for it, whichever way it is called.
 */
export function unwrapped(inbound: Inbound, { show }: Showing): Inbound {
  if (show !== 'search') return inbound;
  if (inbound.era === 'legacy') {
    const messages = inbound.messages.map(meant);
    return messages.every((each, at) => each === inbound.messages[at]) ? inbound : { ...inbound, messages };
  }
  const message = meant(inbound.message);
  // Which headers a tool wants a client cannot know that was never listed it.
  return message === inbound.message ? inbound : { ...inbound, message, isIndirect: true };
}

function meant(message: Message): Message {
  if (message.type !== 'request' || message.method !== 'tools/call' || textOf(message.params, 'name') !== CALL) return message;
  const said = message.params.fields.get('arguments');
  if (!isObject(said) || typeof said.name !== 'string' || said.name === '') return message;
  const args = said.arguments ?? {};
  return isObject(args) ? { ...message, params: message.params.with({ name: said.name, arguments: args }) } : message;
}
