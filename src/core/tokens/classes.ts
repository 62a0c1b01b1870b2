/** The classes of characters that the encodings' patterns tell apart; every character is in exactly one. Bits, for unions. */
export const UPPER = 1; // Lu, Lt
export const LOWER = 2; // Ll
export const CASELESS = 4; // Lm, Lo
export const MARK = 8; // M
export const NUMBER = 16; // N
export const SPACE = 32; // \s but for line ends
export const LINE = 64; // \r \n
export const OTHER = 128;
/** Added where the character takes two UTF-16 units. */
export const WIDE = 256;

export const LETTER = UPPER | LOWER | CASELESS;

/** The engine's own Unicode tables say which character is what: they are those of the patterns' `\p{…}` and `\s`. */
const PATTERNS: readonly (readonly [kind: number, pattern: RegExp])[] = [
  [UPPER, /[\p{Lu}\p{Lt}]+/gu],
  [LOWER, /\p{Ll}+/gu],
  [CASELESS, /[\p{Lm}\p{Lo}]+/gu],
  [MARK, /\p{M}+/gu],
  [NUMBER, /\p{N}+/gu],
  [SPACE, /[^\S\r\n]+/gu],
  [LINE, /[\r\n]+/gu],
];

const BLOCK = 256;
const BASIC_PLANE = 0x10000;

/**
 * The class of every character, looked up a block of 256 at a time, when a character of the block is first met: one
 * array access a character, where the patterns themselves would try each of seven alternatives in turn.
 */
export class CharacterClasses {
  /** By UTF-16 unit. 0 where the block is not known yet, and for surrogates: `lookUp` tells. */
  readonly basic = new Uint8Array(BASIC_PLANE);
  /** Of the planes above, by the block's number. */
  readonly #blocks: (Uint8Array | undefined)[] = [];

  /** The class of the character at `at`; a lone surrogate is a sign like any other. */
  lookUp(text: string, at: number): number {
    const code = text.codePointAt(at) ?? 0;
    if (code >= 0xd800 && code < 0xe000) return OTHER;
    const number = code >>> 8;
    if (code < BASIC_PLANE) {
      this.basic.set(classesOf(number), number * BLOCK);
      return this.basic[code] ?? OTHER;
    }
    let block = this.#blocks[number];
    if (block === undefined) {
      block = classesOf(number);
      this.#blocks[number] = block;
    }
    return (block[code & (BLOCK - 1)] ?? OTHER) | WIDE;
  }
}

function classesOf(block: number): Uint8Array {
  const classes = new Uint8Array(BLOCK).fill(OTHER);
  const codes = Array.from({ length: BLOCK }, (_, low) => block * BLOCK + low);
  const characters = String.fromCodePoint(...codes);
  const units = characters.length / BLOCK;
  for (const [kind, pattern] of PATTERNS) {
    for (const match of characters.matchAll(pattern)) {
      classes.fill(kind, match.index / units, (match.index + match[0].length) / units);
    }
  }
  return classes;
}
