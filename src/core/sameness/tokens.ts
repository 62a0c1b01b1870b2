// A text cut into words, numbers and signs. One pass, whatever the text: every alternative below begins with another
// kind of character, so nothing is read twice.

export interface Token {
  /** Lower case, compatibility forms resolved, apostrophes straight: two tokens of equal text are the same word. */
  readonly text: string;
  readonly kind: 'word' | 'number' | 'sign';
  /** Whether it is written as a name: a capital that no sentence's start explains, or capitals throughout. */
  readonly named: boolean;
  /** Whether a blank or a sign stands before it: "5km" is two tokens, the second one joined. */
  readonly joined: boolean;
}

/** More is never looked at: what is longer is not a question (see `unfit.ts`). */
export const LONGEST = 20_000;

/** The same patterns, and several times faster, where all is ASCII. */
const ASCII = {
  all: /^[\0-\x7f]*$/,
  piece: /[A-Za-z]+(?:'[A-Za-z]+)*|\d+(?:[.,:/]\d+)*|[.!?\n]|[^\sA-Za-z\d]/g,
  initials: /(?<![A-Za-z])(?:[A-Za-z]\.){2,}/g,
};
const PIECE = /[\p{L}\p{M}]+(?:'[\p{L}\p{M}]+)*|\p{N}+(?:[.,:/]\p{N}+)*|[.!?\n]|[^\s\p{L}\p{M}\p{N}]/gu;
const WORD = /^[\p{L}\p{M}]/u;
const NUMBER = /^\p{N}/u;
/** Signs that carry meaning wherever they stand; the others are punctuation. */
const MEANT = /^(?:[+*/\\^=<>&|~@#%_]|\p{S})$/u;
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const APOSTROPHES = /[‘’ʼ`´]/g;
const DASHES = /[‐-―−]/g;
/** "u.s." and "e.g." are written with or without their stops. */
const INITIALS = /(?<![\p{L}\p{M}])(?:\p{L}\.){2,}/gu;

export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const ascii = ASCII.all.test(text);
  const plain = ascii ? asciiOf(text) : plainOf(text);
  let starts = true;
  let end = 0;
  for (const match of plain.matchAll(ascii ? ASCII.piece : PIECE)) {
    const piece = match[0];
    const joined = match.index === end && end > 0;
    end = match.index + piece.length;
    if (isLetter(piece)) {
      addWord(tokens, piece, starts, joined);
      starts = false;
    } else if (isDigit(piece)) {
      tokens.push({ text: piece, kind: 'number', named: false, joined });
      starts = false;
    } else if (MEANT.test(piece) || (piece === '-' && isDigit(plain[match.index + 1] ?? ''))) {
      // A dash before a digit is a minus or a range, and no hyphen.
      tokens.push({ text: piece, kind: 'sign', named: false, joined });
    } else if (piece === '.' || piece === '!' || piece === '?' || piece === ':' || piece === '\n') starts = true;
  }
  return tokens;
}

const withoutStops = (letters: string) => letters.replaceAll('.', '');

function asciiOf(text: string): string {
  return text.slice(0, LONGEST).replaceAll('`', "'").replace(ASCII.initials, withoutStops);
}

function plainOf(text: string): string {
  return text.slice(0, LONGEST).normalize('NFKC').replace(APOSTROPHES, "'").replace(DASHES, '-').replace(INITIALS, withoutStops);
}

function addWord(tokens: Token[], piece: string, starts: boolean, joined: boolean): void {
  // Upper case first: what has no lower case of its own (ß, ı) then folds like its capitals.
  const lower = piece.toUpperCase().toLowerCase();
  if (piece.charCodeAt(0) >= 128 && UNSPACED.test(piece)) {
    // Nobody marks where a word ends: each character is compared, in order.
    for (const [at, character] of [...lower].entries())
      tokens.push({ text: character, kind: 'word', named: false, joined: joined || at > 0 });
    return;
  }
  const capital = piece[0] !== lower[0];
  const throughout = piece.length > 1 && piece !== lower && piece === piece.toUpperCase();
  tokens.push({ text: lower, kind: 'word', named: throughout || (capital && !starts), joined });
}

const isLetter = (piece: string) => {
  const code = piece.charCodeAt(0);
  return code < 128 ? (code | 32) >= 97 && (code | 32) <= 122 : WORD.test(piece);
};

const isDigit = (piece: string) => {
  const code = piece.charCodeAt(0);
  return code < 128 ? code >= 48 && code <= 57 : NUMBER.test(piece);
};
