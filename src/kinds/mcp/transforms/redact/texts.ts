import { boundedPattern } from '../../../../core/bounded-pattern.ts';
import { Rewriter } from '../../../../core/rewrite.ts';
import { Terms } from '../../../../core/terms.ts';

/** Characters from which on a text that was taken out is looked for in other texts too: shorter ones stand everywhere. */
const SHORTEST = 4;
/** Texts that are looked for at most. */
const MOST_TAKEN = 2_000;

export interface TextSettings {
  readonly terms: readonly string[];
  readonly patterns: readonly string[];
  readonly with: string;
}

/** Finds terms and patterns in texts, in time in proportion to them, and writes something else in their place. */
export class TextMask {
  readonly #terms: Terms | undefined;
  readonly #patterns: readonly RegExp[];
  readonly #with: string;

  constructor({ terms, patterns, with: written }: TextSettings) {
    this.#terms = terms.length === 0 ? undefined : new Terms(terms.map((text) => ({ text })));
    this.#patterns = patterns.map((pattern) => boundedPattern(pattern, { flags: 'gu' }).regex);
    this.#with = written;
  }

  get isNothing(): boolean {
    return this.#terms === undefined && this.#patterns.length === 0;
  }

  readonly over = (text: string): string => {
    const first = this.#terms === undefined ? text : masked(text, this.#terms, this.#with);
    return this.#patterns.reduce((left, pattern) => left.replace(pattern, (found) => (found === '' ? '' : this.#with)), first);
  };
}

function masked(text: string, terms: Terms, written: string): string {
  const rewriter = new Rewriter(terms, () => written);
  return rewriter.push(text) + rewriter.end();
}

/** What was taken out of one result, to be taken out of its texts too. */
export class Taken {
  readonly #leaves = new Set<string>();

  readonly add = (leaf: string): void => {
    if (leaf.length >= SHORTEST && this.#leaves.size < MOST_TAKEN) this.#leaves.add(leaf);
  };

  /** What masks all of it, word for word. */
  mask(written: string): (text: string) => string {
    if (this.#leaves.size === 0) return (text) => text;
    const terms = new Terms(
      [...this.#leaves].map((text) => ({ text })),
      { matchCase: true },
    );
    return (text) => masked(text, terms, written);
  }
}
