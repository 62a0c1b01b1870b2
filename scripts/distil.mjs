import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { loadStaticEmbedder } from '../src/core/meaning/static/index.ts';
import { corpus, repository } from './distil/corpus.mjs';
import { microseconds, nearestLabel, nearness, routing } from './distil/measure.mjs';
import { directions, projected } from './distil/projection.mjs';
import { labelled } from './distil/sources.mjs';
import { DIMENSIONS, teach } from './distil/student.mjs';
import { taught, WIDTH } from './distil/teacher.mjs';

// Makes the embedder that runs in the isolate: two megabytes of word rows, taught by a sentence encoder
// (docs/embedder.md). Texts and teacher are fetched once, and its answers kept, in `.weir/distil`.
//
//   npm run distil                    makes the weights and the report
//   npm run distil -- --measure       measures the weights that are there
//   npm run distil -- --data FOLDER   takes the texts from a folder of repositories, `owner+name/repo`
//   npm run distil -- --out FOLDER    puts the weights elsewhere

const root = path.dirname(import.meta.dirname);
const folder = path.join(root, '.weir', 'distil');
const SEED = 1;
/** Of some 70,000 sentences: the teacher takes a hundredth of a second for each. */
const SENTENCES = 44_000;
const HELD_OUT = 2500;
const SHOTS = 20;

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: path.join(folder, 'data') },
    sentences: { type: 'string', default: String(SENTENCES) },
    out: { type: 'string', default: path.join(root, 'src', 'state', 'meaning') },
    measure: { type: 'boolean', default: false },
  },
});

const weightsPath = path.join(options.out, 'static-en.bin');

function write(file) {
  const { id, dimensions } = loadStaticEmbedder(file);
  mkdirSync(options.out, { recursive: true });
  writeFileSync(weightsPath, file);
  const lines = [
    '/** What `static-en.bin` says of itself, known before it is loaded; both are written by `npm run distil`. */',
    `export const staticEnglish = { id: '${id}', dimensions: ${dimensions} } as const;`,
  ];
  writeFileSync(path.join(options.out, 'static-en.ts'), `${lines.join('\n')}\n`);
}

/** Examples and questions by their label. */
function byLabel({ examples, questions }) {
  const found = new Map();
  const of = (label) => {
    if (!found.has(label)) found.set(label, { examples: [], questions: [] });
    return found.get(label);
  };
  for (const [text, label] of examples) of(label).examples.push(text);
  for (const [text, label] of questions) of(label).questions.push(text);
  return found;
}

function intents(file) {
  return Object.fromEntries(
    labelled.map(({ name, source, read }) => {
      const data = read(repository(options.data, source));
      const of = (routes, shots) => routing(file, byLabel(data), { routes, shots, draws: 20, seed: SEED });
      return [
        name,
        {
          nearestExample: nearestLabel(file, data.examples, data.questions, { most: 1000, seed: SEED }),
          routes8shots5: of(8, 5),
          routes8shots20: of(8, SHOTS),
          routes50shots20: of(50, SHOTS),
        },
      ];
    }),
  );
}

const { train, heldOut, counts } = corpus(options.data, { most: Number(options.sentences), seed: SEED });
const unseen = heldOut.slice(0, HELD_OUT);
console.table(counts);
const vectors = await taught([...unseen, ...train], { cache: folder, teacher: path.join(folder, 'teacher') });
const seen = vectors.subarray(unseen.length * WIDTH);
const basis = directions(seen, WIDTH, DIMENSIONS, SEED);
if (!options.measure) write(teach(train, projected(seen, WIDTH, basis).vectors, SEED));

const file = readFileSync(weightsPath);
const teacher = vectors.subarray(0, unseen.length * WIDTH);
const target = projected(teacher, WIDTH, basis);
/** Texts of two thousand characters, of many put together. */
const long = (texts) => texts.join(' ').match(/.{2000}/gs) ?? [];

const report = {
  id: loadStaticEmbedder(file).id,
  seed: SEED,
  learntFrom: { sentences: Math.min(train.length, Number(options.sentences)), texts: train.length, sources: counts },
  bytes: { file: file.length, gzip: gzipSync(file).length },
  heldOut: { sentences: unseen.length, keptByProjection: target.kept, ...nearness(file, unseen, teacher, target.vectors, SEED) },
  intents: intents(file),
  microseconds: { question: microseconds(file, unseen), twoThousandCharacters: microseconds(file, long(unseen)) },
};
writeFileSync(path.join(import.meta.dirname, 'distil', 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`);
console.log(JSON.stringify(report, undefined, 2));
