import type { LlmCall } from '../../../core/call.ts';
import type { Quirks } from '../../../core/dialect.ts';
import { GatewayError } from '../../../core/errors.ts';
import { choicesOf, outputLimit } from './asked-output.ts';

/**
 * The call with its answers limited to so many tokens, all together. Throws `budget_exceeded` where what it asks for
 * cannot be had in so few.
 */
export function limitedTo(call: LlmCall, tokens: number, quirks: Quirks): LlmCall {
  const chat = call.chat();
  const each = Math.max(1, Math.floor(tokens / choicesOf(chat)));
  const body = call.dialect.limitOutput(call.wire.json(), each, quirks);
  if (body === undefined) {
    throw new GatewayError('budget_exceeded', 'What is left of a limit is less than the thinking that this call asks for.');
  }
  return call.withBody(body).withChat({ ...chat, maxTokens: Math.min(outputLimit(chat) ?? each, each) });
}
