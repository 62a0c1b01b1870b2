// How vendors tell what is left of their limits.
//   OpenAI, Azure, Groq, xAI, DeepInfra: x-ratelimit-{limit,remaining,reset}-{requests,tokens}, resets as durations (`6m0s`)
//   Anthropic: anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}, resets as RFC 3339
//   Mistral: x-ratelimit-{limit,remaining}-{req,tokens}-minute; before that ratelimitbysize-*
//   Cerebras: x-ratelimit-{limit,remaining,reset}-{requests-day,tokens-minute}, resets in seconds
//   Fireworks: x-ratelimit-{limit,remaining}-tokens-{prompt,generated} beside -requests
//   Together: x-ratelimit-{limit,remaining,reset} and x-tokenlimit-{limit,remaining}

/** One limit as an answer's head tells it. */
export interface ReadLimit {
  readonly unit: 'requests' | 'tokens';
  readonly remaining: number;
  readonly limit?: number;
  /** Milliseconds since the epoch at which all of it is there again. */
  readonly resetAt: number;
}

interface LimitHeaders {
  readonly unit: ReadLimit['unit'];
  readonly remaining: string;
  readonly limit: string;
  readonly reset?: string;
}

const spelled = (unit: ReadLimit['unit'], name: string): LimitHeaders => ({
  unit,
  remaining: `x-ratelimit-remaining-${name}`,
  limit: `x-ratelimit-limit-${name}`,
  reset: `x-ratelimit-reset-${name}`,
});

const anthropic = (unit: ReadLimit['unit'], name: string): LimitHeaders => ({
  unit,
  remaining: `anthropic-ratelimit-${name}-remaining`,
  limit: `anthropic-ratelimit-${name}-limit`,
  reset: `anthropic-ratelimit-${name}-reset`,
});

/** The ways of spelling them, the commonest first. */
const FAMILIES: readonly (readonly LimitHeaders[])[] = [
  [
    spelled('requests', 'requests'),
    spelled('tokens', 'tokens'),
    // Fireworks, which counts both sides apart.
    spelled('tokens', 'tokens-prompt'),
    spelled('tokens', 'tokens-generated'),
  ],
  [
    anthropic('requests', 'requests'),
    anthropic('tokens', 'tokens'),
    anthropic('tokens', 'input-tokens'),
    anthropic('tokens', 'output-tokens'),
  ],
  [
    spelled('tokens', 'tokens-minute'),
    spelled('requests', 'req-minute'),
    spelled('requests', 'requests-minute'),
    spelled('requests', 'requests-day'),
  ],
  [
    { unit: 'tokens', remaining: 'x-tokenlimit-remaining', limit: 'x-tokenlimit-limit', reset: 'x-ratelimit-reset' },
    { unit: 'requests', remaining: 'x-ratelimit-remaining', limit: 'x-ratelimit-limit', reset: 'x-ratelimit-reset' },
  ],
  [{ unit: 'tokens', remaining: 'ratelimitbysize-remaining', limit: 'ratelimitbysize-limit', reset: 'ratelimitbysize-reset' }],
];

/** What nobody is allowed: numbers above are mistakes. */
const MOST = 1e12;
/** Milliseconds after which a limit is taken to be there again where nobody says; limits are by the minute. */
export const USUAL_RESET = 60_000;
/** Milliseconds: resets further away are mistakes. Some limits are by the month. */
const LATEST_RESET = 31 * 86_400_000;

/** Which spelling an answer's head uses, for `readLimits`; `undefined` where it tells nothing. */
export function familyOf(headers: Headers): number | undefined {
  const found = FAMILIES.findIndex((family) => family.some(({ remaining }) => headers.get(remaining) !== null));
  return found < 0 ? undefined : found;
}

/** The scarcest limit of each unit. What is negative, absurd or unreadable is left out. */
export function readLimits(headers: Headers, family: number, now: number): readonly ReadLimit[] {
  let requests: ReadLimit | undefined;
  let tokens: ReadLimit | undefined;
  for (const names of FAMILIES[family] ?? []) {
    const read = readLimit(headers, names, now);
    if (read === undefined) continue;
    if (read.unit === 'requests' && read.remaining < (requests?.remaining ?? Number.POSITIVE_INFINITY)) requests = read;
    if (read.unit === 'tokens' && read.remaining < (tokens?.remaining ?? Number.POSITIVE_INFINITY)) tokens = read;
  }
  return [requests ?? [], tokens ?? []].flat();
}

function readLimit(headers: Headers, names: LimitHeaders, now: number): ReadLimit | undefined {
  const remaining = amount(headers.get(names.remaining));
  if (remaining === undefined) return undefined;
  const limit = amount(headers.get(names.limit));
  const reset = names.reset === undefined ? null : headers.get(names.reset);
  return {
    unit: names.unit,
    remaining: limit === undefined ? remaining : Math.min(remaining, limit),
    ...(limit === undefined ? {} : { limit }),
    resetAt: readReset(reset, now) ?? now + USUAL_RESET,
  };
}

function amount(text: string | null): number | undefined {
  // Some proxies join what came twice: `59, 59`.
  const value = text === null || text.trim() === '' ? Number.NaN : Number(text.split(',', 1)[0]);
  return value >= 0 && value <= MOST ? value : undefined;
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
  ['us', 0.001],
  ['µs', 0.001],
  ['ns', 0.000_001],
  ['d', 86_400_000],
]);

/**
 * When a limit is back, in milliseconds since the epoch: a duration as Go writes it (`6m0s`, `20ms`), seconds, seconds or
 * milliseconds since the epoch, or a date. `undefined` for what is none of these or absurd.
 */
export function readReset(text: string | null, now: number): number | undefined {
  const value = text?.trim() ?? '';
  if (value === '' || value.length > 64) return undefined;
  const at = momentOf(value, now);
  return at !== undefined && at - now >= -LATEST_RESET && at - now <= LATEST_RESET ? Math.max(at, now) : undefined;
}

function momentOf(value: string, now: number): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(value)) {
    const number = Number(value);
    if (number > 1e11) return number;
    return number > 1e8 ? number * 1000 : now + number * 1000;
  }
  if (/^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns|d))+$/.test(value)) {
    let milliseconds = 0;
    for (const [, number, unit = ''] of value.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns|d)/g)) {
      milliseconds += Number(number) * (UNITS.get(unit) ?? 0);
    }
    return now + milliseconds;
  }
  // Only whole dates: `Date.parse` takes much else for one.
  const moment = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(moment) ? undefined : moment;
}
