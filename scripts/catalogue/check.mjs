// Refuses what a refresh should never bring: vendors change prices, but not like this.

/** A price that rises or falls by more than this is a mistake of a source until somebody has looked. */
const MOST_CHANGE = 3;
/** Of a provider's models, and of all. */
const MOST_VANISHED = 0.1;
/** USD per million tokens, or per unit: the dearest models of all vendors are far below. */
const MOST_PRICE = 2000;
/** Providers with fewer models are judged with the rest only: one of five is no sign of anything. */
const FEW = 10;

/**
 * What is wrong with a new catalogue; empty where nothing is. `accepted` holds `provider/model`, or `provider` for the
 * models that vanish.
 * @param {string | undefined} before The committed text.
 * @param {string} after The new one.
 * @param {ReadonlySet<string>} accepted
 * @returns {{ key: string, what: string }[]}
 */
export function absurdities(before, after, accepted = new Set()) {
  const old = before === undefined ? new Map() : readModels(before);
  const fresh = readModels(after);
  const found = [];
  for (const [key, model] of fresh) {
    found.push(...impossible(model).map((what) => ({ key, what })));
    const earlier = old.get(key);
    if (earlier !== undefined) found.push(...changes(earlier, model).map((what) => ({ key, what })));
  }
  found.push(...vanished(old, fresh));
  return found.filter(({ key }) => !accepted.has(key));
}

function readModels(text) {
  const models = new Map();
  let provider = '';
  for (const line of text.trimEnd().split('\n').slice(1)) {
    const value = JSON.parse(line);
    if (value.provider !== undefined) provider = value.provider;
    // Of two entries of one name the first is the one that is found.
    else if (!models.has(`${provider}/${value.id}`)) models.set(`${provider}/${value.id}`, value);
  }
  return models;
}

function impossible({ context, maxOutput, prices = [], factors = {} }) {
  const wrong = [];
  for (const [name, value] of [...prices.flatMap(rateList), ...Object.entries(factors)]) {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) wrong.push(`${name} is ${value}`);
    else if (value > MOST_PRICE) wrong.push(`${name} is ${value}, more than anything costs`);
  }
  for (const [name, value] of Object.entries({ context, maxOutput })) {
    if (value !== undefined && (!Number.isInteger(value) || value <= 0)) wrong.push(`${name} is ${value}`);
  }
  return wrong;
}

/** `[name, USD]` of every rate, those of tiers as `input above 200000`. */
function rateList({ from: _, between: __, tiers = [], ...rates }) {
  return [
    ...Object.entries(rates),
    ...tiers.flatMap(({ above, ...more }) => Object.entries(more).map(([name, value]) => [`${name} above ${above}`, value])),
  ];
}

/** The price that counts in the end: later ones are for certain hours, or are past. */
const lasting = (prices = []) => prices.findLast(({ between }) => between === undefined) ?? {};

function changes(before, after) {
  const wrong = [];
  const now = new Map(rateList(lasting(after.prices)));
  for (const [name, was] of rateList(lasting(before.prices))) {
    const is = now.get(name);
    if (is === undefined) {
      // Finer rates come and go; a model whose tokens have no price any more cannot be held to a budget.
      if (name === 'input' || name === 'output') wrong.push(`${name} was ${was} and is unknown`);
    } else if (was > 0 && is === 0) wrong.push(`${name} was ${was} and is 0`);
    else if (was > 0 && (is / was > MOST_CHANGE || was / is > MOST_CHANGE)) wrong.push(`${name} was ${was} and is ${is}`);
  }
  if (before.context !== undefined && after.context !== undefined && after.context <= before.context / 2) {
    wrong.push(`context was ${before.context} and is ${after.context}`);
  }
  return wrong;
}

function vanished(old, fresh) {
  const gone = [...old.keys()].filter((key) => !fresh.has(key));
  const providerOf = (key) => key.slice(0, key.indexOf('/'));
  const found = [];
  for (const provider of new Set(gone.map(providerOf))) {
    const had = [...old.keys()].filter((key) => providerOf(key) === provider).length;
    const lost = gone.filter((key) => providerOf(key) === provider);
    if (had >= FEW && lost.length / had > MOST_VANISHED) found.push({ key: provider, what: `${lost.length} of ${had} models are gone` });
  }
  if (old.size > 0 && gone.length / old.size > MOST_VANISHED)
    found.push({ key: '*', what: `${gone.length} of ${old.size} models are gone` });
  return found;
}
