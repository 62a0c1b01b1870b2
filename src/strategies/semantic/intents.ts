import { quantised } from '../../core/meaning/embedder.ts';

/** Where a text belongs by its examples: the route that is nearest, and how near. */
export interface Match {
  /** Place of the route in the list. */
  readonly route: number;
  /** Place of its nearest example in its own list. */
  readonly example: number;
  /** −1…1: half the similarity to the nearest example, half that to all of the route's together. */
  readonly score: number;
  /** By how much it is nearer than the next route; absent where there is no other. */
  readonly margin?: number;
}

/** Multiplications that fitting a threshold may take: some 50 ms. Beyond it only a part of the examples is tried. */
const MOST_WORK = 64_000_000;
/** Examples that are tried whatever it takes. */
const LEAST_TRIED = 32;
/** Standard deviations below the mean that one of twenty falls under, where nothing tells what lies outside. */
const ONE_SIDED_95 = 1.645;

/** The examples of some routes as directions, and what is told from them. Takes no text. */
export class Intents {
  readonly #routes: readonly Route[];
  readonly dimensions: number;
  /** What an own text must reach to be taken for one of the routes: fitted from the examples alone, the same for the same examples. */
  readonly threshold: number;
  /** Examples that it was fitted by: all of them, but where that would take too long. */
  readonly tried: number;

  /** `routes`: for each route the vectors of its examples, all of the same length. */
  constructor(routes: readonly (readonly Int8Array[])[], dimensions: number) {
    this.dimensions = dimensions;
    this.#routes = routes.map((examples) => new Route(examples, dimensions));
    const tried = this.#tried();
    this.tried = tried.length;
    this.threshold = this.#fitted(tried);
  }

  /** `undefined` where the text says nothing that is known. */
  match(vector: Int8Array): Match | undefined {
    const length = lengthOf(vector, 0, this.dimensions);
    if (length === 0) return undefined;
    const scored = this.#routes.map((route) => route.score(vector, 0, length));
    const [best, next] = firstTwo(scored.map(({ score }) => score));
    const found = best === undefined ? undefined : scored[best];
    if (best === undefined || found === undefined || found.example < 0) return undefined;
    const second = next === undefined ? undefined : scored[next];
    return {
      route: best,
      example: found.example,
      score: found.score,
      ...(second === undefined ? {} : { margin: found.score - second.score }),
    };
  }

  /**
   * Leaves out one example after the other: what it comes to with the others of its route is what a text comes to that
   * belongs there, and what it comes to without its whole route what one does that belongs nowhere. The threshold is where
   * most of the first are let in, to the right route, and fewest of the second.
   */
  #fitted(tried: readonly Place[]): number {
    const inside: { readonly score: number; readonly isRight: boolean }[] = [];
    const outside: number[] = [];
    for (const { route, example } of tried) {
      const own = this.#routes[route]?.without(example);
      if (own === undefined) continue;
      const others = this.#routes.flatMap((each, at) => (at === route ? [] : [each.score(own.vector, own.at, own.length).score]));
      const other = others.length === 0 ? Number.NEGATIVE_INFINITY : Math.max(...others);
      inside.push({ score: Math.max(own.score, other), isRight: own.score >= other });
      if (others.length > 0) outside.push(other);
    }
    return outside.length === 0 ? lowest(inside.map(({ score }) => score)) : separating(inside, outside);
  }

  /** Every example, or as many as there is time for, taken evenly. */
  #tried(): readonly Place[] {
    const all = this.#routes.flatMap(({ size }, route) => Array.from({ length: size }, (_, example) => ({ route, example })));
    const most = Math.max(LEAST_TRIED, Math.floor(MOST_WORK / Math.max(1, all.length * this.dimensions)));
    if (all.length <= most) return all;
    return Array.from({ length: most }, (_, step) => all[Math.floor((step * all.length) / most)]).filter((each) => each !== undefined);
  }
}

interface Place {
  readonly route: number;
  readonly example: number;
}

interface Scored {
  readonly score: number;
  readonly example: number;
}

interface Centre {
  readonly vector: Int8Array;
  readonly length: number;
}

/** An example with what its own route is to it, once it is not among its examples. */
interface LeftOut extends Scored {
  readonly vector: Int8Array;
  readonly at: number;
  readonly length: number;
}

class Route {
  readonly size: number;
  readonly #dimensions: number;
  /** All vectors, one behind the other. */
  readonly #vectors: Int8Array;
  readonly #lengths: Float64Array;
  /** The sum of all directions, of length 1 each. */
  readonly #sum: Float64Array;
  readonly #centre: Centre;

  constructor(examples: readonly Int8Array[], dimensions: number) {
    this.size = examples.length;
    this.#dimensions = dimensions;
    this.#vectors = new Int8Array(examples.length * dimensions);
    this.#lengths = new Float64Array(examples.length);
    this.#sum = new Float64Array(dimensions);
    for (const [step, vector] of examples.entries()) {
      this.#vectors.set(vector.subarray(0, dimensions), step * dimensions);
      const length = lengthOf(vector, 0, dimensions);
      this.#lengths[step] = length;
      if (length > 0) addTo(this.#sum, vector, 0, UNIT / length);
    }
    this.#centre = centreOf(this.#sum);
  }

  /** Of the vector that begins at a place of an array. */
  score(vector: Int8Array, at: number, length: number, without = -1, centre = this.#centre): Scored {
    let nearest = Number.NEGATIVE_INFINITY;
    let example = -1;
    for (let step = 0; step < this.size; step++) {
      const own = this.#lengths[step] ?? 0;
      if (step === without || own === 0) continue;
      const similarity = dot(this.#vectors, step * this.#dimensions, vector, at, this.#dimensions) / (own * length);
      if (similarity > nearest) {
        nearest = similarity;
        example = step;
      }
    }
    if (example < 0) return { score: -1, example };
    const product = dot(centre.vector, 0, vector, at, this.#dimensions);
    // Directions that cancel each other out have no centre.
    return { score: (nearest + (centre.length === 0 ? 0 : product / (centre.length * length))) / 2, example };
  }

  /** `undefined` where an example says nothing that is known. */
  without(example: number): LeftOut | undefined {
    const length = this.#lengths[example] ?? 0;
    if (length === 0) return undefined;
    const at = example * this.#dimensions;
    const sum = this.#sum.slice();
    addTo(sum, this.#vectors, at, -UNIT / length);
    return { ...this.score(this.#vectors, at, length, example, centreOf(sum)), vector: this.#vectors, at, length };
  }
}

/** Whole numbers throughout, which is three times as fast: 127² times the longest vector there is stays far within 32 bits. */
function dot(left: Int8Array, from: number, right: Int8Array, at: number, dimensions: number): number {
  let sum = 0;
  for (let step = 0; step < dimensions; step++) sum = (sum + Math.imul(left[from + step] ?? 0, right[at + step] ?? 0)) | 0;
  return sum;
}

const lengthOf = (vector: Int8Array, at: number, dimensions: number) => Math.sqrt(dot(vector, at, vector, at, dimensions));

/** What a direction of length 1 is made of: whole numbers, whose sum is the same in whatever order they are added and taken off. */
const UNIT = 65_536;

function addTo(sum: Float64Array, vector: Int8Array, at: number, factor: number): void {
  const sign = Math.sign(factor);
  for (let step = 0; step < sum.length; step++) {
    sum[step] = (sum[step] ?? 0) + sign * Math.round((vector[at + step] ?? 0) * Math.abs(factor));
  }
}

/** What a route's directions come to together, scaled to whole numbers. */
function centreOf(sum: Float64Array): Centre {
  const vector = quantised(sum);
  return { vector, length: lengthOf(vector, 0, vector.length) };
}

/** The places of the highest and the second highest. */
function firstTwo(values: readonly number[]): readonly [number | undefined, number | undefined] {
  let best: number | undefined;
  let next: number | undefined;
  for (const [at, value] of values.entries()) {
    if (best === undefined || value > (values[best] ?? 0)) [best, next] = [at, best];
    else if (next === undefined || value > (values[next] ?? 0)) next = at;
  }
  return [best, next];
}

/** Under which one of twenty would fall. */
function lowest(scores: readonly number[]): number {
  if (scores.length === 0) return 1;
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / scores.length;
  return mean - ONE_SIDED_95 * Math.sqrt(variance);
}

/** Half way between two scores, at the place that lets in most of what is inside, rightly, and least of what is outside. */
function separating(inside: readonly { readonly score: number; readonly isRight: boolean }[], outside: readonly number[]): number {
  const steps = [
    // Parts of all that are inside, and of all that are outside, in whole numbers.
    ...inside.map(({ score, isRight }) => ({ score, gain: isRight ? outside.length : 0 })),
    ...outside.map((score) => ({ score, gain: -inside.length })),
  ].sort((a, b) => a.score - b.score);
  let threshold = steps[0]?.score ?? 1;
  let gain = 0;
  let best = 0;
  for (const [at, step] of steps.entries()) {
    // What lies below the threshold is not let in any more.
    gain -= step.gain;
    const next = steps[at + 1]?.score ?? step.score;
    if (next === step.score || gain <= best) continue;
    best = gain;
    threshold = (step.score + next) / 2;
  }
  return threshold;
}
