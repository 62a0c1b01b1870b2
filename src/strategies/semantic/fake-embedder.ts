import { type Embedder, quantised } from '../../core/meaning/embedder.ts';
import { hashOf } from '../../core/stable-hash.ts';

// For tests: texts that share words point alike. Production code must not import this file.

const DIMENSIONS = 509;

/** Each word adds one to a place of its own, or as good as. */
export function wordVector(text: string): Int8Array {
  const values = new Array<number>(DIMENSIONS).fill(0);
  for (const word of text.toLowerCase().split(/\W+/).filter(Boolean)) {
    const at = Number.parseInt(hashOf(word).slice(0, 6), 16) % DIMENSIONS;
    values[at] = (values[at] ?? 0) + 1;
  }
  return quantised(values);
}

export interface FakeEmbedder extends Embedder {
  /** What it was given at once, each time. */
  readonly asked: readonly (readonly string[])[];
}

/** Answers at once, or as `embed` does. */
export function fakeEmbedder(parts: Partial<Embedder> = {}): FakeEmbedder {
  const asked: (readonly string[])[] = [];
  const { embed = (texts: readonly string[]) => texts.map(wordVector), ...others } = parts;
  return {
    id: 'words',
    dimensions: DIMENSIONS,
    ...others,
    asked,
    embed(texts, signal) {
      asked.push(texts);
      return embed(texts, signal);
    },
  };
}
