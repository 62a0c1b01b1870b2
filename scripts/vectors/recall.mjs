import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { assemble } from './assemble.mjs';

// What is lost where signs are compared before numbers, on vectors of real texts:
//   node scripts/vectors/recall.mjs --texts FILE   a file with a text a line; without it, the questions of eval:cache
// Each tenth text is asked as it is, another tenth with a word left out, and the others are searched.

const root = path.join(import.meta.dirname, '../..');
const { values: options } = parseArgs({ options: { texts: { type: 'string' }, most: { type: 'string', default: '1000' } } });
const THRESHOLDS = [0.7, 0.8, 0.85, 0.9, 0.95];
const COUNT = 10;

const { outputFiles } = await build({
  entryPoints: [path.join(import.meta.dirname, 'recall-entry.ts')],
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
});
const gateway = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);

const file = options.texts ?? path.join(root, 'scripts/eval-cache/questions.txt');
const texts = [...new Set(readFileSync(file, 'utf8').split('\n'))].filter((text) => text !== '' && !text.startsWith('#'));
const weights = readFileSync(path.join(root, 'src/state/meaning/static-en.bin'));
const embedder = gateway.loadStaticEmbedder(weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length));

const isHeldOut = (at) => at % 10 === 0;
const kept = texts.filter((_, at) => !isHeldOut(at));
const shortened = kept.filter((_, at) => at % 9 === 0).map((text) => leftOut(text));
const asked = [...texts.filter((_, at) => isHeldOut(at)), ...shortened];
const step = Math.max(1, Math.floor(asked.length / Number(options.most)));
const questions = await embedder.embed(asked.filter((_, at) => at % step === 0));
const [exact, signs] = [partitionOf(Number.POSITIVE_INFINITY), partitionOf(0)];
const vectors = await embedder.embed(kept);
for (const [at, vector] of vectors.entries()) {
  const row = { seqs: Float64Array.of(at), ends: Float64Array.of(Number.MAX_SAFE_INTEGER), vectors: vector };
  exact.add(row);
  signs.add(row);
}

console.log(`${questions.length} questions to ${kept.length} texts, ${vectors[0].length} numbers each, the best ${COUNT}`);
console.log(
  'similarity at least | signs that may differ | found by all numbers | found as it is searched, from the first vector on | recall | questions whose best was lost',
);
for (const atLeast of THRESHOLDS) {
  let [right, found, lost] = [0, 0, 0];
  for (const vector of questions) {
    const wanted = exact.nearest({ vector, count: COUNT, atLeast, now: 0 });
    const got = signs.nearest({ vector, count: COUNT, atLeast, now: 0 });
    const seqs = new Set(got.map(({ seq }) => seq));
    right += wanted.length;
    found += wanted.filter(({ seq }) => seqs.has(seq)).length;
    if (wanted.length > 0 && got[0]?.similarity !== wanted[0].similarity) lost += 1;
  }
  const most = gateway.signsOf(vectors[0].length, atLeast);
  console.log([atLeast, most, right, found, `${((100 * found) / right).toFixed(3)} %`, lost].join(' | '));
}

function partitionOf(large) {
  return new gateway.Partition(new gateway.Arena(scanner()), embedder.dimensions, large);
}

/** As `newScanner` makes it, which imports what only workerd and its tests can. */
function scanner() {
  const { memory, ...functions } = new WebAssembly.Instance(new WebAssembly.Module(assemble())).exports;
  return {
    ...functions,
    get memory() {
      return memory.buffer;
    },
    grow: (bytes) => memory.grow(Math.max(0, Math.ceil((bytes - memory.buffer.byteLength) / 65_536))),
  };
}

function leftOut(text) {
  const words = text.split(' ');
  return words.filter((_, at) => at !== Math.floor(words.length / 2)).join(' ');
}
