import { catalogueHead } from '../../../catalogue/catalogue.ts';
import { type Cost, costOf, modelAt } from '../../../catalogue/cost.ts';
import type { LlmCall } from '../../../core/call.ts';
import type { Usage } from '../../../core/chat.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Estimate, Foreseen, PartlyForeseen } from '../../../core/hold.ts';
import { nanoUsd } from '../../../core/money.ts';
import { OperationCall } from '../../../core/operation.ts';
import type { Plan, PlanProvider } from '../../../core/plan.ts';
import type { Target } from '../../../core/strategy.ts';
import { countHere } from '../count.ts';
import { choicesOf, outputLimit } from './asked-output.ts';
import { usageOfOperation } from './foresee-operation.ts';
import { HEADROOM, MEDIA_TOKENS, MOST } from './margins.ts';
import { toolCallsIn } from './tool-calls.ts';

/** Tokens of an answer that nothing limits and of whose model nothing is known. */
const UNKNOWN_OUTPUT = 16_384;
/** Times that, up to which it may be held for while it comes. */
const UNKNOWN_GROWTH = 8;
/** Output tokens of an answer before any were seen. */
const USUAL_OUTPUT = 1_024;

/**
 * What a call may come to at a target, before it is asked: no less than what it will, as far as can be known. `way`: how
 * it will be served (`batch`), where that has a price of its own.
 */
export async function foresee(
  call: LlmCall | OperationCall,
  target: Target,
  plan: Plan,
  exchange: Exchange,
  way?: string,
): Promise<Foreseen> {
  const provider = plan.providers.get(target.provider);
  if (provider === undefined) throw new GatewayError('internal', 'A target names a provider that is not in the plan.');
  const at = exchange.ports.clock.now();
  const model = `${target.provider}/${target.model}`;
  const estimate = (usage: Usage): Estimate => {
    const cost =
      dearest(provider, target.model, usage, at, way) ?? (way === undefined ? undefined : dearest(provider, target.model, usage, at));
    return { usage, ...(cost ?? freeOf(call, provider)) };
  };
  if (call instanceof OperationCall) {
    return { provider: target.provider, model, ...estimate(await usageOfOperation(call, target, provider, exchange, at)) };
  }
  const { input, output, isUnbounded } = await usageOfChat(call, target, provider, exchange, at);
  const part: PartlyForeseen = {
    usual: exchange.ports.usual?.of(exchange.who.app, model) ?? USUAL_OUTPUT,
    most: isUnbounded ? output * UNKNOWN_GROWTH : output,
    isUnbounded,
    of: (tokens) => estimate({ input, output: tokens }),
  };
  const toolCalls = toolCallsIn(call.chat());
  return { provider: target.provider, model, ...estimate({ input, output }), ...(toolCalls === 0 ? {} : { toolCalls }), part };
}

async function usageOfChat(call: LlmCall, target: Target, provider: PlanProvider, exchange: Exchange, at: number) {
  const counted = await countHere(call, target, exchange);
  const chat = call.chat();
  const media = chat.messages
    .flatMap(({ content }) => content)
    .filter(({ type }) => type === 'image' || type === 'file' || type === 'audio').length;
  const input = Math.ceil(counted.tokens * (counted.exact ? 1 : HEADROOM)) + media * MEDIA_TOKENS;
  // Without a limit of the caller's the model's own is the only bound there is.
  const known = modelAt(provider, target.model, at)?.card.maxOutput ?? outputLimit(chat);
  const most = known ?? UNKNOWN_OUTPUT;
  const output = Math.min(outputLimit(chat) ?? most, most) * choicesOf(chat);
  return { input: Math.min(input, MOST), output: Math.min(output, MOST), isUnbounded: known === undefined };
}

/**
 * The price if all of the input were written to a cache, where that costs more than to read it fresh. Where neither is
 * known, a search may still have a price: vendors that charge for one do not charge for its tokens.
 */
function dearest(provider: PlanProvider, model: string, usage: Usage, at: number, way?: string): Cost | undefined {
  const plain = costOf(provider, model, usage, at, way);
  const written = costOf(provider, model, { ...usage, cacheWrite: usage.input }, at, way);
  if (written !== undefined && plain !== undefined && written.cost > plain.cost) return written;
  const isSearched = usage.searches !== undefined && modelAt(provider, model, at)?.price?.perSearch !== undefined;
  return plain ?? (isSearched ? costOf(provider, model, { ...usage, input: 0, output: 0 }, at, way) : undefined);
}

/** OpenAI charges nothing for moderations, and lists no price: https://platform.openai.com/docs/guides/moderation */
function freeOf(call: LlmCall | OperationCall, { provider, prices }: PlanProvider): Cost | undefined {
  const isFree = call instanceof OperationCall && call.operation === 'moderations' && (prices?.catalogue ?? provider.id) === 'openai';
  return isFree ? { cost: nanoUsd(0), priceVersion: catalogueHead().version } : undefined;
}
