import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { auc, seeded } from '../auto/statistics.mjs';

// CLINC150: 150 intents of assistants, and questions that belong to none of them. Larson et al., "An Evaluation Dataset for
// Intent Classification and Out-of-Scope Prediction", EMNLP 2019; CC BY 3.0.

export const REPOSITORY = 'clinc/oos-eval';
export const COMMIT = '828f8093932c8fe6ca7936c3d2e52903b1c523de';

/** Routes, examples of each, and how often intents and examples are drawn. */
const SETTINGS = [
  { routes: 8, examples: 5, draws: 40 },
  { routes: 8, examples: 20, draws: 40 },
  { routes: 30, examples: 20, draws: 10 },
];

/** `folder`: a copy of the repository. */
export function readClinc(folder) {
  const file = path.join(folder, 'data', 'data_full.json');
  if (!existsSync(file)) throw new Error(`${file} is not there: --data is a copy of github.com/${REPOSITORY} at ${COMMIT}`);
  const { train, test, oos_test: outside } = JSON.parse(readFileSync(file, 'utf8'));
  return { train, test, outside: outside.map(([text]) => text), names: [...new Set(train.map(([, name]) => name))].toSorted() };
}

/** Each setting measured over all of its draws; what is said of the test split is never learnt from. */
export function measure(data, embedder, { Intents }) {
  const vectors = new Map();
  const vectorOf = (text) => {
    if (!vectors.has(text)) vectors.set(text, embedder.vector(text));
    return vectors.get(text);
  };
  const random = seeded(11);
  return SETTINGS.map((setting) => {
    const drawn = Array.from({ length: setting.draws }, () => draw(data, setting, random));
    const results = drawn.map((each) => judge(each, data, vectorOf, embedder.dimensions, Intents));
    return { ...setting, ...summed(results), micros: timed(drawn[0], data, embedder, Intents) };
  });
}

function draw({ train, names }, { routes, examples }, random) {
  const chosen = shuffled(names, random).slice(0, routes);
  const of = (name) => train.filter(([, each]) => each === name).map(([text]) => text);
  return chosen.map((name) => ({ name, examples: shuffled(of(name), random).slice(0, examples) }));
}

function shuffled(list, random) {
  const copy = [...list];
  for (let at = copy.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [copy[at], copy[other]] = [copy[other], copy[at]];
  }
  return copy;
}

function judge(routes, { test, outside }, vectorOf, dimensions, Intents) {
  const intents = new Intents(
    routes.map(({ examples }) => examples.map(vectorOf)),
    dimensions,
  );
  const placeOf = new Map(routes.map(({ name }, at) => [name, at]));
  const placed = (text) => intents.match(vectorOf(text)) ?? { route: -1, score: -1 };
  const isIn = ({ score }) => score >= intents.threshold;
  const inside = test.filter(([, name]) => placeOf.has(name)).map(([text, name]) => ({ ...placed(text), right: placeOf.get(name) }));
  const others = test.filter(([, name]) => !placeOf.has(name)).map(([text]) => placed(text));
  const strangers = outside.map(placed);
  const ranked = (negatives) => auc([...inside.map(({ score }) => ({ score, y: 1 })), ...negatives.map(({ score }) => ({ score, y: 0 }))]);
  return {
    inside: inside.length,
    right: inside.filter(({ route, right }) => route === right).length,
    accepted: inside.filter(isIn).length,
    acceptedRight: inside.filter((each) => isIn(each) && each.route === each.right).length,
    strangers: strangers.length,
    rejected: strangers.filter((each) => !isIn(each)).length,
    others: others.length,
    othersRejected: others.filter((each) => !isIn(each)).length,
    auc: ranked(strangers),
    threshold: intents.threshold,
  };
}

function summed(results) {
  const sum = (name) => results.reduce((total, each) => total + each[name], 0);
  const mean = (name) => sum(name) / results.length;
  const names = ['inside', 'right', 'accepted', 'acceptedRight', 'strangers', 'rejected', 'others', 'othersRejected'];
  return { ...Object.fromEntries(names.map((name) => [name, sum(name)])), auc: mean('auc'), threshold: mean('threshold') };
}

/** Microseconds to embed a text and to place it, once it is warm: the least of some rounds, since others use the machine. */
function timed(routes, { test }, embedder, Intents) {
  const intents = new Intents(
    routes.map(({ examples }) => examples.map((text) => embedder.vector(text))),
    embedder.dimensions,
  );
  const texts = test.slice(0, 500).map(([text]) => text);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round++) {
    const started = performance.now();
    for (const text of texts) intents.match(embedder.vector(text));
    least = Math.min(least, ((performance.now() - started) * 1_000) / texts.length);
  }
  return least;
}
