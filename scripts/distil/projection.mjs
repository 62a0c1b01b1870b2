import { random } from './corpus.mjs';

// Fewer dimensions: the directions in which vectors differ most, by orthogonal iteration. The mean is left in, since
// cosines are what is to be kept.

const ROUNDS = 24;
const SAMPLES = 12000;

/** Sums of products of each two dimensions over the vectors. */
function moments(vectors, width) {
  const sums = new Float64Array(width * width);
  const count = Math.min(SAMPLES, vectors.length / width);
  for (let sample = 0; sample < count; sample += 1) {
    const from = sample * width;
    for (let a = 0; a < width; a += 1) {
      const value = vectors[from + a];
      for (let b = a; b < width; b += 1) sums[a * width + b] += value * vectors[from + b];
    }
  }
  for (let a = 0; a < width; a += 1) for (let b = 0; b < a; b += 1) sums[a * width + b] = sums[b * width + a];
  return sums;
}

/** Makes the rows of `basis` of length 1 and each at right angles to those before it. */
function straighten(basis, width) {
  const rows = basis.length / width;
  for (let row = 0; row < rows; row += 1) {
    const own = basis.subarray(row * width, (row + 1) * width);
    for (let other = 0; other < row; other += 1) {
      const before = basis.subarray(other * width, (other + 1) * width);
      let shared = 0;
      for (let at = 0; at < width; at += 1) shared += own[at] * before[at];
      for (let at = 0; at < width; at += 1) own[at] -= shared * before[at];
    }
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    for (let at = 0; at < width; at += 1) own[at] /= length;
  }
}

/** `dimensions` directions of `width` numbers each. */
export function directions(vectors, width, dimensions, seed) {
  const sums = moments(vectors, width);
  const next = random(seed);
  let basis = Float64Array.from({ length: dimensions * width }, () => next() - 0.5);
  straighten(basis, width);
  for (let round = 0; round < ROUNDS; round += 1) {
    const turned = new Float64Array(basis.length);
    for (let row = 0; row < dimensions; row += 1) {
      const to = row * width;
      for (let a = 0; a < width; a += 1) {
        const weight = basis[to + a];
        const from = a * width;
        for (let b = 0; b < width; b += 1) turned[to + b] += weight * sums[from + b];
      }
    }
    basis = turned;
    straighten(basis, width);
  }
  return basis;
}

/** Vectors in fewer dimensions, of length 1 again, and how much of their squared length was kept. */
export function projected(vectors, width, basis) {
  const dimensions = basis.length / width;
  const count = vectors.length / width;
  const result = new Float32Array(count * dimensions);
  let kept = 0;
  for (let each = 0; each < count; each += 1) {
    const from = each * width;
    const to = each * dimensions;
    let square = 0;
    for (let row = 0; row < dimensions; row += 1) {
      let value = 0;
      for (let at = 0; at < width; at += 1) value += basis[row * width + at] * vectors[from + at];
      result[to + row] = value;
      square += value * value;
    }
    kept += square / count;
    const length = Math.sqrt(square) || 1;
    for (let row = 0; row < dimensions; row += 1) result[to + row] /= length;
  }
  return { vectors: result, kept };
}
