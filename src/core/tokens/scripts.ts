/**
 * What writing in a script costs in o200k_base, for estimates: a run of `length` UTF-16 units is
 * `base + slope · max(0, length − free)` tokens. Fitted to the Universal Declaration of Human Rights in 50 languages;
 * where one script serves several languages, to them together, with some weight for technical texts.
 */
export interface Script {
  readonly base: number;
  readonly free: number;
  readonly slope: number;
  /** A letter of Latin words: how much its share among the letters adds to what words cost; 0 in every other script. */
  readonly accent: number;
}

const spaced = (free: number, slope: number): Script => ({ base: 1, free, slope, accent: 0 });
const unspaced = (slope: number): Script => ({ base: 0, free: 0, slope, accent: 0 });
const latin = (accent: number): Script => ({ base: 0, free: 0, slope: 0, accent });

/** French, Spanish, Portuguese and Catalan write these often and are cheap; the others belong to dearer languages. */
const romance = latin(3.6);
const northern = latin(14);
const extended = latin(11);
/** Takes back what the Vietnamese letters among `extended` add: the vocabulary knows most words of that language. */
const vietnamese = latin(-3);
const cyrillic = spaced(3, 0.27);
const arabic = spaced(3, 0.37);
const devanagari = spaced(3, 0.31);
const han = unspaced(0.84);
const kana = unspaced(0.74);
const sign = unspaced(0.8);

/** By the first code unit after the script's last one, ascending. */
const SCRIPTS: readonly (readonly [end: number, script: Script])[] = [
  [0xc0, sign],
  [0xc4, romance],
  [0xc7, northern], // Ä Å Æ
  [0xd6, romance],
  [0xd7, northern], // Ö
  [0xd8, sign], // ×
  [0xd9, northern], // Ø
  [0xdc, romance],
  [0xdd, northern], // Ü
  [0xdf, extended],
  [0xe0, northern], // ß
  [0xe4, romance],
  [0xe7, northern], // ä å æ
  [0xf6, romance],
  [0xf7, northern], // ö
  [0xf8, sign], // ÷
  [0xf9, northern], // ø
  [0xfc, romance],
  [0xfd, northern], // ü
  [0x250, extended],
  [0x370, unspaced(0.9)], // phonetic letters, combining marks
  [0x400, spaced(3, 0.44)], // Greek
  [0x530, cyrillic],
  [0x590, spaced(3, 0.25)], // Armenian
  [0x600, spaced(2, 0.41)], // Hebrew
  [0x780, arabic],
  [0x900, unspaced(1)],
  [0x980, devanagari],
  [0xa00, spaced(3, 0.41)], // Bengali
  [0xa80, spaced(2, 0.75)], // Gurmukhi
  [0xb00, spaced(3, 0.43)], // Gujarati
  [0xb80, spaced(2, 0.7)], // Odia, not measured
  [0xc00, spaced(2, 0.32)], // Tamil
  [0xc80, spaced(2, 0.5)], // Telugu
  [0xd00, spaced(2, 0.4)], // Kannada
  [0xd80, spaced(2, 0.31)], // Malayalam
  [0xe00, spaced(2, 0.72)], // Sinhala
  [0xe80, unspaced(0.43)], // Thai
  [0xf00, unspaced(1.89)], // Lao
  [0x1000, unspaced(1.5)], // Tibetan, not measured
  [0x10a0, unspaced(0.55)], // Burmese
  [0x1100, spaced(3, 0.27)], // Georgian
  [0x1200, unspaced(2)], // single letters of Hangul
  [0x13a0, unspaced(2)], // Ethiopic
  [0x1780, unspaced(2)],
  [0x1800, unspaced(0.63)], // Khmer
  [0x1e00, unspaced(2)],
  [0x1f00, vietnamese],
  [0x2000, spaced(2, 0.6)], // Greek with breathings
  [0x2500, sign],
  [0x2600, unspaced(0.4)], // lines and boxes
  [0x3000, sign],
  [0x3040, sign],
  [0x3100, kana],
  [0x3400, unspaced(1)],
  [0xa000, han],
  [0xac00, unspaced(2)],
  [0xd7b0, unspaced(0.73)], // Hangul
  [0xe000, unspaced(0.9)], // surrogates: emoji, rare Han
  [0x10000, sign],
];

const ENDS = Uint32Array.from(SCRIPTS, ([end]) => end);

export function scriptOf(code: number): Script {
  let low = 0;
  let high = ENDS.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (code < (ENDS[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return SCRIPTS[low]?.[1] ?? sign;
}
