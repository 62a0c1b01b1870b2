import type { Usage } from '../../../core/chat.ts';
import type { Foreseen } from '../../../core/hold.ts';
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

/** Calls take from these whatever they come to. */
const ALWAYS: readonly Unit[] = ['requests', 'concurrent', 'usd'];

/**
 * What a call takes before it is sent. A unit that it will come to nothing of is left out: who has used up their pictures
 * may still chat. What costs nothing counts as a request alone.
 */
export function takenBy({ usage, toolCalls, cost, isFree }: Foreseen): Amounts {
  if (isFree === true) return { requests: 1, concurrent: 1 };
  const all = amountsOf({ ...usage, ...(toolCalls === undefined ? {} : { toolCalls }) }, cost ?? 0);
  const entries = Object.entries(all).filter(([unit, amount]) => amount > 0 || ALWAYS.some((always) => always === unit));
  return Object.fromEntries(entries);
}

/** The numbers of a row; what a call had nothing of is left out. */
export function numbersOf({ input, output, cacheRead, cacheWrite, reasoning, images, seconds, toolCalls }: Counted): Partial<UsageDraft> {
  return {
    input,
    output,
    ...(cacheRead === undefined ? {} : { cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWrite }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(whole(images) === 0 ? {} : { images: whole(images) }),
    ...(whole(seconds) === 0 ? {} : { seconds: whole(seconds) }),
    ...(whole(toolCalls) === 0 ? {} : { toolCalls: whole(toolCalls) }),
  };
}
