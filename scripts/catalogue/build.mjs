import { createHash } from 'node:crypto';
import { providers, sandbox } from './providers.mjs';
import { factorOf, genaiRates, modelsDevRates, withHourlyCache } from './rates.mjs';

// Makes the catalogue from the two sources. Prices come from genai-prices where it knows a model and from models.dev
// otherwise; capabilities from models.dev, context windows from either.

/**
 * The text of the catalogue: JSON by the line. The head, then each provider and below it its models.
 * @param {{ genai: object[], modelsDev: Record<string, { models: Record<string, object> }>, sources: object[], date: string }} input
 */
export function buildCatalogue({ genai, modelsDev, sources, date }) {
  const body = providers.flatMap((provider) => providerLines(provider, genai, modelsDev));
  body.push({ provider: 'sandbox' }, sandbox);
  const lines = body.map((line) => JSON.stringify(line));
  const hash = createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 6);
  return `${[JSON.stringify({ version: `${date}+${hash}`, sources }), ...lines].join('\n')}\n`;
}

function providerLines({ id, genai: lists = [], modelsDev: listed, fallback, factors, prices }, genai, modelsDev) {
  const priced = lists.flatMap((name) => find(genai, name).models);
  const described = listed === undefined ? [] : Object.values(modelsDev[listed]?.models ?? missing('models.dev', listed));
  const entries = priced.map((model) => ({ model, entry: fromGenai(model) }));
  const added = [];
  for (const model of described) {
    const known = entries.find((each) => matches(each.model.match, model.id));
    if (known === undefined) added.push(withoutUnknown({ id: model.id.toLowerCase(), ...fromModelsDev(model, prices !== false) }));
    else if (known.described === undefined || model.id === known.model.id) known.described = model;
  }
  const models = entries.map(({ entry, described: model }) => (model === undefined ? entry : merged(entry, model)));
  added.sort((a, b) => (a.id < b.id ? -1 : 1));
  return [withoutUnknown({ provider: id, fallback, factors }), ...models, ...added];
}

const find = (list, id) => list.find((each) => each.id === id) ?? missing('genai-prices', id);

function missing(source, id) {
  throw new Error(`${source} has no list "${id}" any more: mend scripts/catalogue/providers.mjs.`);
}

const withoutUnknown = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

function merged(entry, model) {
  const described = fromModelsDev(model, false);
  // A source that lists a model without its price leaves it to the other one.
  const prices = entry.prices ?? fromModelsDev(model, true).prices;
  return withoutUnknown({ ...entry, ...described, context: entry.context ?? described.context, prices });
}

function fromGenai({ id, match, context_window: context, prices }) {
  const as = [...new Set(patternsOf(match))].filter((pattern) => pattern !== id.toLowerCase());
  const periods = (Array.isArray(prices) ? prices : [{ prices }]).flatMap(({ constraint, prices: rates }) => {
    const price = genaiRates(rates);
    return price === undefined ? [] : [{ ...periodOf(constraint), ...withHourlyCache(id, price) }];
  });
  return withoutUnknown({
    id: id.toLowerCase(),
    as: as.length === 0 ? undefined : as,
    context,
    prices: periods.length === 0 ? undefined : periods,
  });
}

function periodOf(constraint) {
  if (constraint === undefined) return {};
  if (constraint.type === 'start_date') return { from: constraint.start_date };
  if (constraint.type === 'time_of_date') {
    return { between: [constraint.start_time, constraint.end_time].map((time) => time.slice(0, 5)) };
  }
  throw new Error(`genai-prices has a constraint that is not known here: ${JSON.stringify(constraint)}`);
}

function fromModelsDev({ id, limit, modalities, tool_call, reasoning, structured_output, cost, experimental }, takesPrice) {
  const can = [tool_call && 'tools', reasoning && 'reasoning', structured_output && 'structured'].filter(Boolean);
  // Zero for both is what the source writes where a subscription pays; only a name says that it is free.
  const isPriced = takesPrice && cost !== undefined && (cost.input > 0 || cost.output > 0 || id.endsWith(':free'));
  const price = isPriced ? modelsDevRates(cost) : undefined;
  return {
    context: limit?.context > 0 ? limit.context : undefined,
    maxOutput: limit?.output > 0 ? limit.output : undefined,
    reads: modalities?.input,
    writes: modalities?.output,
    can: can.length === 0 ? undefined : can,
    prices: price === undefined ? undefined : [withHourlyCache(id, price)],
    factors: factorsOf(experimental?.modes, cost),
  };
}

function factorsOf(modes, cost) {
  if (modes === undefined || cost === undefined) return undefined;
  const found = Object.entries(modes).flatMap(([name, mode]) => {
    const factor = mode.cost === undefined ? undefined : factorOf(modelsDevRates(mode.cost), modelsDevRates(cost));
    return factor === undefined ? [] : [[mode.provider?.body?.service_tier ?? name, factor]];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** A dated name of a model that is listed without its date: looking up drops dates anyway. */
const DATED = /^\^(?<name>[\w\\./-]+)-(?:\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$$/;
/** Regular expressions of the source, as patterns. */
const KNOWN = { '^gemini-3\\.5-flash-\\d': ['gemini-3.5-flash-0*', 'gemini-3.5-flash-1*', 'gemini-3.5-flash-2*'] };
/** Narrows a prefix to what is not speech; those models are listed on their own. */
const NOT_SPEECH = '^(?!.*-[tT][tT][sS](?:$|-))';

/** `name`, `name*`, `*name`, `*name*`: the source's rules as patterns, in lower case. */
export function patternsOf(match) {
  if (match.or !== undefined) return match.or.flatMap(patternsOf);
  if (match.and !== undefined) {
    const rest = match.and.filter(({ regex }) => regex !== NOT_SPEECH);
    if (rest.length === 1) return patternsOf(rest[0]);
  }
  if (match.equals !== undefined) return [match.equals.toLowerCase()];
  if (match.starts_with !== undefined) return [`${match.starts_with.toLowerCase()}*`];
  if (match.ends_with !== undefined) return [`*${match.ends_with.toLowerCase()}`];
  if (match.contains !== undefined) return [`*${match.contains.toLowerCase()}*`];
  if (match.regex !== undefined && match.regex in KNOWN) return KNOWN[match.regex];
  if (match.regex !== undefined && DATED.test(match.regex)) return [];
  throw new Error(`genai-prices has a rule that is not known here: ${JSON.stringify(match)}`);
}

/** Whether a rule of genai-prices names a model. */
function matches(match, id) {
  const name = id.toLowerCase();
  if (match.or !== undefined) return match.or.some((each) => matches(each, name));
  if (match.and !== undefined) return match.and.every((each) => matches(each, name));
  if (match.equals !== undefined) return name === match.equals.toLowerCase();
  if (match.starts_with !== undefined) return name.startsWith(match.starts_with.toLowerCase());
  if (match.ends_with !== undefined) return name.endsWith(match.ends_with.toLowerCase());
  if (match.contains !== undefined) return name.includes(match.contains.toLowerCase());
  return match.regex !== undefined && new RegExp(match.regex, 'i').test(name);
}
