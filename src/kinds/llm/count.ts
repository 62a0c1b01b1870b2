import type { LlmCall } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import { estimateTokens } from '../../core/estimate.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Reply } from '../../core/kind.ts';
import type { Plan } from '../../core/plan.ts';
import { readText } from '../../core/reader.ts';
import type { Target } from '../../core/strategy.ts';
import { type ChatCount, countChat } from '../../core/tokens/chat.ts';
import { encodingOf } from '../../core/tokens/encoding.ts';
import { factorOf } from '../../core/tokens/factors.ts';
import { freeCall } from './limits/free.ts';
import { openLine, prepare, send, spokenFor } from './upstream.ts';

const COUNT_BYTES = 64 * 1024;
/** Milliseconds a vendor has for a count; beyond it an estimate serves the caller better. */
const COUNT_WAIT = 10_000;

/**
 * `POST /v1/messages/count_tokens` and `…:countTokens`: exact where the first target's vendor counts in the caller's own
 * dialect, an estimate everywhere else, named in `x-weir-loss`.
 * Sources: https://platform.claude.com/docs/en/api/messages-count-tokens, https://ai.google.dev/api/tokens
 */
export async function countTokens(call: LlmCall, targets: readonly Target[], exchange: Exchange, plan: Plan): Promise<Reply> {
  const [target] = targets;
  if (target === undefined) throw new GatewayError('internal', 'A model has no targets.');
  const servedModel = `${target.provider}/${target.model}`;
  const base = { status: 200, contentType: 'application/json', stream: false, servedModel } as const;
  const exact = await countAtVendor(call, target, exchange, plan);
  if (exact !== undefined) {
    return { ...base, body: exact, attempts: 1, loss: [], done: { status: 'complete', servedModel, attempts: 1 } };
  }
  const { counting } = call.dialect;
  if (counting === undefined) throw new GatewayError('not_supported', 'Calls of this kind cannot be counted.');
  const { tokens, exact: isExact } = await countHere(call, target, exchange);
  const loss = isExact ? [] : ['input_tokens.exact'];
  return {
    ...base,
    body: JSON.stringify(counting.write(tokens)),
    attempts: 0,
    loss,
    done: { status: 'complete', servedModel, attempts: 0 },
  };
}

/**
 * Counted in the isolate: with the model's own vocabulary where it is known, by an estimate and what is known of the
 * vendor's vocabulary where it is not. The framing of messages and tools is OpenAI's in both.
 */
export async function countHere(call: LlmCall, target: Target, exchange: Exchange): Promise<ChatCount> {
  const encoding = encodingOf(target.model);
  if (encoding !== undefined) {
    const tokenizer = await exchange.ports.tokens.of(encoding);
    return countChat(call.chat(), (text) => tokenizer.count(text));
  }
  const estimate = countChat(call.chat(), estimateTokens);
  return { tokens: Math.ceil(estimate.tokens * factorOf(target.model).factor), exact: false };
}

/** The vendor's own answer, or `undefined` where it does not count in this dialect. Throws what is wrong with the call. */
async function countAtVendor(call: LlmCall, target: Target, exchange: Exchange, plan: Plan): Promise<string | undefined> {
  const planned = plan.providers.get(target.provider);
  if (planned === undefined || planned.provider.respond !== undefined) return undefined;
  if (spokenFor(planned, call.dialect.id, target.model).dialect.id !== call.dialect.id) return undefined;
  const dispatch = prepare(call, target, plan, exchange);
  const url = call.dialect.counting?.url(dispatch.request.url);
  if (url === undefined) return undefined;
  const request = { ...dispatch.request, url };
  await exchange.hold?.take(freeCall(target.provider));
  const line = openLine(COUNT_WAIT);
  try {
    const response = await send({ ...dispatch, request }, target, line.signal, exchange);
    return await readText(response, COUNT_BYTES);
  } catch (thrown) {
    const error = GatewayError.from(thrown);
    // A bad call is bad for its answer too; everything else is no reason to leave the caller without a number.
    if (error.code === 'upstream_rejected' && error.status !== 404) throw error;
    return undefined;
  } finally {
    line.answered();
  }
}
