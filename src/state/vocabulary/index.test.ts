import fc from 'fast-check';
import { Tiktoken } from 'js-tiktoken/lite';
import cl100k from 'js-tiktoken/ranks/cl100k_base';
import o200k from 'js-tiktoken/ranks/o200k_base';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Tokenizer } from '../../core/tokens/encoding.ts';
import { Vocabulary } from '../../core/tokens/vocabulary.ts';
import cl100kFile from './cl100k_base.bin';
import { lazyTokenizers } from './index.ts';
import o200kFile from './o200k_base.bin';

// The tokenizer against js-tiktoken, which counts the same in the plainest way: every string must give one number.

const encodings = [
  ['o200k_base', o200k],
  ['cl100k_base', cl100k],
] as const;

/** First and last code point of what the strings are made of: scripts, classes of the patterns, and their seams. */
const RANGES: readonly (readonly [number, number])[] = [
  [0x20, 0x7e],
  [0x61, 0x7a],
  [0x41, 0x5a],
  [0x30, 0x39],
  [0x09, 0x0d],
  [0x20, 0x20],
  [0x27, 0x27],
  [0x2f, 0x2f],
  [0x80, 0xbf],
  [0xc0, 0x24f],
  [0x1c0, 0x1cc], // letters without case, and titlecase digraphs
  [0x2b0, 0x2ff], // modifier letters
  [0x300, 0x36f], // marks
  [0x370, 0x4ff], // Greek, Cyrillic
  [0x530, 0x6ff], // Armenian, Hebrew, Arabic
  [0x900, 0xdff], // Indic scripts
  [0xe00, 0x109f], // Thai, Lao, Tibetan, Burmese
  [0x10a0, 0x139f], // Georgian, Hangul letters, Ethiopic
  [0x1e00, 0x206f], // Latin and Greek with accents, spaces, punctuation
  [0x2150, 0x218b], // numbers that are not digits
  [0x2028, 0x2029],
  [0x3000, 0x30ff],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xd800, 0xdfff], // halves of pairs
  [0xfe00, 0xfeff],
  [0xff00, 0xffef],
  [0x10400, 0x1044f], // letters with case beyond the basic plane
  [0x1d400, 0x1d7ff],
  [0x1e900, 0x1e95f],
  [0x1f1e6, 0x1faff],
  [0x20000, 0x2a6df],
  [0xe0100, 0xe01ef], // marks beyond the basic plane
];
const WORDS = [
  "'s",
  "'LL",
  "'re",
  "'Ve",
  "'x",
  ' the',
  " NASA's",
  '"NASA\'LL',
  "NASA're",
  " nasa'd",
  "\u0301NASA's",
  "\u0301's",
  'HTTPServer',
  'camelCase',
  '\r\n',
  '\n\n  ',
  '   ',
  '/\n/',
  '://',
  '<|endoftext|>',
  '<|fim_prefix|>',
  '12345',
  '中文',
  ' привет',
  '👩‍👩‍👧',
  'e\u0301',
  '\u0301A',
];

const run = fc
  .constantFrom(...RANGES)
  .chain(([from, to]) => fc.array(fc.integer({ min: from, max: to }), { minLength: 1, maxLength: 8 }))
  .map((codes) => codes.map((code) => (code > 0xffff ? String.fromCodePoint(code) : String.fromCharCode(code))).join(''));
const text = fc
  .array(fc.oneof({ weight: 4, arbitrary: run }, { weight: 1, arbitrary: fc.constantFrom(...WORDS) }), { maxLength: 10 })
  .map((runs) => runs.join(''));

describe.each(encodings)('%s', (encoding, ranks) => {
  let tokenizer: Tokenizer;
  let oracle: Tiktoken;
  const expected = (each: string) => oracle.encode(each, [], []).length;

  beforeAll(async () => {
    tokenizer = await lazyTokenizers().of(encoding);
    oracle = new Tiktoken(ranks);
  }, 60_000);

  it('counts 5,000 strings of many scripts as js-tiktoken does', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(text, (each) => tokenizer.count(each) === expected(each)),
      { numRuns: 5000 },
    );
  });

  it.each(WORDS)('counts %j as js-tiktoken does', (each) => {
    expect(tokenizer.count(each)).toBe(expected(each));
    expect(tokenizer.count(`a${each}b ${each}`)).toBe(expected(`a${each}b ${each}`));
  });

  it('counts nothing in an empty text', () => expect(tokenizer.count('')).toBe(0));

  it.each(['a', 'A', ' ', '\n', '=', 'ab', 'aA', '1', '!?', 'é', '中', '😀', '\u0301', 'a ', '\r\n ', "'s", 'abcdefghijklmnopqrstuvwxyz'])(
    'counts %j, repeated up to where short and long pieces part, as js-tiktoken does',
    { timeout: 60_000 },
    (unit) => {
      // Up to 96 bytes a piece is merged in one way, beyond in another.
      for (const bytes of [3, 31, 95, 96, 97, 98, 130, 257, 700]) {
        const repeated = unit.repeat(Math.ceil(bytes / new TextEncoder().encode(unit).length));
        expect(tokenizer.count(repeated), `${bytes} bytes`).toBe(expected(repeated));
      }
    },
  );

  it('counts long unbroken letters without a pattern as js-tiktoken does', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'abcdeinorst'), minLength: 90, maxLength: 400 }), (letters) => {
        expect(tokenizer.count(letters)).toBe(expected(letters));
      }),
      { numRuns: 100 },
    );
  });

  it('counts a hostile megabyte piece by piece', { timeout: 60_000 }, () => {
    // Eight letters are one token in both vocabularies; longer than the longest piece that is merged at once.
    expect(tokenizer.count('a'.repeat(1 << 20))).toBe((1 << 20) / 8);
  });
});

describe.each([
  ['o200k_base', o200k, o200kFile],
  ['cl100k_base', cl100k, cl100kFile],
] as const)('the file of %s', (_, ranks, file) => {
  it('holds each token of js-tiktoken at its rank: `node scripts/tokens.mjs` writes it anew', { timeout: 60_000 }, () => {
    const vocabulary = new Vocabulary(file);
    const tokens = ranks.bpe_ranks
      .split('\n')
      .filter(Boolean)
      .flatMap((line) => line.split(' ').slice(2));
    const wrong = tokens.filter((token, rank) => {
      const bytes = Uint8Array.from(atob(token), (character) => character.charCodeAt(0));
      return vocabulary.rank(bytes, 0, bytes.length) !== rank;
    });
    expect(wrong).toEqual([]);
    expect(new DataView(file).getUint32(0, true)).toBe(tokens.length);
  });

  it('is refused when it was cut off or is something else', () => {
    expect(() => new Vocabulary(file.slice(0, -1))).toThrow('cut off');
    expect(() => new Vocabulary(new ArrayBuffer(0))).toThrow('not a file');
    const html = new ArrayBuffer(2000);
    new Uint8Array(html).fill(0x3c);
    expect(() => new Vocabulary(html)).toThrow('not a file');
  });
});

describe('lazyTokenizers', () => {
  it('loads an encoding once, and nothing of another', async () => {
    const tokenizers = lazyTokenizers();
    const [first, second] = await Promise.all([tokenizers.of('cl100k_base'), tokenizers.of('cl100k_base')]);
    expect(second).toBe(first);
    expect((await tokenizers.of('o200k_base')).encoding).toBe('o200k_base');
    expect(first.encoding).toBe('cl100k_base');
  });
});
