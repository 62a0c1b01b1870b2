import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { similarity } from '../embedder.ts';
import { folded } from './fold.ts';
import { loadStaticEmbedder, MOST_READ } from './index.ts';
import { readWeights, writeWeights } from './weights.ts';
import { eachGram, eachWord, LONGEST_WORD, wordHash } from './words.ts';

const DIMENSIONS = 16;
const GRAMS = 64;
const KNOWN = ['cancel', 'order', 'my', 'the', "don't", 'refund', 'cafe', 'c++', 'strasse', '2024'];

/** Weights for these words: rows that are all different. */
function weights(words: readonly string[] = KNOWN) {
  const hashes = Uint32Array.from(words, (word) => wordHash(word, 0, word.length)).sort();
  const rows = Float32Array.from({ length: (words.length + GRAMS) * DIMENSIONS }, (_, at) => Math.sin(at * 7.3) * (1 + (at % 5)));
  return writeWeights(DIMENSIONS, hashes, GRAMS, rows);
}

const embedder = loadStaticEmbedder(weights());
const nothing = new Int8Array(DIMENSIONS);

const wordsOf = (text: string): string[] => {
  const found: string[] = [];
  const line = folded(text);
  eachWord(line, (start, end) => found.push(line.slice(start, end)));
  return found;
};

/** Texts of any script, some of them with known words. */
const anyText = fc
  .array(fc.oneof(fc.constantFrom(...KNOWN), fc.string({ unit: 'grapheme', maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 })), {
    maxLength: 20,
  })
  .map((parts) => parts.join(' '));

describe('words', () => {
  it.each<[string, string[]]>([
    ['Cancel my order, please!', ['cancel', 'my', 'order', 'please']],
    ["Don't say ‘don’t’", ["don't", 'say', "don't"]],
    ['C++ or C#, not C', ['c++', 'or', 'c#', 'not', 'c']],
    ['node.js v24.1 order_id #7', ['node', 'js', 'v24', '1', 'order', 'id', '7']],
    ['CAFÉ Straße ﬁne', ['cafe', 'strasse', 'fine']],
    ['中文 и Ελλάς', ['中文', 'и', 'ελλας']],
    ["'' ++ ## …", []],
    ['', []],
  ])('of %j', (text, words) => expect(wordsOf(text)).toEqual(words));

  it('are cut where a text has no spaces', () => {
    const text = 'a'.repeat(LONGEST_WORD * 2 + 5);
    expect(wordsOf(text).map((word) => word.length)).toEqual([LONGEST_WORD, LONGEST_WORD, 5]);
    expect(wordsOf(text).join('')).toBe(text);
  });

  it('never lose a letter, and stand in order', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'Z', '9', ' ', "'", '+', '.', 'é', '中'), maxLength: 300 }), (text) => {
        const line = folded(text);
        const letters = line.replace(/[^\p{L}\p{N}]/gu, '');
        expect(wordsOf(text).join('').replace(/['+#]/g, '')).toBe(letters);
      }),
    );
  });

  it('have n-grams of three to five characters, their edges included', () => {
    const count = (word: string) => {
      const found = new Set<number>();
      eachGram(word, 0, word.length, (hash) => found.add(hash));
      return found.size;
    };
    // ` ab ` has ` ab`, `ab ` and itself.
    expect([count('a'), count('ab'), count('abc'), count('abcd')]).toEqual([1, 3, 6, 9]);
    const inside: number[] = [];
    eachGram('x abc y', 2, 5, (hash) => inside.push(hash));
    const alone: number[] = [];
    eachGram('abc', 0, 3, (hash) => alone.push(hash));
    expect(inside).toEqual(alone);
  });
});

describe('a text’s vector', () => {
  it('is the same for the same text, whatever came before', () => {
    fc.assert(
      fc.property(anyText, anyText, (text, other) => {
        const before = embedder.vector(text);
        embedder.vector(other);
        expect(embedder.vector(text)).toEqual(before);
        expect(embedder.embed([other, text])[1]).toEqual(before);
      }),
    );
  });

  it('is the same in either case, with any space, and in every Unicode form', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const vector = embedder.vector(text);
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const) expect(embedder.vector(text.normalize(form))).toEqual(vector);
        expect(embedder.vector(text.toUpperCase())).toEqual(vector);
        expect(embedder.vector(`\n ${text.replace(/ /g, ' \t\u00a0')}  `)).toEqual(vector);
      }),
      { numRuns: 500 },
    );
  });

  it('has its dimensions, and 127 somewhere or nothing at all', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const vector = embedder.vector(text);
        expect(vector).toHaveLength(DIMENSIONS);
        expect([0, 127]).toContain(Math.max(...vector.map(Math.abs)));
      }),
    );
  });

  it.each(['', '   ', '?!', 'zqxj wvk', '中文', 'привет мир', '🙂'])('of %j says nothing', (text) => {
    expect(embedder.vector(text)).toEqual(nothing);
  });

  it('tells words apart that it does not know, beside words that it knows', () => {
    const [one, other] = embedder.embed(['the kubernetes', 'the zebra']);
    expect(one).not.toEqual(other);
    expect(embedder.vector('the 你好')).not.toEqual(embedder.vector('the 再见'));
    expect(similarity(embedder.vector('the kubernetes'), embedder.vector('the kubernete'))).toBeGreaterThan(
      similarity(embedder.vector('the kubernetes'), embedder.vector('the zebra')),
    );
  });

  it('does not depend on the order of words', () => {
    expect(embedder.vector('cancel my order')).toEqual(embedder.vector('order: cancel my'));
  });

  it('reads the beginning of a long text, in linear time', () => {
    const beginning = 'cancel '.repeat(Math.ceil(MOST_READ / 7)).slice(0, MOST_READ);
    expect(embedder.vector(`${beginning} refund the order`)).toEqual(embedder.vector(beginning));
    // A million characters of one word, and of one that is folded, end at once: nothing beyond the beginning is looked at.
    for (const unit of ['a', 'é', '中', "'", '\u0301', '\u{1d400}']) expect(embedder.vector(unit.repeat(1_000_000))).toEqual(nothing);
  });
});

describe('the file of weights', () => {
  it('comes back as it was written', () => {
    const read = readWeights(weights().buffer);
    expect(read).toMatchObject({ dimensions: DIMENSIONS, words: KNOWN.length, grams: GRAMS });
    expect([...read.hashes]).toEqual(KNOWN.map((word) => wordHash(word, 0, word.length)).sort((a, b) => a - b));
    for (const at of [0, 17, 500]) {
      const value = (read.rows[at] ?? 0) * (read.scales[Math.floor(at / DIMENSIONS)] ?? 0);
      expect(value).toBeCloseTo(Math.sin(at * 7.3) * (1 + (at % 5)), 1);
    }
  });

  it('may lie anywhere in a buffer', () => {
    const file = weights();
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    expect(loadStaticEmbedder(shifted.subarray(3)).vector('cancel my order')).toEqual(embedder.vector('cancel my order'));
  });

  it('names itself by what is in it', () => {
    expect(embedder.id).toMatch(/^weir\/static-en-16-[0-9a-f]{8}$/);
    expect(loadStaticEmbedder(weights(['other', ...KNOWN.slice(1)])).id).not.toBe(embedder.id);
  });

  it('is refused where it is none, or cut off', () => {
    const file = weights();
    expect(() => loadStaticEmbedder(file.slice(0, file.length - 4))).toThrow(/cut off/);
    expect(() => loadStaticEmbedder(new Uint8Array(64))).toThrow(/Not the weights/);
    expect(() => loadStaticEmbedder(new Uint8Array(8))).toThrow();
  });
});
