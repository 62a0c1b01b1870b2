import { type Embedder, quantised } from '../embedder.ts';
import { folded } from './fold.ts';
import { readWeights, type Weights } from './weights.ts';
import { eachGram, eachWord, wordHash } from './words.ts';

export { MOST_READ } from './fold.ts';

/** The name of an embedder with these weights. */
export function staticEmbedderId({ dimensions, fingerprint }: { readonly dimensions: number; readonly fingerprint: number }): string {
  return `weir/static-en-${dimensions}-${fingerprint.toString(16).padStart(8, '0')}`;
}

/** An embedder that asks nobody, from the bytes of its weights (`weights.ts`). */
export function loadStaticEmbedder(bytes: ArrayBuffer | Uint8Array): StaticEmbedder {
  return new StaticEmbedder(readWeights(bytes instanceof Uint8Array ? alone(bytes) : bytes));
}

/** A buffer that holds these bytes and nothing else, as views of several widths need it. */
function alone(bytes: Uint8Array): ArrayBuffer {
  const buffer = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

/**
 * A text's direction is the sum of its words' rows, as its teacher's vectors taught them: a word that weighs little has
 * a short row. A word that is not in the vocabulary is the mean of the rows of its runs of characters. Neither case nor
 * space, accents, punctuation nor the order of words make a difference.
 */
export class StaticEmbedder implements Embedder {
  readonly id: string;
  readonly dimensions: number;
  readonly #weights: Weights;
  readonly #sum: Float64Array;

  constructor(weights: Weights) {
    this.#weights = weights;
    this.id = staticEmbedderId(weights);
    this.dimensions = weights.dimensions;
    this.#sum = new Float64Array(weights.dimensions);
  }

  embed(texts: readonly string[]): readonly Int8Array[] {
    return texts.map((text) => this.vector(text));
  }

  /** All zeros where no word of the vocabulary is in the text, whatever else is. */
  vector(text: string): Int8Array {
    const sum = this.#sum.fill(0);
    const line = folded(text);
    let known = false;
    eachWord(line, (start, end) => {
      const row = this.#rowOf(wordHash(line, start, end));
      if (row < 0) return this.#addUnknown(line, start, end);
      known = true;
      this.#add(row, 1);
    });
    return known ? quantised(sum) : new Int8Array(this.dimensions);
  }

  /** Where a word's row is, or −1. */
  #rowOf(hash: number): number {
    const { hashes } = this.#weights;
    let low = 0;
    let high = hashes.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = hashes[middle] ?? 0;
      if (found === hash) return middle;
      if (found < hash) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #addUnknown(line: string, start: number, end: number): void {
    const { words, grams } = this.#weights;
    let count = 0;
    eachGram(line, start, end, () => {
      count += 1;
    });
    eachGram(line, start, end, (hash) => this.#add(words + (hash & (grams - 1)), 1 / count));
  }

  #add(row: number, weight: number): void {
    const { rows, scales, dimensions } = this.#weights;
    const sum = this.#sum;
    const scale = (scales[row] ?? 0) * weight;
    const from = row * dimensions;
    for (let at = 0; at < dimensions; at += 1) sum[at] = (sum[at] ?? 0) + scale * (rows[from + at] ?? 0);
  }
}
