import type { LlmCall } from '../../../core/call.ts';
import type { Quirks } from '../../../core/dialect.ts';
import { GatewayError } from '../../../core/errors.ts';
import { choicesOf, outputLimit } from './asked-output.ts';
import { prompted } from './prompts.ts';

/**
 * The call with its answers limited to so many tokens, all together. Throws `budget_exceeded` where what it asks for
 * cannot be had in so few.
 */
export function limitedTo(call: LlmCall, tokens: number, quirks: Quirks): LlmCall {
  const { call: asked, prompts } = prompted(call);
  const chat = asked.chat();
  const each = Math.max(1, Math.floor(tokens / (choicesOf(chat) * prompts)));
  const body = call.dialect.limitOutput(call.wire.json(), each, quirks);
  if (body === undefined) {
    throw new GatewayError('budget_exceeded', 'What is left of a limit is less than the thinking that this call asks for.');
  }
  const limited = call.withBody(body);
  // Several prompts have no canonical form that another API could be asked with.
  return asked === call ? limited.withChat({ ...chat, maxTokens: Math.min(outputLimit(chat) ?? each, each) }) : limited;
}
