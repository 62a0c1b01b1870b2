import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { seeded } from './auto/statistics.mjs';
import { banking, clinc, howTo, missing } from './eval-cache/data.mjs';
import { gateway } from './eval-cache/gateway.mjs';
import { minimalPairs, shuffled } from './eval-cache/minimal-pairs.mjs';
import { nearest } from './eval-cache/neighbours.mjs';
import { editedQuestions } from './eval-cache/people.mjs';
import { regress } from './eval-cache/regression.mjs';
import { rewrites, wordy } from './eval-cache/rewrites.mjs';
import { wordsFile } from './eval-cache/words.mjs';

// Makes the tables of src/core/sameness/weights from data. See docs/semantic-cache-evaluation.md.
//   npm run train:verifier -- --data FOLDER   both files: how rare words are, then the verifier's weights
// Run it again whenever the embedder's weights change: similarity is one of what the verifier looks at.

/** The certainty that counts as enough by default, and how many answers are to be right there. */
const SURE = 0.7;
const RIGHT = 0.965;

const root = path.dirname(import.meta.dirname);
const { values: options } = parseArgs({ options: { data: { type: 'string' } } });
const data = options.data ?? path.join(root, '.weir', 'eval-cache');
const absent = missing(data);
if (absent.length > 0) throw new Error(`not in ${data}. Get it with\n${howTo(data, absent)}`);

const weights = path.join(root, 'src', 'core', 'sameness', 'weights');
// What counts as English depends on the words, and the words on what counts as English: twice is enough.
for (let round = 0; round < 2; round++) writeFileSync(path.join(weights, 'words.ts'), wordsFile(data, await gateway()));
const weir = await gateway();
writeFileSync(path.join(weights, 'verifier.ts'), modelsFile({ open: open(), closed: closed() }));

function row(a, b, y) {
  return { x: weir.featuresOf(weir.pairOf(weir.read(a), weir.read(b)), weir.similarity(weir.embed(a), weir.embed(b))), y: Number(y) };
}

/** Harmless rewrites against pairs with one edit, of other frames, words and questions than are measured. */
function open() {
  const people = shuffled([...clinc(data, 'train'), ...banking(data, 'train')], seeded(5)).map(({ text }) => text);
  const same = rewrites([...wordy('learnt'), ...people.slice(0, 3000)], 'learnt', seeded(6), 700);
  const other = [...minimalPairs('learnt', seeded(7), 200), ...editedQuestions(people.slice(3000, 6000), seeded(8), 400)];
  return fitted([...same.map(({ a, b }) => row(a, b, true)), ...other.map(({ a, b }) => row(a, b, false))]);
}

/**
 * Neighbours of the same intent against neighbours of another one, in CLINC150 alone. How sure is sure enough is then
 * read off the training questions of BANKING77: where so many answers are right, certainty is `SURE`.
 */
function closed() {
  const known = clinc(data, 'train').filter(({ intent }) => !intent.startsWith('oos'));
  const model = fitted(neighbourPairs(known, 3, 6).flatMap((pairs) => pairs.map(({ a, b, same }) => row(a, b, same))));
  const scored = neighbourPairs(banking(data, 'train'), 4, 8).map((pairs) => {
    const scores = pairs.map(({ a, b, same }) => {
      const { x } = row(a, b, same);
      return { same, score: x.reduce((sum, value, at) => sum + value * model.weights[at], model.bias) };
    });
    return scores.toSorted((one, other) => other.score - one.score)[0];
  });
  let least = Number.POSITIVE_INFINITY;
  let right = 0;
  for (const [at, { same, score }] of scored.toSorted((one, other) => other.score - one.score).entries()) {
    right += Number(same);
    if (right / (at + 1) >= RIGHT) least = score;
  }
  return { ...model, bias: model.bias - least + Math.log(SURE / (1 - SURE)) };
}

/** Each of every `step`th question with its nearest of the others. */
function neighbourPairs(rows, step, count) {
  const asked = rows.filter((_, at) => at % step === 0);
  const kept = rows.filter((_, at) => at % step !== 0);
  const texts = ({ text }) => text;
  return nearest(kept.map(texts), asked.map(texts), count, weir).map((found, index) =>
    found.map(({ at }) => ({ a: asked[index].text, b: kept[at].text, same: asked[index].intent === kept[at].intent })),
  );
}

/** More in common never makes two questions less the same, and no difference makes them more so. */
function fitted(rows) {
  const more = new Set(['similarity', 'alike', 'lexical', 'lexicalSquared', 'both', 'length', 'common']);
  const signs = weir.FEATURE_NAMES.map((name) => (more.has(name) ? 1 : name === 'short' ? 0 : -1));
  const model = regress(rows, { signs, random: seeded(3) });
  console.log(`${rows.length} pairs, ${rows.filter(({ y }) => y === 1).length} of them the same`);
  return model;
}

function modelsFile(models) {
  const literal = ({ bias, weights: values }) =>
    `{\n    bias: ${bias.toFixed(3)},\n    weights: {\n${values.map((value, at) => `      ${weir.FEATURE_NAMES[at]}: ${Number(value.toFixed(3))},`).join('\n')}\n    },\n  }`;
  return `import type { Model } from '../verifier.ts';

// Written by \`npm run train:verifier\` with the embedder ${weir.embedder.id}: what it learnt from stands in
// docs/semantic-cache-evaluation.md.

export const MODELS: { readonly open: Model; readonly closed: Model } = {
  open: ${literal(models.open)},
  closed: ${literal(models.closed)},
};
`;
}
