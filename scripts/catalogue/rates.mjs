// Prices of both sources in Weir's words: USD per million tokens, or per unit.

const PER_MILLION = {
  input_mtok: 'input',
  output_mtok: 'output',
  cache_read_mtok: 'cacheRead',
  cache_write_mtok: 'cacheWrite5m',
  cache_write_1h_mtok: 'cacheWrite1h',
  output_reasoning_mtok: 'reasoning',
  input_audio_mtok: 'audioInput',
  output_audio_mtok: 'audioOutput',
  input_image_mtok: 'imageInput',
  output_image_mtok: 'imageOutput',
};
const PER_THOUSAND = { requests_kcount: 'perRequest', web_searches_kcount: 'perSearch' };
const PER_HOUR = { audio_hours: 'perSecond' };

const MODELS_DEV = {
  input: 'input',
  output: 'output',
  cache_read: 'cacheRead',
  cache_write: 'cacheWrite5m',
  reasoning: 'reasoning',
  input_audio: 'audioInput',
  output_audio: 'audioOutput',
};

/** A price as the vendor prints it: what division adds behind the twelfth decimal goes. */
const exact = (value) => Number(value.toFixed(12));

/** One price of genai-prices; `undefined` where it charges for nothing that Weir counts. */
export function genaiRates(prices) {
  const base = {};
  const tiers = new Map();
  for (const [key, value] of Object.entries(prices)) {
    const [name, divisor] =
      key in PER_MILLION
        ? [PER_MILLION[key], 1]
        : key in PER_THOUSAND
          ? [PER_THOUSAND[key], 1000]
          : key in PER_HOUR
            ? [PER_HOUR[key], 3600]
            : [];
    if (name === undefined) continue;
    base[name] = exact((typeof value === 'number' ? value : value.base) / divisor);
    for (const { start, price } of typeof value === 'number' ? [] : value.tiers) {
      tiers.set(start, { ...tiers.get(start), [name]: exact(price / divisor) });
    }
  }
  return withTiers(base, tiers);
}

/** The cost of models.dev. */
export function modelsDevRates(cost) {
  const base = renamed(cost);
  const tiers = new Map((cost.tiers ?? []).map(({ tier, ...rates }) => [tier.size, renamed(rates)]));
  return withTiers(base, tiers);
}

function renamed(cost) {
  const rates = {};
  for (const [from, to] of Object.entries(MODELS_DEV)) if (typeof cost[from] === 'number') rates[to] = exact(cost[from]);
  return rates;
}

function withTiers(base, tiers) {
  if (Object.keys(base).length === 0) return undefined;
  const sorted = [...tiers].sort(([a], [b]) => a - b);
  // A tier says all that differs from the base: what an earlier tier changed holds in a later one.
  let held = {};
  const listed = sorted.map(([above, rates]) => {
    held = { ...held, ...rates };
    return { above, ...held };
  });
  return listed.length === 0 ? base : { ...base, tiers: listed };
}

/**
 * A cache entry of an hour costs twice the input where one of five minutes costs 1.25 times it: Anthropic's rule on every
 * platform that serves its models, written out only where the source does.
 * https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing
 */
export function withHourlyCache(id, price) {
  const derive = (rates, input) =>
    rates.cacheWrite5m !== undefined && rates.cacheWrite1h === undefined && Math.abs(rates.cacheWrite5m - 1.25 * input) < 1e-9
      ? { ...rates, cacheWrite1h: exact(2 * input) }
      : rates;
  if (!/claude/i.test(id) || price.input === undefined) return price;
  const { tiers, ...base } = price;
  const derived = derive(base, base.input);
  return tiers === undefined ? derived : { ...derived, tiers: tiers.map((tier) => derive(tier, tier.input ?? base.input)) };
}

/** By how much a way of serving multiplies the ordinary price, where it multiplies all of it alike. */
export function factorOf(rates, ordinary) {
  const ratios = Object.keys(rates).flatMap((name) => (ordinary[name] > 0 ? [rates[name] / ordinary[name]] : []));
  const [first] = ratios;
  return first !== undefined && ratios.every((ratio) => Math.abs(ratio - first) < 1e-6) ? exact(first) : undefined;
}
