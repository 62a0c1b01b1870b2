import { costOf, modelAt } from '../../../catalogue/cost.ts';
import type { LlmCall } from '../../../core/call.ts';
import type { Usage } from '../../../core/chat.ts';
import { GatewayError } from '../../../core/errors.ts';
import { estimateTokens } from '../../../core/estimate.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Foreseen } from '../../../core/hold.ts';
import { OperationCall } from '../../../core/operation.ts';
import type { Plan, PlanProvider } from '../../../core/plan.ts';
import type { Target } from '../../../core/strategy.ts';
import { countHere } from '../count.ts';

/** Over an estimated count: what estimates of texts are off by (docs/tokens.md). */
const HEADROOM = 1.25;
/** Tokens of an answer that nothing limits and of whose model nothing is known. */
const UNKNOWN_OUTPUT = 16_384;
/** Tokens of a picture or a page whose size nobody looked at. */
const MEDIA_TOKENS = 1_600;

/** What a call may come to at a target, before it is asked: no less than what it will, as far as can be known. */
export async function foresee(call: LlmCall | OperationCall, target: Target, plan: Plan, exchange: Exchange): Promise<Foreseen> {
  const provider = plan.providers.get(target.provider);
  if (provider === undefined) throw new GatewayError('internal', 'A target names a provider that is not in the plan.');
  const at = exchange.ports.clock.now();
  const usage = call instanceof OperationCall ? usageOfOperation(call) : await usageOfChat(call, target, provider, exchange, at);
  const name = `${target.provider}/${target.model}`;
  return { provider: target.provider, model: name, usage, ...dearest(provider, target.model, usage, at) };
}

async function usageOfChat(call: LlmCall, target: Target, provider: PlanProvider, exchange: Exchange, at: number): Promise<Usage> {
  const counted = await countHere(call, target, exchange);
  const chat = call.chat();
  const media = chat.messages
    .flatMap(({ content }) => content)
    .filter(({ type }) => type === 'image' || type === 'file' || type === 'audio').length;
  const input = Math.ceil(counted.tokens * (counted.exact ? 1 : HEADROOM)) + media * MEDIA_TOKENS;
  // Without a limit of the caller's the model's own is the only bound there is.
  const most = modelAt(provider, target.model, at)?.card.maxOutput ?? UNKNOWN_OUTPUT;
  const output = Math.min(chat.maxTokens ?? most, most) * (chat.choices ?? 1);
  return { input, output };
}

function usageOfOperation(call: OperationCall): Usage {
  const text = call.form === undefined ? call.wire.text : '';
  return { input: Math.ceil(estimateTokens(text) * HEADROOM) + 1, output: 0 };
}

/** The price if all of the input were written to a cache, where that costs more than to read it fresh. */
function dearest(provider: PlanProvider, model: string, usage: Usage, at: number) {
  const plain = costOf(provider, model, usage, at);
  const written = costOf(provider, model, { ...usage, cacheWrite: usage.input }, at);
  return written !== undefined && plain !== undefined && written.cost > plain.cost ? written : plain;
}
