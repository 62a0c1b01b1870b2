import type { LlmCall } from '../../core/call.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Reply } from '../../core/kind.ts';
import type { Plan } from '../../core/plan.ts';
import { readText } from '../../core/reader.ts';
import type { Target } from '../../core/strategy.ts';
import { openLine, prepare, send } from './upstream.ts';
import { estimateInput } from './whole.ts';

const COUNT_BYTES = 64 * 1024;
/** Milliseconds a vendor has for a count; beyond it an estimate serves the caller better. */
const COUNT_WAIT = 10_000;

/**
 * `POST /v1/messages/count_tokens`: exact where the first target's vendor counts in the caller's own dialect, an
 * estimate everywhere else, named in `x-weir-loss`.
 * Source: https://platform.claude.com/docs/en/api/messages-count-tokens
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
  const body = JSON.stringify({ input_tokens: estimateInput(call) });
  return { ...base, body, attempts: 0, loss: ['input_tokens.exact'], done: { status: 'complete', servedModel, attempts: 0 } };
}

/** The vendor's own answer, or `undefined` where it does not count in this dialect. Throws what is wrong with the call. */
async function countAtVendor(call: LlmCall, target: Target, exchange: Exchange, plan: Plan): Promise<string | undefined> {
  const planned = plan.providers.get(target.provider);
  const native = planned?.dialects.some(({ dialect }) => dialect.id === call.dialect.id) === true;
  if (!native || planned?.provider.respond !== undefined) return undefined;
  const dispatch = prepare(call, target, plan, exchange);
  const request = { ...dispatch.request, url: `${dispatch.request.url}/count_tokens` };
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
