import { folded } from '../../src/core/meaning/static/fold.ts';
import { writeWeights } from '../../src/core/meaning/static/weights.ts';
import { eachGram, eachWord, wordHash } from '../../src/core/meaning/static/words.ts';
import { random, shuffled } from './corpus.mjs';

// The student: a row for each word of the vocabulary and for each of a number of hashes of runs of characters. Their sum
// is to point where the teacher's vector points.

export const DIMENSIONS = 128;
const WORDS = 12288;
const GRAMS = 4096;
const EPOCHS = 12;
const RATE = 0.08;
/** How often a known word is learnt from as if it were unknown, so that the rows of n-grams learn what words mean. */
const AS_UNKNOWN = 0.08;

/** The words of the vocabulary: those that come most often, and then those that come first. */
export function vocabulary(texts) {
  const counts = new Map();
  for (const text of texts) {
    const line = folded(text);
    eachWord(line, (start, end) => {
      const hash = wordHash(line, start, end);
      counts.set(hash, (counts.get(hash) ?? 0) + 1);
    });
  }
  const often = [...counts].filter(([, count]) => count > 1).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return Uint32Array.from(often.slice(0, WORDS).map(([hash]) => hash)).sort();
}

/** A text's words, each with its row (−1: none) and the rows of its n-grams. */
function pieces(text, rowOf, words) {
  const line = folded(text);
  const found = [];
  eachWord(line, (start, end) => {
    const grams = [];
    eachGram(line, start, end, (hash) => grams.push(words + (hash & (GRAMS - 1))));
    found.push({ row: rowOf.get(wordHash(line, start, end)) ?? -1, grams });
  });
  return found;
}

const dot = (a, b, from, length) => {
  let sum = 0;
  for (let at = 0; at < length; at += 1) sum += a[at] * b[from + at];
  return sum;
};

/** Rows of a model that is still being taught. */
class Student {
  constructor(words, seed) {
    const next = random(seed);
    this.words = words;
    this.rows = Float32Array.from({ length: (words.length + GRAMS) * DIMENSIONS }, () => (next() - 0.5) * 0.1);
    this.squares = new Float32Array(this.rows.length).fill(1e-3);
    this.sum = new Float32Array(DIMENSIONS);
    this.gradient = new Float32Array(DIMENSIONS);
  }

  /** Sums the rows of `parts`, each `[row, weight]`, and gives the sum's length. */
  forward(parts) {
    const { rows, sum } = this;
    sum.fill(0);
    for (const [row, weight] of parts) {
      const from = row * DIMENSIONS;
      for (let at = 0; at < DIMENSIONS; at += 1) sum[at] += weight * rows[from + at];
    }
    return Math.sqrt(dot(sum, sum, 0, DIMENSIONS));
  }

  /** One step towards a target of length 1, at `from` in `targets`; gives the cosine before it. */
  step(parts, targets, from, rate) {
    const { rows, squares, sum, gradient } = this;
    const length = this.forward(parts);
    if (length === 0) return 0;
    const cosine = dot(sum, targets, from, DIMENSIONS) / length;
    for (let at = 0; at < DIMENSIONS; at += 1) gradient[at] = (targets[from + at] - (cosine * sum[at]) / length) / length;
    for (const [row, weight] of parts) {
      const start = row * DIMENSIONS;
      for (let at = 0; at < DIMENSIONS; at += 1) {
        const slope = gradient[at] * weight;
        squares[start + at] += slope * slope;
        rows[start + at] += (rate * slope) / Math.sqrt(squares[start + at]);
      }
    }
    return cosine;
  }
}

const partsOf = (found, asUnknown) =>
  found.flatMap(({ row, grams }) => (row < 0 || asUnknown() ? grams.map((each) => [each, 1 / grams.length]) : [[row, 1]]));

/**
 * Teaches a student.
 * @param {readonly string[]} texts
 * @param {Float32Array} targets `DIMENSIONS` numbers for each text, of length 1.
 * @param {number} seed
 * @returns {Uint8Array} The file of its weights.
 */
export function teach(texts, targets, seed) {
  const words = vocabulary(texts);
  const rowOf = new Map(Array.from(words, (hash, at) => [hash, at]));
  const student = new Student(words, seed + 10);
  const prepared = texts.map((text) => pieces(text, rowOf, words.length));
  const next = random(seed + 11);
  for (let epoch = 0; epoch < EPOCHS; epoch += 1) {
    const rate = RATE * (1 - epoch / EPOCHS);
    let cosines = 0;
    for (const at of shuffled([...prepared.keys()], seed + 20 + epoch)) {
      cosines += student.step(
        partsOf(prepared[at], () => next() < AS_UNKNOWN),
        targets,
        at * DIMENSIONS,
        rate,
      );
    }
    console.log(`Student: epoch ${epoch + 1} of ${EPOCHS}, mean cosine ${(cosines / texts.length).toFixed(4)}`);
  }
  return writeWeights(DIMENSIONS, words, GRAMS, student.rows);
}
