/**
 * How much of a text is read, in UTF-16 units: what a text is about is said by then, and what it takes stays bounded.
 * Within it the time is linear.
 */
export const MOST_READ = 4096;

/** Neither of these is folded: what they are made of is Latin letters, digits and signs in one form. */
const ASCII = /^[\0-\x7f]*$/;
const MARKS = /\p{M}+/gu;
const APOSTROPHES = /[\u2018\u2019\u02bc\uff07]/g;
const OTHER = /[^\p{L}\p{N}'+#]+/gu;

/**
 * A text as it is looked at: its beginning, in one case and one Unicode form, without marks (`é` is `e`); beyond ASCII,
 * everything that is neither letter nor digit is a space.
 */
export function folded(text: string): string {
  const beginning = text.length > MOST_READ ? text.slice(0, MOST_READ) : text;
  if (ASCII.test(beginning)) return beginning.toLowerCase();
  // The upper case first: some letters are alike only there (`ſ` and `s`, `ß` and `ss`), and marks may be letters there.
  const one = beginning.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKD').replace(MARKS, '');
  return one.replace(APOSTROPHES, "'").replace(OTHER, ' ');
}
