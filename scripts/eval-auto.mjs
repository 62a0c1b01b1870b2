import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { readAnswers, takeAnswers } from './auto/answers.mjs';
import { report } from './auto/calls.mjs';
import { generate } from './auto/generated.mjs';
import { page } from './auto/page.mjs';
import { regress, score, seeded } from './auto/statistics.mjs';

// Fits the classifier of the strategy `auto` and says what it is worth. See docs/auto-routing.md.
//   npm run eval:auto                        fits, and writes src/strategies/auto/weights.ts and docs/auto-routing.md
//   npm run eval:auto -- --check             fits, and only says whether the weights would be others
//   npm run eval:auto -- --file calls.jsonl  scores your own calls: one JSON object a line, {body, dialect?, easy?, hard?}
//   npm run eval:auto -- --answers FOLDER    counts the examinations anew, from a copy of lm-sys/RouteLLM

const root = path.dirname(import.meta.dirname);
const { values: options } = parseArgs({
  options: { file: { type: 'string' }, answers: { type: 'string' }, check: { type: 'boolean', default: false } },
});

const { outputFiles } = await build({
  entryPoints: [path.join(root, 'scripts', 'auto', 'entry.ts')],
  bundle: true,
  format: 'esm',
  platform: 'node',
  loader: { '.bin': 'binary', '.txt': 'text' },
  write: false,
});
const gateway = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);

if (options.file !== undefined) console.log(report(readFileSync(options.file, 'utf8'), gateway));
else {
  if (options.answers !== undefined) takeAnswers(options.answers, gateway.featuresOf);
  evaluate();
}

function evaluate() {
  const generated = generate(seeded(5)).map(({ chat, hard, ...row }) => ({ ...row, y: hard, x: gateway.featuresOf(chat) }));
  const answers = readAnswers().map((row) => ({ ...row, held: isHeld(row), y: 1 - row.weak }));
  const rows = [...generated, ...answers];
  const model = fitted(rows.filter(({ held }) => !held));
  const isOther = keep(path.join('src', 'strategies', 'auto', 'weights.ts'), () => weightsFile(model));
  if (options.check) {
    process.exitCode = Number(isOther);
    return;
  }
  const without = (name) => fitted(rows.filter(({ held, source }) => !held && !source.startsWith(name)));
  const text = page(
    rows.filter(({ held }) => held),
    model,
    gateway.FEATURES,
    { gsm8k: without('gsm8k'), mmlu: without('mmlu') },
  );
  keep(path.join('docs', 'auto-routing.md'), (before) =>
    before.replace(/(<!-- measured -->\n)[\s\S]*(<!-- \/measured -->)/, `$1${text}$2`),
  );
}

/** Whole subjects of the one examination, and every other question of the other, are never learnt from. */
function isHeld({ source, x }) {
  const name = source === 'gsm8k' ? x.join() : source;
  let hash = 0;
  for (const character of name) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0;
  return ((hash ^ (hash >>> 16)) & 1) === 1;
}

/** What was made up counts as much as what models were asked: neither is what an operator's callers send. */
function fitted(rows) {
  const groups = new Map();
  for (const row of rows) {
    const name = row.source.split('/')[0];
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  const share = { generated: 0.5, gsm8k: 0.25, mmlu: 0.25 };
  const weighted = [...groups].flatMap(([name, group]) => group.map((row) => ({ ...row, weight: share[name] / group.length })));
  // More of anything makes a prompt harder, but for words of simple requests: what a sample says otherwise is chance.
  const found = regress(
    weighted,
    gateway.FEATURES.map((name) => (name === 'simple' ? -1 : 1)),
  );
  const round = (value) => Number(value.toFixed(3));
  const model = { bias: round(found.bias), means: found.means.map(round), weights: found.weights.map(round) };
  return { ...model, score: (x) => score(model, x) };
}

function weightsFile({ bias, means, weights }) {
  const lines = gateway.FEATURES.map((name, at) => `  ${name}: { weight: ${weights[at]}, mean: ${means[at]} },`);
  return `import type { Feature } from './features.ts';

// Written by \`npm run eval:auto\`: what it learnt, and from what, stands in docs/auto-routing.md.

export const BIAS = ${bias};

export const MODEL: { readonly [feature in Feature]: { readonly weight: number; readonly mean: number } } = {
${lines.join('\n')}
};
`;
}

/** Whether the file is another than it was. */
function keep(name, make) {
  const whole = path.join(root, name);
  const before = readFileSync(whole, 'utf8');
  const after = make(before);
  if (before === after) return false;
  console.log(`${options.check ? 'would change' : 'wrote'} ${name}`);
  if (!options.check) writeFileSync(whole, after);
  return true;
}
