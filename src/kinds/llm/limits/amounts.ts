import type { Usage } from '../../../core/chat.ts';
import type { Estimate } from '../../../core/hold.ts';
import type { Amounts, Unit } from '../../../core/ledger/take.ts';
import type { UsageDraft } from '../../../core/ledger/usage.ts';

/** What a call came to, or may come to: what vendors count, and the tool calls whose results it brought. */
export type Counted = Usage & { readonly toolCalls?: number };

/** Parts of a second, of a picture: what was begun counts. */
const whole = (value: number | undefined) => Math.ceil(value ?? 0);

/** Every unit's amount of what a call came to; `cost` in nano-USD. */
export function amountsOf({ input, output, images, seconds, toolCalls }: Counted, cost: number): Amounts {
  return {
    requests: 1,
    concurrent: 1,
    tokens: input + output,
    'tokens-in': input,
    'tokens-out': output,
    usd: cost,
    images: whole(images),
    seconds: whole(seconds),
    'tool-calls': whole(toolCalls),
  };
}

type Taking = Pick<Estimate, 'usage'> & { readonly [field in 'toolCalls' | 'cost' | 'isFree']?: Estimate[field] | undefined };

/**
 * What a call takes before it is sent. A unit that it will come to nothing of is left out: who has used up their pictures
 * may still chat. What costs nothing counts as a request alone.
 */
export function takenBy({ usage, toolCalls, cost, isFree }: Taking): Amounts {
  if (isFree === true) return { requests: 1, concurrent: 1 };
  const { input, output, images, seconds } = usage;
  const taken: { -readonly [unit in Unit]?: number } = { requests: 1, concurrent: 1, usd: cost ?? 0 };
  if (input + output > 0) taken.tokens = input + output;
  if (input > 0) taken['tokens-in'] = input;
  if (output > 0) taken['tokens-out'] = output;
  if (whole(images) > 0) taken.images = whole(images);
  if (whole(seconds) > 0) taken.seconds = whole(seconds);
  if (whole(toolCalls) > 0) taken['tool-calls'] = whole(toolCalls);
  return taken;
}

/** The numbers of a row; what a call had nothing of is left out. */
export function numbersOf({ input, output, cacheRead, cacheWrite, reasoning, images, seconds, toolCalls }: Counted): Partial<UsageDraft> {
  const numbers: { -readonly [field in keyof UsageDraft]?: UsageDraft[field] } = { input, output };
  if (cacheRead !== undefined) numbers.cacheRead = cacheRead;
  if (cacheWrite !== undefined) numbers.cacheWrite = cacheWrite;
  if (reasoning !== undefined) numbers.reasoning = reasoning;
  if (whole(images) > 0) numbers.images = whole(images);
  if (whole(seconds) > 0) numbers.seconds = whole(seconds);
  if (whole(toolCalls) > 0) numbers.toolCalls = whole(toolCalls);
  return numbers;
}
