import { type Script, scriptOf } from './tokens/scripts.ts';

/**
 * Estimates the tokens of a text in OpenAI's o200k_base without a vocabulary: the text is read once and cut about where
 * the encoding cuts it, and each piece costs what pieces of its kind and length cost on average. Errors by kind of
 * text, and factors for other vendors' vocabularies: docs/tokens.md. Linear, about 20 ns a character.
 */
export function estimateTokens(text: string): number {
  const estimate = new Estimate();
  for (let at = 0; at < text.length; at++) estimate.read(text.charCodeAt(at));
  return estimate.total();
}

const LOWER = 1;
const UPPER = 2;
const DIGIT = 3;
const SPACE = 4;
const LINE = 5;
const SIGN = 6;
const OTHER = 7;

const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[a-z]/.test(character)) return LOWER;
  if (/[A-Z]/.test(character)) return UPPER;
  if (/\d/.test(character)) return DIGIT;
  if (/[\r\n]/.test(character)) return LINE;
  return /\s/.test(character) ? SPACE : SIGN;
});

/** Words of natural Latin text are one token up to here, and little more for each letter beyond. */
const SHORT_WORD = 7;
/** Runs of letters and digits from here on are looked at for chance: keys, hashes, base64. */
const LONG_RUN = 8;
/** Letters between two changes of case or to digits: below it no one wrote the run. */
const CHANCE = 3.2;
/** Tokens a character of what chance wrote, measured: hexadecimal, and with all letters of either case. */
const HEXADECIMAL = 0.57;
const MIXED = 0.69;
/** How many plain letters a text must have before its accents say much about its language. */
const DOUBT = 40;
/** What accents can add at most to the cost of Latin words. */
const MOST_FOREIGN = 1.4;

class Estimate {
  /** Settled tokens but for Latin words, which wait for what the whole text says of its language. */
  #tokens = 0;
  #latin = 0;
  #letters = 0;
  #accents = 0;

  #kind = 0;
  /** Of the run of one kind that is being read. */
  #length = 0;
  #script: Script | undefined;
  /** Signs: changes from one to another, and the last one. */
  #changes = 0;
  #last = 0;
  /** A word: whether a lower-case letter was in it, whether a lone sign leads it and shares its token. */
  #lowered = false;
  #led = false;
  /** Blanks: whether a line ended in them, and blanks since then; whether signs stand before. */
  #lines = false;
  #afterSigns = false;

  /** The run of Latin letters and digits that is being read: its length, its pieces, their tokens, what letters it has. */
  #run = 0;
  #pieces = 0;
  #runWords = 0;
  #runDigits = 0;
  #beyondHex = false;

  read(code: number): void {
    const kind = code < 128 ? (ASCII[code] ?? SIGN) : OTHER;
    if (kind === LOWER || kind === UPPER) this.#letter(kind, code);
    else if (kind === DIGIT) this.#digit();
    else if (kind === OTHER) this.#other(code);
    else this.#between(kind, code);
  }

  total(): number {
    this.#close(0);
    this.#settleRun();
    const foreign = Math.max(0, Math.min(MOST_FOREIGN, this.#accents / (this.#letters + DOUBT)));
    return Math.ceil(this.#tokens + this.#latin * (1 + foreign));
  }

  #letter(kind: number, code: number): void {
    const inWord = this.#kind === LOWER;
    // `camelCase` is two pieces, `HTTPServer` one.
    if (!inWord || (kind === UPPER && this.#lowered)) {
      this.#close(LOWER);
      this.#lowered = false;
      this.#pieces++;
    }
    if (kind === LOWER) this.#lowered = true;
    if (kind === UPPER || code > 0x66) this.#beyondHex = true;
    this.#length++;
    this.#letters++;
    this.#run++;
  }

  #digit(): void {
    if (this.#kind !== DIGIT) {
      this.#close(DIGIT);
      this.#pieces++;
    }
    this.#length++;
    this.#run++;
  }

  /** Blanks, line ends and ASCII's signs. */
  #between(kind: number, code: number): void {
    if (this.#run > 0 && this.#kind !== SPACE) {
      this.#close(0);
      this.#settleRun();
    }
    if (kind === SIGN) {
      if (this.#kind !== SIGN) this.#close(SIGN);
      if (code !== this.#last || this.#length === 0) this.#changes++;
      this.#last = code;
      this.#length++;
      return;
    }
    if (this.#kind !== SPACE) this.#close(SPACE);
    if (kind === LINE) {
      this.#lines = true;
      this.#length = 0;
    } else {
      this.#length++;
    }
  }

  #other(code: number): void {
    const script = scriptOf(code);
    if (script.accent !== 0) {
      this.#letter(LOWER, code);
      this.#accents += script.accent;
      return;
    }
    if (this.#kind !== OTHER || this.#script !== script) {
      this.#close(OTHER);
      this.#settleRun();
    }
    this.#script = script;
    this.#length++;
  }

  /** Counts the piece that ends here, given the kind of the one that begins. */
  #close(next: number): void {
    const kind = this.#kind;
    let led = false;
    if (kind === LOWER) this.#runWords += this.#word();
    else if (kind === DIGIT) this.#runDigits += Math.ceil(this.#length / 3);
    else if (kind === SIGN) {
      // `(word`, but neither `((word` nor ` (word`.
      led = this.#length === 1 && !this.#afterSigns && next === LOWER;
      if (!led) this.#tokens += 1 + 0.45 * Math.max(0, this.#changes - 3) + this.#length / 32;
    } else if (kind === SPACE) this.#tokens += this.#blanks(next);
    else if (kind === OTHER && this.#script !== undefined) {
      const { base, free, slope } = this.#script;
      this.#tokens += base + slope * Math.max(0, this.#length - free);
    }
    // Line ends behind signs belong to their token; a sign behind a blank takes the blank and leads no word.
    this.#afterSigns = kind === SIGN || (kind === SPACE && next === SIGN && this.#length > 0);
    this.#led = led;
    this.#kind = next;
    this.#length = 0;
    this.#changes = 0;
    this.#lines = false;
  }

  /** Expected tokens of a word of Latin letters. */
  #word(): number {
    const lead = this.#led ? 0.05 * this.#length : 0;
    if (!this.#lowered) return 1 + lead + 0.18 * Math.max(0, this.#length - 3);
    return 1 + lead + 0.06 * Math.max(0, this.#length - SHORT_WORD) + 0.2 * Math.max(0, this.#length - 14);
  }

  /** A line's end, and all blanks behind it but the last one, which belongs to a following word or sign. */
  #blanks(next: number): number {
    const ends = this.#lines && !this.#afterSigns ? 1 : 0;
    const joined = next === DIGIT || next === 0 ? 0 : 1;
    return ends + (this.#length > joined ? 1 : 0);
  }

  /** Where letters and digits end: as words, or as what chance wrote. */
  #settleRun(): void {
    if (this.#run === 0) return;
    if (this.#run >= LONG_RUN && this.#run < CHANCE * this.#pieces) {
      this.#tokens += this.#run * (this.#beyondHex ? MIXED : HEXADECIMAL);
    } else {
      this.#latin += this.#runWords;
      this.#tokens += this.#runDigits;
    }
    this.#run = 0;
    this.#pieces = 0;
    this.#runWords = 0;
    this.#runDigits = 0;
    this.#beyondHex = false;
  }
}
