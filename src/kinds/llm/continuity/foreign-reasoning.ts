import { GatewayError } from '../../../core/errors.ts';
import { isArray, isObject, type Json, parseJson } from '../../../core/json.ts';
import type { Dispatch } from '../upstream.ts';

/** Dialects whose vendors open what they sealed themselves, and nothing else: OpenAI and Azure, one key and another, cannot. */
const SEALED_BY_ACCOUNT = 'openai-responses';

/**
 * OpenAI's and Azure's code (an item of another organization, project or region says the same), and xAI's words for it:
 * https://platform.openai.com/docs/guides/error-codes, https://docs.x.ai/docs/guides/reasoning.
 */
const CODE = 'invalid_encrypted_content';
const WORDS = /encrypted[ _]content/i;

/**
 * The same call without the encrypted reasoning that its provider says it cannot open: whose it was is not told by its
 * bytes, and a call that goes to another account than the turns before must still be answered. `undefined` where that
 * was not the reason, or there is none.
 */
export function withoutForeignReasoning(thrown: unknown, dispatch: Dispatch): Dispatch | undefined {
  if (dispatch.dialect.id !== SEALED_BY_ACCOUNT || !(thrown instanceof GatewayError) || thrown.code !== 'upstream_rejected')
    return undefined;
  if (thrown.details.vendorCode !== CODE && !WORDS.test(thrown.message)) return undefined;
  const { body } = dispatch.request;
  const call = typeof body === 'string' ? parseJson(body) : undefined;
  if (!isObject(call) || !isArray(call.input)) return undefined;
  const input = call.input.filter((item) => !isSealedReasoning(item));
  if (input.length === call.input.length) return undefined;
  return {
    ...dispatch,
    request: { ...dispatch.request, body: JSON.stringify({ ...call, input }) },
    loss: [...dispatch.loss, 'thinking.signature'],
  };
}

const isSealedReasoning = (item: Json): boolean =>
  isObject(item) && item.type === 'reasoning' && typeof item.encrypted_content === 'string';
