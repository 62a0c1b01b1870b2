/** Stands for every character that is in no term. */
export const OTHER = 0;
/** Stands between a word character and one that is none, and at a word at either end of the text. */
export const EDGE = 1;
const FIRST_SYMBOL = 2;
const UNKNOWN = -1;

/** Of what `Alphabet.read` gives. */
export const isWord = (character: number): boolean => (character & 1) === 1;

const wordCharacter = /^[[\p{L}\p{N}\p{M}_]--[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]]$/v;

/** Which symbol a character is: those that count as the same share one. */
export class Alphabet {
  readonly #matchCase: boolean;
  readonly #symbols = new Map<number, number>();
  /** What was found out about characters, in pages of 256 code points: asking Unicode each time is what would cost most. */
  readonly #pages: Int32Array[] = [];

  constructor(matchCase: boolean) {
    this.#matchCase = matchCase;
  }

  get size(): number {
    return FIRST_SYMBOL + this.#symbols.size;
  }

  /** Only while terms are compiled, and before anything is read: gives the character a symbol. */
  add(codePoint: number): void {
    const same = this.#fold(codePoint);
    if (!this.#symbols.has(same)) this.#symbols.set(same, this.size);
  }

  /** The symbol times two, and one more for a word character. */
  read(codePoint: number): number {
    const known = this.#pages[codePoint >> 8]?.[codePoint & 0xff] ?? UNKNOWN;
    return known === UNKNOWN ? this.#learn(codePoint) : known;
  }

  #learn(codePoint: number): number {
    const symbol = this.#symbols.get(this.#fold(codePoint)) ?? OTHER;
    const learnt = symbol * 2 + (wordCharacter.test(String.fromCodePoint(codePoint)) ? 1 : 0);
    const page = this.#pages[codePoint >> 8] ?? new Int32Array(256).fill(UNKNOWN);
    page[codePoint & 0xff] = learnt;
    this.#pages[codePoint >> 8] = page;
    return learnt;
  }

  #fold(codePoint: number): number {
    return this.#matchCase ? codePoint : foldCase(codePoint);
  }
}

/**
 * One character for all its cases. Upper first: final and medial sigma differ only in lower case. A case that
 * is written with several characters (`ß`, `SS`) is left alone: a match must be as long as its term.
 */
function foldCase(codePoint: number): number {
  return single(
    single(codePoint, (text) => text.toUpperCase()),
    (text) => text.toLowerCase(),
  );
}

function single(codePoint: number, change: (text: string) => string): number {
  const text = String.fromCodePoint(codePoint);
  const changed = change(text);
  return changed.length === text.length ? (changed.codePointAt(0) ?? codePoint) : codePoint;
}
