import { CASELESS, type CharacterClasses, LETTER, LINE, LOWER, MARK, NUMBER, OTHER, SPACE, UPPER, WIDE } from './classes.ts';
import type { Encoding } from './encoding.ts';

/**
 * The end of the piece that begins at `at`, which is below the text's length. A piece is what the encoding's pattern
 * matches there; byte pairs are merged within pieces only. Written out by hand from the patterns: one pass over a
 * table of classes, no backtracking (a pattern keeps a stack entry for each character of a run), no match objects.
 */
export type PieceEnd = (text: string, at: number) => number;

/** Either half of o200k's words: `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]` and `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`. */
const UPPERISH = UPPER | CASELESS | MARK;
const LOWERISH = LOWER | CASELESS | MARK;
/** What may stand before a word and belong to it: `[^\r\n\p{L}\p{N}]`. */
const BEFORE_WORD = MARK | SPACE | OTHER;
/** `[^\s\p{L}\p{N}]`. */
const SIGN = MARK | OTHER;
const BLANK = SPACE | LINE;

const APOSTROPHE = 0x27;
const SLASH = 0x2f;

export function splitter(encoding: Encoding, classes: CharacterClasses): PieceEnd {
  return encoding === 'o200k_base' ? o200k(new Characters(classes)) : cl100k(new Characters(classes));
}

/** Reads characters by their class. */
class Characters {
  readonly #classes: CharacterClasses;
  readonly #basic: Uint8Array;

  constructor(classes: CharacterClasses) {
    this.#classes = classes;
    this.#basic = classes.basic;
  }

  /** Class, with `WIDE` for two units; 0 at the text's end. */
  at(text: string, at: number): number {
    if (at >= text.length) return 0;
    return this.#basic[text.charCodeAt(at)] || this.#classes.lookUp(text, at);
  }

  /** The end of the longest run of characters of these classes. */
  run(text: string, from: number, kinds: number): number {
    let at = from;
    for (let kind = this.at(text, at); (kind & kinds) !== 0; kind = this.at(text, at)) at += widthOf(kind);
    return at;
  }
}

const widthOf = (kind: number) => ((kind & WIDE) === 0 ? 1 : 2);

/**
 * `('s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
 * the contractions in either case.
 */
function cl100k(characters: Characters): PieceEnd {
  return (text, at) => {
    const shortened = contraction(text, at);
    if (shortened > at) return shortened;
    const first = characters.at(text, at);
    if ((first & LETTER) !== 0) return characters.run(text, at, LETTER);
    const second = at + widthOf(first);
    if ((first & BEFORE_WORD) !== 0) {
      const end = characters.run(text, second, LETTER);
      if (end > second) return end;
    }
    return wordless(characters, text, at, first, false);
  };
}

/**
 * Words as `[^\r\n\p{L}\p{N}]?[upperish]*[lowerish]+(contraction)?` or else `…[upperish]+[lowerish]*(contraction)?`,
 * and then as in cl100k, but a slash may follow signs as line ends do.
 */
function o200k(characters: Characters): PieceEnd {
  return (text, at) => {
    const first = characters.at(text, at);
    if ((first & LETTER) !== 0) return contraction(text, Math.abs(word(characters, text, at)));
    if ((first & BEFORE_WORD) !== 0) {
      const end = word(characters, text, at + widthOf(first));
      if (end > 0) return contraction(text, end);
      // A mark is a lowerish word by itself, and such a word comes before one in upper case with the mark in front.
      if ((first & MARK) !== 0) return contraction(text, word(characters, text, at));
      if (end < 0) return contraction(text, -end);
    }
    return wordless(characters, text, at, first, true);
  };
}

/**
 * The end of o200k's word without what stands before it: positive where it matches `[upperish]*[lowerish]+`, negative
 * where it matches `[upperish]+[lowerish]*` alone, 0 where there is no word.
 */
function word(characters: Characters, text: string, from: number): number {
  let at = from;
  // The greedy first half gives back up to its last character that the second half can take.
  let afterLast = 0;
  let kind = characters.at(text, at);
  while ((kind & UPPERISH) !== 0) {
    at += widthOf(kind);
    if ((kind & LOWERISH) !== 0) afterLast = at;
    kind = characters.at(text, at);
  }
  if ((kind & LOWER) !== 0) return characters.run(text, at, LOWERISH);
  if (afterLast > 0) return afterLast;
  return at > from ? -at : 0;
}

/** `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+` */
function wordless(characters: Characters, text: string, at: number, first: number, slashes: boolean): number {
  if ((first & NUMBER) !== 0) return number(characters, text, at);
  const signs = text.charCodeAt(at) === 0x20 ? at + 1 : at;
  let end = characters.run(text, signs, SIGN);
  if (end === signs) return blank(characters, text, at);
  while ((characters.at(text, end) & LINE) !== 0 || (slashes && text.charCodeAt(end) === SLASH)) end++;
  return end;
}

function number(characters: Characters, text: string, from: number): number {
  let at = from;
  for (let digits = 0; digits < 3; digits++) {
    const kind = characters.at(text, at);
    if ((kind & NUMBER) === 0) break;
    at += widthOf(kind);
  }
  return at;
}

/** Up to the last line end of the run; without one, up to the last blank but one, which belongs to the word behind. */
function blank(characters: Characters, text: string, from: number): number {
  let at = from;
  let afterLine = 0;
  for (let kind = characters.at(text, at); (kind & BLANK) !== 0; kind = characters.at(text, at)) {
    at++;
    if ((kind & LINE) !== 0) afterLine = at;
  }
  if (afterLine > 0) return afterLine;
  return at === text.length || at === from + 1 ? at : at - 1;
}

/** The end of `'s`, `'t`, `'m`, `'d`, `'re`, `'ve` or `'ll` in either case; `at` where there is none. */
function contraction(text: string, at: number): number {
  if (text.charCodeAt(at) !== APOSTROPHE) return at;
  switch (text.charCodeAt(at + 1) | 0x20) {
    case 0x73: // s
    case 0x74: // t
    case 0x6d: // m
    case 0x64: // d
      return at + 2;
    case 0x72: // r
    case 0x76: // v
      return (text.charCodeAt(at + 2) | 0x20) === 0x65 ? at + 3 : at;
    case 0x6c: // l
      return (text.charCodeAt(at + 2) | 0x20) === 0x6c ? at + 3 : at;
    default:
      return at;
  }
}
