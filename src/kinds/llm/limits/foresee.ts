import { catalogueHead } from '../../../catalogue/catalogue.ts';
import { type Cost, costAs, modelAt, type PricedModel } from '../../../catalogue/cost.ts';
import type { LlmCall } from '../../../core/call.ts';
import type { Usage } from '../../../core/chat.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Estimate, Foreseen, PartlyForeseen } from '../../../core/hold.ts';
import { nanoUsd } from '../../../core/money.ts';
import { OperationCall } from '../../../core/operation.ts';
import type { Plan, PlanProvider } from '../../../core/plan.ts';
import type { Price, Rates } from '../../../core/price.ts';
import type { Target } from '../../../core/strategy.ts';
import { countHere } from '../count.ts';
import { choicesOf, outputLimit } from './asked-output.ts';
import { usageOfOperation } from './foresee-operation.ts';
import { HEADROOM, MEDIA_TOKENS, MOST } from './margins.ts';
import { type Prompted, prompted } from './prompts.ts';
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
  const priced = modelAt(provider, target.model, at);
  const estimate = (usage: Usage): Estimate => {
    const cost = dearest(priced, usage, way) ?? (way === undefined ? undefined : dearest(priced, usage)) ?? freeOf(call, provider);
    return cost === undefined ? { usage } : { usage, cost: cost.cost, priceVersion: cost.priceVersion };
  };
  if (call instanceof OperationCall) {
    return { provider: target.provider, model, ...estimate(await usageOfOperation(call, target, provider, exchange, at)) };
  }
  const asked = prompted(call);
  const { input, output, isUnbounded } = await usageOfChat(asked, target, priced, exchange);
  const part: PartlyForeseen = {
    usual: exchange.ports.usual?.of(exchange.who.app, model) ?? USUAL_OUTPUT,
    most: isUnbounded ? output * UNKNOWN_GROWTH : output,
    isUnbounded,
    of: (tokens) => estimate({ input, output: tokens }),
  };
  const toolCalls = toolCallsIn(asked.call.chat());
  return { provider: target.provider, model, ...estimate({ input, output }), ...(toolCalls === 0 ? {} : { toolCalls }), part };
}

async function usageOfChat({ call, prompts, tokens }: Prompted, target: Target, priced: PricedModel | undefined, exchange: Exchange) {
  const counted = await countHere(call, target, exchange);
  const chat = call.chat();
  let media = 0;
  for (const { content } of chat.messages) {
    for (const { type } of content) if (type === 'image' || type === 'file' || type === 'audio') media += 1;
  }
  const input = Math.ceil(counted.tokens * (counted.exact ? 1 : HEADROOM)) + tokens + media * MEDIA_TOKENS;
  // Without a limit of the caller's the model's own is the only bound there is.
  const known = priced?.card.maxOutput ?? outputLimit(chat);
  const most = known ?? UNKNOWN_OUTPUT;
  const output = Math.min(outputLimit(chat) ?? most, most) * choicesOf(chat) * prompts;
  return { input: Math.min(input, MOST), output: Math.min(output, MOST), isUnbounded: known === undefined };
}

/**
 * The price if all of the input were written to a cache, where that costs more than to read it fresh. Where neither is
 * known, a search may still have a price: vendors that charge for one do not charge for its tokens.
 */
function dearest(priced: PricedModel | undefined, usage: Usage, way?: string): Cost | undefined {
  const plain = costAs(priced, usage, way);
  if (plain !== undefined && isPlain(usage) && !chargesForWriting(priced?.price)) return plain;
  const written = costAs(priced, { ...usage, cacheWrite: usage.input }, way);
  if (written !== undefined && plain !== undefined && written.cost > plain.cost) return written;
  const isSearched = usage.searches !== undefined && priced?.price?.perSearch !== undefined;
  return plain ?? (isSearched ? costAs(priced, { ...usage, input: 0, output: 0 }, way) : undefined);
}

/** Whether all of the input is of one kind, and so of one price where nothing more is charged for writing it to a cache. */
const isPlain = ({ audioInput, imageInput, cacheRead }: Usage) =>
  audioInput === undefined && imageInput === undefined && cacheRead === undefined;

const writes = ({ cacheWrite5m, cacheWrite1h }: Rates) => cacheWrite5m !== undefined || cacheWrite1h !== undefined;
const chargesForWriting = (price: Price | undefined) => price !== undefined && (writes(price) || price.tiers?.some(writes) === true);

/** OpenAI charges nothing for moderations, and lists no price: https://platform.openai.com/docs/guides/moderation */
function freeOf(call: LlmCall | OperationCall, { provider, prices }: PlanProvider): Cost | undefined {
  const isFree = call instanceof OperationCall && call.operation === 'moderations' && (prices?.catalogue ?? provider.id) === 'openai';
  return isFree ? { cost: nanoUsd(0), priceVersion: catalogueHead().version } : undefined;
}
