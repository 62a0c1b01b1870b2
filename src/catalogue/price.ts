import type { Usage } from '../core/chat.ts';
import { MOST_NANO_USD, type NanoUsd, nanoUsd } from '../core/money.ts';
import type { Price, Rates } from '../core/price.ts';

/** Rates are summed in pico-dollars, in which every vendor's price of a token is a whole number. */
const PICO_PER_TOKEN = 1e6;
const PICO_PER_UNIT = 1e12;
const PICO_PER_NANO = 1000;

/** Names of the ordinary way of serving: OpenAI's and Anthropic's `service_tier`. */
const ORDINARY = new Set(['default', 'standard', 'auto', 'standard_only']);

export interface Served {
  /** The way it was served, as the provider says: `batch`, `flex`, `priority`. */
  readonly way?: string;
  readonly factors?: { readonly [way: string]: number } | undefined;
}

/**
 * What an answer cost, rounded once, half up. `undefined` where a part that was used has no price, or the way of serving
 * has no known factor: an unknown price is never zero. Absurd counts are read as none, and parts are never more than
 * their whole, so the result is never negative.
 */
export function priceOf(usage: Usage, price: Price, { way = 'default', factors }: Served = {}): NanoUsd | undefined {
  const factor = ORDINARY.has(way) ? 1 : factors?.[way];
  if (factor === undefined) return undefined;
  const rates = ratesFor(price, count(usage.input));
  const tokens = addInput(usage, rates) + addOutput(usage, rates);
  const pieces = piecesOf(usage, rates);
  // Speech and pictures are often counted in tokens too, and charged for one or the other.
  if (Number.isNaN(tokens)) return pieces.arePriced ? toNano(pieces.pico) : undefined;
  if (tokens === 0 && pieces.areUnpriced && count(usage.input) + count(usage.output) === 0) return undefined;
  return toNano(tokens * factor + pieces.pico);
}

/** A count as it may be charged: never negative, never infinite, never nothing-at-all. */
const count = (value: number | undefined) => (value !== undefined && value > 0 && Number.isFinite(value) ? value : 0);

function ratesFor(price: Price, input: number): Rates {
  const tier = price.tiers?.findLast(({ above }) => input > above);
  return tier === undefined ? price : { ...price, ...tier };
}

/** Pico-dollars for some tokens; NaN where they have no price. */
function tokens(number: number, usd: number | undefined): number {
  if (number === 0) return 0;
  return usd === undefined ? Number.NaN : number * Math.round(usd * PICO_PER_TOKEN);
}

/**
 * Vendors do not say which modality the cached tokens were of: they are taken to be text first, so that dearer tokens
 * are rather charged in full than forgotten.
 */
function addInput(usage: Usage, rates: Rates): number {
  const input = count(usage.input);
  const read = Math.min(count(usage.cacheRead), input);
  const written = Math.min(count(usage.cacheWrite), input - read);
  const forAnHour = Math.min(count(usage.cacheWrite1h), written);
  const fresh = input - read - written;
  const audio = Math.min(count(usage.audioInput), fresh);
  const image = Math.min(count(usage.imageInput), fresh - audio);
  const writing = rates.cacheWrite5m ?? rates.input;
  return (
    tokens(fresh - audio - image, rates.input) +
    tokens(audio, rates.audioInput ?? rates.input) +
    tokens(image, rates.imageInput ?? rates.input) +
    tokens(read, rates.cacheRead ?? rates.input) +
    tokens(written - forAnHour, writing) +
    tokens(forAnHour, rates.cacheWrite1h ?? writing)
  );
}

function addOutput(usage: Usage, rates: Rates): number {
  const output = count(usage.output);
  const audio = Math.min(count(usage.audioOutput), output);
  const image = Math.min(count(usage.imageOutput), output - audio);
  const reasoning = Math.min(count(usage.reasoning), output - audio - image);
  return (
    tokens(output - audio - image - reasoning, rates.output) +
    tokens(audio, rates.audioOutput ?? rates.output) +
    tokens(image, rates.imageOutput ?? rates.output) +
    tokens(reasoning, rates.reasoning ?? rates.output)
  );
}

interface Pieces {
  readonly pico: number;
  /** Whether something that an answer can be charged by as a whole was charged: searches are not. */
  readonly arePriced: boolean;
  /** Whether there were pieces, and none has a price. */
  readonly areUnpriced: boolean;
}

const NO_PIECES: Pieces = { pico: 0, arePriced: false, areUnpriced: false };

function piecesOf(usage: Usage, rates: Rates): Pieces {
  const { images, seconds, characters, searches } = usage;
  if ((images ?? seconds ?? characters ?? searches ?? rates.perRequest) === undefined) return NO_PIECES;
  const made = [
    [images, rates.perImage],
    [seconds, rates.perSecond],
    [characters, rates.perCharacter],
    [1, rates.perRequest],
  ] as const;
  const used = made.filter(([number]) => count(number) > 0);
  const arePriced = used.some(([, usd]) => usd !== undefined);
  const each = (number: number | undefined, usd = 0) => count(number) * Math.round(usd * PICO_PER_UNIT);
  const pico = used.reduce((sum, [number, usd]) => sum + each(number, usd), each(searches, rates.perSearch));
  return { pico, arePriced, areUnpriced: used.length > 1 && !arePriced };
}

/** By the remainder, since dividing first would round some sums of thousands of dollars twice. */
function toNano(pico: number): NanoUsd {
  const raised = pico + PICO_PER_NANO / 2;
  const nano = Math.floor((raised - (raised % PICO_PER_NANO)) / PICO_PER_NANO);
  // Counts that no model could have are worth no more than all the money there is.
  return nanoUsd(nano < MOST_NANO_USD ? nano : MOST_NANO_USD);
}
