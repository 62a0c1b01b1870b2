import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Term, Terms, type TermsOptions } from './terms.ts';

/** What is told of a text: `[term, start, end]`, in order. */
function tell(terms: readonly Term[], text: string, options?: TermsOptions): [number, number, number][] {
  const told: [number, number, number][] = [];
  const scan = new Terms(terms, options).scan();
  const found = (match: number, start: number, end: number) => void told.push([match, start, end]);
  scan.read(text, found);
  scan.end(found);
  return told;
}

/** The words of the text that were told. */
const told = (terms: readonly Term[], text: string, options?: TermsOptions) =>
  tell(terms, text, options).map(([, start, end]) => text.slice(start, end));

const literal = (...texts: string[]): Term[] => texts.map((text) => ({ text }));
const whole = (...texts: string[]): Term[] => texts.map((text) => ({ text, wholeWord: true }));

describe('terms', () => {
  it('are found wherever they end, the longest of those that end at one place', () => {
    expect(tell(literal('he', 'she', 'his', 'hers'), 'ushers')).toEqual([
      [1, 1, 4],
      [3, 2, 6],
    ]);
  });

  it('are found as a plain search finds them', () => {
    const alphabet = fc.constantFrom('a', 'b', 'A', 'ä', '😀', '-');
    const word = fc.string({ unit: alphabet, minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), fc.string({ unit: alphabet, maxLength: 40 }), (words, text) => {
        const ends = new Map<number, number>();
        for (const each of words) {
          for (let at = text.indexOf(each); at >= 0; at = text.indexOf(each, at + 1)) {
            const end = at + each.length;
            ends.set(end, Math.min(at, ends.get(end) ?? at));
          }
        }
        const spans = tell(literal(...words), text, { matchCase: true }).map(([, start, end]) => [end, start]);
        expect(spans).toEqual([...ends].toSorted(([a], [b]) => a - b));
      }),
      { numRuns: 1000 },
    );
  });

  it('differ by case only where asked', () => {
    expect(told(literal('straße', 'ΣΊΣΥΦΟΣ'), 'STRAßE σίσυφος')).toEqual(['STRAßE', 'σίσυφος']);
    expect(told(literal('Ada'), 'ada ADA Ada', { matchCase: true })).toEqual(['Ada']);
    // The Kelvin sign is a k, a long s is an s; a case of more letters than one is left alone.
    expect(told(literal('kiss'), '\u212Aiſs')).toEqual(['\u212Aiſs']);
    expect(told(literal('ss', 's'), 'ß')).toEqual([]);
  });

  it('keep to whole words where asked', () => {
    expect(told(whole('cat'), 'cat concat cats, (cat) cat_ 1cat café.cat')).toEqual(['cat', 'cat', 'cat']);
    expect(tell(whole('cat'), 'cat concat cats, (cat) cat_ 1cat café.cat').map(([, start]) => start)).toEqual([0, 18, 38]);
    // A combining mark continues a word; a sign at the end of a term asks for nothing.
    expect(told(whole('cafe'), 'cafe\u0301')).toEqual([]);
    expect(told(whole('C++'), 'C++ C++x xC++')).toEqual(['C++', 'C++']);
    expect(told(whole('New York'), 'New York New Yorker')).toEqual(['New York']);
    expect(told(whole('北京'), '我在北京')).toEqual(['北京']);
    expect(told([...whole('cat'), ...literal('ca')], 'cats')).toEqual(['ca']);
  });

  it('tell an alarm that a longer term hides', () => {
    const terms = [{ text: 'top secret' }, { text: 'secret', alarm: true }];
    expect(tell(terms, 'top secret')).toEqual([
      [0, 0, 10],
      [1, 4, 10],
    ]);
  });

  it('count the first of two that read the same, and an alarm even if it is the second', () => {
    expect(tell(literal('Ada', 'ADA'), 'ada')).toEqual([[0, 0, 3]]);
    expect(tell([{ text: 'Ada' }, { text: 'ADA', alarm: true }], 'ada').map(([term]) => term)).toEqual([0, 1]);
  });

  it('must not be empty', () => {
    expect(() => new Terms(literal('a', ''))).toThrow(RangeError);
  });

  it('do not begin before the safe offset, which never goes back', () => {
    const alphabet = fc.constantFrom('a', 'b', ' ');
    const term = fc.record({ text: fc.string({ unit: alphabet, minLength: 1, maxLength: 5 }), wholeWord: fc.boolean() });
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 5 }), fc.string({ unit: alphabet, maxLength: 40 }), (terms, text) => {
        const scan = new Terms(terms).scan();
        let safe = 0;
        for (const character of text) {
          scan.read(character, (_match, start) => expect(start).toBeGreaterThanOrEqual(safe));
          expect(scan.safe).toBeGreaterThanOrEqual(safe);
          safe = scan.safe;
        }
        scan.end((_match, start) => expect(start).toBeGreaterThanOrEqual(safe));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the work for a text', () => {
  const MEGABYTE = 1_000_000;
  const nested = Array.from({ length: 200 }, (_, index) => 'a'.repeat(index + 1));
  const hostile: [string, readonly Term[], string][] = [
    ['terms within terms', literal(...nested), 'a'.repeat(MEGABYTE)],
    ['a long beginning that never ends as it should', literal(`${'a'.repeat(199)}b`), 'a'.repeat(MEGABYTE)],
    ['a fall from the deepest state at every word', whole(`${'ab '.repeat(60)}b`), 'ab '.repeat(MEGABYTE / 3)],
    ['many words', whole('a b c d e f g', 'b c d e f h', 'c d e i'), 'a b c d e f '.repeat(MEGABYTE / 12)],
    ['characters outside the basic plane', literal('😀😀😀😀😁'), '😀'.repeat(MEGABYTE / 2)],
  ];

  it.each(hostile)('is linear: %s', (_name, terms, text) => {
    const scan = new Terms(terms).scan();
    scan.read(text, () => undefined);
    scan.end(() => undefined);
    expect(scan.steps).toBeGreaterThan(text.length / 2 - 1);
    expect(scan.steps).toBeLessThanOrEqual(4 * text.length + 2);
  });
});
