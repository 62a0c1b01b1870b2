import { CharacterClasses } from './classes.ts';
import type { Encoding, Tokenizer } from './encoding.ts';
import { LongMerger, SHORT, ShortMerger } from './merge.ts';
import { type PieceEnd, splitter } from './split.ts';
import { NO_RANK, Vocabulary } from './vocabulary.ts';

/**
 * UTF-16 units of a piece that are merged at once. No text that means something has a longer piece (a piece ends at
 * the next blank, sign or digit); one that is longer is counted in parts, which may be off by a token at each seam, so
 * that ten hostile megabytes take no more memory than one hostile part.
 */
export const LONGEST_PIECE = 1 << 18;

/** A tokenizer over a vocabulary's file (`Vocabulary` says its form). */
export function tokenizer(encoding: Encoding, file: ArrayBuffer): Tokenizer {
  return new PieceTokenizer(encoding, new Vocabulary(file));
}

class PieceTokenizer implements Tokenizer {
  readonly encoding: Encoding;
  readonly #vocabulary: Vocabulary;
  readonly #pieceEnd: PieceEnd;
  readonly #short: ShortMerger;
  readonly #long: LongMerger;
  readonly #scratch = new Uint8Array(1024);

  constructor(encoding: Encoding, vocabulary: Vocabulary) {
    this.encoding = encoding;
    this.#vocabulary = vocabulary;
    this.#pieceEnd = splitter(encoding, new CharacterClasses());
    this.#short = new ShortMerger(vocabulary);
    this.#long = new LongMerger(vocabulary);
  }

  count(text: string): number {
    let tokens = 0;
    for (let at = 0; at < text.length; ) {
      const end = this.#pieceEnd(text, at);
      while (at < end) {
        const to = end - at <= LONGEST_PIECE ? end : wholeCharacter(text, at + LONGEST_PIECE);
        tokens += this.#piece(text, at, to);
        at = to;
      }
    }
    return tokens;
  }

  #piece(text: string, from: number, to: number): number {
    const most = 3 * (to - from);
    const bytes = most <= this.#scratch.length ? this.#scratch : new Uint8Array(most);
    const length = encode(text, from, to, bytes);
    if (length === 1 || this.#vocabulary.rank(bytes, 0, length) !== NO_RANK) return 1;
    return length <= SHORT ? this.#short.count(bytes, length) : this.#long.count(bytes, length);
  }
}

/** A place not between the halves of a surrogate pair. */
function wholeCharacter(text: string, at: number): number {
  return (text.codePointAt(at - 1) ?? 0) > 0xffff ? at - 1 : at;
}

/** UTF-8 as TextEncoder writes it, a lone surrogate as U+FFFD; for pieces of a few bytes the call costs more than the work. */
function encode(text: string, from: number, to: number, into: Uint8Array): number {
  let length = 0;
  for (let at = from; at < to; at++) {
    let code = text.charCodeAt(at);
    if (code < 0x80) {
      into[length++] = code;
      continue;
    }
    if (code < 0x800) {
      into[length++] = 0xc0 | (code >>> 6);
      into[length++] = 0x80 | (code & 0x3f);
      continue;
    }
    if (code >= 0xd800 && code < 0xe000) {
      code = text.codePointAt(at) ?? 0;
      if (code > 0xffff) {
        at++;
        into[length++] = 0xf0 | (code >>> 18);
        into[length++] = 0x80 | ((code >>> 12) & 0x3f);
        into[length++] = 0x80 | ((code >>> 6) & 0x3f);
        into[length++] = 0x80 | (code & 0x3f);
        continue;
      }
      code = 0xfffd;
    }
    into[length++] = 0xe0 | (code >>> 12);
    into[length++] = 0x80 | ((code >>> 6) & 0x3f);
    into[length++] = 0x80 | (code & 0x3f);
  }
  return length;
}
