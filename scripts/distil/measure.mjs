import { similarity } from '../../src/core/meaning/embedder.ts';
import { loadStaticEmbedder } from '../../src/core/meaning/static/index.ts';
import { random, shuffled } from './corpus.mjs';

// What a student is worth: how near it comes to its teacher on sentences that it has not seen, and what it does with them.

const PAIRS = 20000;
/** The nearest neighbours of each sentence: pairs drawn at random are nearly all far from each other. */
const NEAREST = 5;

function correlation(a, b) {
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  let both = 0;
  let aa = 0;
  let bb = 0;
  for (let at = 0; at < a.length; at += 1) {
    both += (a[at] - ma) * (b[at] - mb);
    aa += (a[at] - ma) ** 2;
    bb += (b[at] - mb) ** 2;
  }
  return both / Math.sqrt(aa * bb);
}

function ranks(list) {
  const order = list.map((_, at) => at).sort((a, b) => list[a] - list[b]);
  const places = new Array(list.length);
  for (const [rank, at] of order.entries()) places[at] = rank;
  return places;
}

const cosine = (vectors, a, b, width) => {
  let sum = 0;
  for (let at = 0; at < width; at += 1) sum += vectors[a * width + at] * vectors[b * width + at];
  return sum;
};

/** Pairs of indexes below `count`: half at random, half of which the second is among the teacher's nearest of the first. */
function pairs(teacher, count, width, seed) {
  const next = random(seed);
  const any = () => Math.floor(next() * count);
  const found = Array.from({ length: PAIRS / 2 }, () => [any(), any()]);
  for (let first = 0; found.length < PAIRS && first < count; first += 1) {
    const others = Array.from({ length: count }, (_, at) => [cosine(teacher, first, at, width), at]).filter(([, at]) => at !== first);
    others.sort((a, b) => b[0] - a[0]);
    for (const [, at] of others.slice(0, NEAREST)) found.push([first, at]);
  }
  return found.filter(([a, b]) => a !== b);
}

/**
 * @param {Uint8Array} file The student's weights.
 * @param {readonly string[]} texts That it has not seen.
 * @param {Float32Array} teacher Their vectors, of length 1.
 * @param {Float32Array} targets The same in the student's dimensions.
 */
export function nearness(file, texts, teacher, targets, seed) {
  const student = loadStaticEmbedder(file);
  const width = teacher.length / texts.length;
  const vectors = texts.map((text) => student.vector(text));
  const { dimensions } = student;
  let sum = 0;
  let unknown = 0;
  for (const [at, vector] of vectors.entries()) {
    const target = targets.subarray(at * dimensions, (at + 1) * dimensions);
    const length = Math.sqrt(vector.reduce((square, value) => square + value * value, 0));
    if (length === 0) unknown += 1;
    else sum += vector.reduce((dot, value, each) => dot + value * target[each], 0) / length;
  }
  const drawn = pairs(teacher, texts.length, width, seed);
  const of = (list, name) => {
    const theirs = list.map(([a, b]) => cosine(teacher, a, b, width));
    const ours = list.map(([a, b]) => similarity(vectors[a], vectors[b]));
    return {
      [`${name}Pairs`]: list.length,
      [`${name}Pearson`]: correlation(theirs, ours),
      [`${name}Spearman`]: correlation(ranks(theirs), ranks(ours)),
    };
  };
  return {
    cosineToTeacher: sum / (texts.length - unknown),
    unknown,
    ...of(drawn.slice(0, PAIRS / 2), 'random'),
    ...of(drawn.slice(PAIRS / 2), 'near'),
  };
}

/** A vector of length 1. */
function unit(vector) {
  const length = Math.sqrt(vector.reduce((square, value) => square + value * value, 0)) || 1;
  return Float32Array.from(vector, (value) => value / length);
}

/** How often the label of the nearest example is the right one, over so many questions drawn at random. */
export function nearestLabel(file, examples, questions, { most, seed }) {
  const student = loadStaticEmbedder(file);
  const width = student.dimensions;
  const known = new Float32Array(examples.length * width);
  for (const [at, [text]] of examples.entries()) known.set(unit(student.vector(text)), at * width);
  const asked = shuffled(questions, seed).slice(0, most);
  let right = 0;
  for (const [text, label] of asked) {
    const vector = unit(student.vector(text));
    let nearest = 0;
    let most = -2;
    for (let at = 0; at < examples.length; at += 1) {
      let near = 0;
      for (let each = 0; each < width; each += 1) near += vector[each] * known[at * width + each];
      if (near > most) {
        most = near;
        nearest = at;
      }
    }
    if (examples[nearest][1] === label) right += 1;
  }
  return right / asked.length;
}

/** How often the nearest of the routes' mean directions is the right one, each made of `shots` examples; mean of `draws`. */
export function routing(file, byLabel, { routes, shots, draws, seed }) {
  const student = loadStaticEmbedder(file);
  const labels = [...byLabel.keys()].sort();
  const next = random(seed);
  const draw = (list, count) => {
    const left = [...list];
    return Array.from({ length: count }, () => left.splice(Math.floor(next() * left.length), 1)[0]);
  };
  const centre = (texts) => {
    const sum = new Float64Array(student.dimensions);
    for (const text of texts) {
      const vector = student.vector(text);
      const length = Math.sqrt(vector.reduce((square, value) => square + value * value, 0)) || 1;
      for (const [at, value] of vector.entries()) sum[at] += value / length;
    }
    return Int8Array.from(sum, (value) => Math.round((value / shots) * 127));
  };
  let right = 0;
  let asked = 0;
  for (let each = 0; each < draws; each += 1) {
    const taken = draw(labels, routes);
    const centres = taken.map((label) => centre(draw(byLabel.get(label).examples, shots)));
    for (const [route, label] of taken.entries()) {
      for (const text of byLabel.get(label).questions) {
        const vector = student.vector(text);
        const near = centres.map((centred) => similarity(vector, centred));
        asked += 1;
        if (near.indexOf(Math.max(...near)) === route) right += 1;
      }
    }
  }
  return right / asked;
}

/** Microseconds of CPU a text, warm: the least of several rounds, which other processes disturbed least. */
export function microseconds(file, texts, rounds = 20) {
  const student = loadStaticEmbedder(file);
  const times = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    for (const text of texts) student.vector(text);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / texts.length;
  });
  return Math.min(...times);
}
