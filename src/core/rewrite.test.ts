import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rewriter, rewriteText } from './rewrite.ts';
import { type Term, Terms, type TermsOptions } from './terms.ts';

const numbered = (match: number) => `<${match}>`;

function pieces(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].toSorted((a, b) => a - b);
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}

const isWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}\p{M}_]/u.test(character);
const isPairAt = (text: string, at: number): boolean => (text.codePointAt(at - 1) ?? 0) > 0xffff;

/** Whether the term stands at `start`, by the plainest means. */
function stands(text: string, start: number, { text: term, wholeWord }: Term): boolean {
  const end = start + term.length;
  if (text.slice(start, end).toLowerCase() !== term.toLowerCase() || isPairAt(text, start) || isPairAt(text, end)) return false;
  if (wholeWord !== true) return true;
  const inner = [...term];
  return !((isWord(inner[0]) && isWord([...text.slice(0, start)].at(-1))) || (isWord(inner.at(-1)) && isWord([...text.slice(end)][0])));
}

/** The text rewritten by definition: overlapping matches replaced together, by the first and longest of them. */
function byDefinition(text: string, terms: readonly Term[]): string {
  let out = '';
  for (let at = 0; at < text.length; ) {
    const longest = (from: number) =>
      terms.reduce(
        (best, term, index) => (stands(text, from, term) && term.text.length > best.length ? { index, length: term.text.length } : best),
        { index: -1, length: 0 },
      );
    const first = longest(at);
    if (first.index < 0) {
      out += text[at++];
      continue;
    }
    out += numbered(first.index);
    let end = at + first.length;
    for (let inside = at; inside < end; inside++) end = Math.max(end, inside + longest(inside).length);
    at = end;
  }
  return out;
}

const alphabet = fc.constantFrom('a', 'b', 'c', 'A', 'ä', ' ', '-', '😀', '😁');
// Halves of characters may come from a vendor, not from an operator.
const textUnit = fc.oneof({ weight: 12, arbitrary: alphabet }, { weight: 1, arbitrary: fc.constantFrom('\ud83d', '\ude00') });
const term = fc.record({ text: fc.string({ unit: alphabet, minLength: 1, maxLength: 5 }), wholeWord: fc.boolean() });
// What reads the same is one term: which of them is told is another test's matter.
const terms = fc.uniqueArray(term, { minLength: 1, maxLength: 6, selector: ({ text }) => text.toLowerCase() });
const text = fc.string({ unit: textUnit, maxLength: 60 });
const cuts = fc.array(fc.nat(200), { maxLength: 20 });

describe('a text that arrives in pieces', () => {
  it('is rewritten as the definition says, whatever the pieces', () => {
    fc.assert(
      fc.property(terms, text, cuts, (list, whole, positions) => {
        const matcher = new Terms(list);
        const expected = byDefinition(whole, list);
        expect(rewriteText(whole, matcher, numbered)).toBe(expected);
        const rewriter = new Rewriter(matcher, numbered);
        expect(
          pieces(whole, positions)
            .map((piece) => rewriter.push(piece))
            .join('') + rewriter.end(),
        ).toBe(expected);
      }),
      { numRuns: 1500 },
    );
  });

  it('comes out in pieces that are well formed', () => {
    fc.assert(
      fc.property(terms, fc.string({ unit: alphabet, maxLength: 60 }), (list, whole) => {
        const rewriter = new Rewriter(new Terms(list), numbered);
        for (const unit of whole.split('')) expect(rewriter.push(unit).isWellFormed()).toBe(true);
        expect(rewriter.end().isWellFormed()).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is held back no further than to what may be the beginning of a term', () => {
    fc.assert(
      fc.property(terms, fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '-'), maxLength: 40 }), (list, whole) => {
        const literal = list.map((each) => ({ text: each.text }));
        fc.pre(byDefinition(whole, literal) === whole);
        const rewriter = new Rewriter(new Terms(literal), numbered);
        let out = '';
        for (let at = 0; at < whole.length; at++) {
          out += rewriter.push(whole.slice(at, at + 1));
          const read = whole.slice(0, at + 1);
          const mayBegin = Array.from(read, (_, from) => from).find((from) =>
            literal.some((each) => each.text.toLowerCase().startsWith(read.slice(from))),
          );
          expect(out).toBe(read.slice(0, mayBegin ?? read.length));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('rewriter', () => {
  const step = (list: readonly string[], inputs: readonly string[], options?: TermsOptions) => {
    const rewriter = new Rewriter(
      new Terms(
        list.map((each) => ({ text: each })),
        options,
      ),
      () => '#',
    );
    return [...inputs.map((input) => rewriter.push(input)), rewriter.end()];
  };

  it('lets a replacement go as soon as nothing can make its match longer', () => {
    expect(step(['secret'], ['a sec', 'ret', ' b'])).toEqual(['a ', '#', ' b', '']);
    expect(step(['secret', 'secretary'], ['secret', 'a', 'x'])).toEqual(['', '', '#ax', '']);
  });

  it('lets go what only looked like the beginning of a term', () => {
    expect(step(['secret'], ['sec', 'ond', ' se'])).toEqual(['', 'second', ' ', 'se']);
  });

  it('leaves no remnant of terms that overlap', () => {
    expect(step(['abc', 'bcd secret'], ['abcd secret'])).toEqual(['#', '']);
    expect(step(['abcdefgh', 'bc', 'ef'], ['xabcdef', 'ghx'])).toEqual(['x', '#x', '']);
  });

  it('keeps terms that only touch apart', () => {
    expect(step(['ab'], ['ababab']).join('')).toBe('###');
  });

  it('holds no more than a term, also where terms overlap without end', () => {
    const outs = step(['aa'], [...Array.from({ length: 1000 }, () => 'a'), 'b']);
    expect(outs.filter((out) => out !== '')).toEqual(['#', 'b']);
    expect(outs.indexOf('#')).toBeLessThan(3);
  });

  it('joins a character whose halves come apart, and lets a lone half go', () => {
    expect(step(['😀'], ['x\ud83d', '\ude00y'])).toEqual(['x', '#y', '']);
    expect(step(['😀'], ['x\ud83d', 'y\ud83d'])).toEqual(['x', '\ud83dy', '\ud83d']);
  });

  it('asks for a replacement when the match is found, and stops with what that throws', () => {
    const rewriter = new Rewriter(new Terms([{ text: 'secret' }]), () => {
      throw new RangeError('refused');
    });
    expect(rewriter.push('the sec')).toBe('the ');
    expect(() => rewriter.push('ret')).toThrow('refused');
  });

  it('takes very many matches in one piece as it takes them unit by unit', () => {
    const whole = 'ab'.repeat(100_000);
    const matcher = new Terms([{ text: 'b' }]);
    const rewriter = new Rewriter(matcher, () => '');
    let length = 0;
    for (const unit of whole) length += rewriter.push(unit).length;
    expect(length + rewriter.end().length).toBe(100_000);
    expect(rewriteText(whole, matcher, () => '').length).toBe(100_000);
  });
});
