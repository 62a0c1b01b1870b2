import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { guards } from './guards.ts';
import { judge, templateOf, unfit } from './index.ts';
import { pairOf } from './pair.ts';
import { read } from './reading.ts';
import { LONGEST } from './tokens.ts';

// What holds of any two texts, whatever the tables say.

const WORDS =
  'how do i what is the a can cannot not never paris london to from 3 42 1,000 third km miles and or best worst python c++ which who my your reset fix flat tyres in of for with please thanks hello why does "quoted" ünïcode 東京 was'.split(
    ' ',
  );
const question = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 14 }).map((words) => words.join(' '));
const anyText = fc.oneof(question, fc.string({ unit: 'grapheme', maxLength: 60 }), fc.string({ unit: 'binary', maxLength: 60 }));
const likeness = fc.double({ min: -1, max: 1, noNaN: true });
const domain = fc.constantFrom<'open' | 'closed'>('open', 'closed');

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a judgement', () => {
  it('is the same whichever question comes first', () => {
    fc.assert(
      fc.property(anyText, anyText, likeness, domain, (one, other, similarity, where) => {
        const first = judge(one, other, similarity, where);
        const second = judge(other, one, similarity, where);
        expect(second).toEqual({ ...first, probability: expect.closeTo(first.probability, 9) });
      }),
    );
  });

  it('finds a question that is fit the same as itself', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        if (unfit(text) !== undefined || read(text).terms.length === 0) return;
        expect(judge(text, text, 1)).toMatchObject({ same: true, objections: [] });
      }),
    );
  });

  it('never finds two questions the same where a number differs, in any domain', () => {
    const number = fc.oneof(
      fc.nat().map(String),
      fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value.toFixed(2)),
      fc.integer({ min: 4, max: 30 }).map((value) => `${value}th`),
    );
    const amountOf = (text: string) => (text.endsWith('th') ? text : Number(text));
    fc.assert(
      fc.property(question, number, number, question, likeness, domain, (before, one, other, after, similarity, where) => {
        fc.pre(amountOf(one) !== amountOf(other));
        const result = judge(`${before} ${one} ${after}`, `${before} ${other} ${after}`, similarity, where);
        expect(result.same).toBe(false);
        expect(result.objections).toContain('number');
      }),
    );
  });

  it('does not look at case or blanks', () => {
    const plain = question.filter((text) => !text.includes('"'));
    fc.assert(
      fc.property(plain, plain, likeness, (one, other, similarity) => {
        const changed = ` ${one.toUpperCase().replaceAll(' ', ' \t ')}\n`;
        const { same, probability } = judge(one, other, similarity);
        const again = judge(changed, other, similarity);
        expect([again.same, again.probability]).toEqual([same, expect.closeTo(probability, 9)]);
        expect(judge(changed, one, 1).objections).toEqual(judge(one, one, 1).objections);
      }),
    );
  });

  it('takes steps in proportion to the length of what is asked, whatever that is', () => {
    const spies = [vi.spyOn(Map.prototype, 'get'), vi.spyOn(Set.prototype, 'has'), vi.spyOn(String.prototype, 'slice')];
    const stepsOf = (text: string) => {
      for (const spy of spies) spy.mockClear();
      unfit(text);
      templateOf(text);
      judge(text, `${text} x`, 1);
      return spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    };
    for (const piece of ADVERSE) {
      const once = stepsOf(piece.repeat(100));
      const twice = stepsOf(piece.repeat(200));
      expect(twice, piece).toBeLessThan(once * 2.3 + 100);
    }
  }, 60_000);

  it('reads no more than the longest text, whatever that is', () => {
    for (const piece of ADVERSE) {
      const text = piece.repeat(Math.ceil(LONGEST / piece.length) + 1);
      expect(judge(text, text, 1).objections, piece).toContain('length');
      expect(unfit(text)).toBe('long');
    }
  }, 60_000);
});

/** What patterns that go back would go back over, and what makes long lists of one thing. */
const ADVERSE = [
  'a',
  'a.',
  "a'",
  '“',
  '"',
  '`',
  '1,',
  '1.0',
  '0',
  '- ',
  '-1',
  'i ',
  'how do i ',
  'can you tell me ',
  'a b ',
  'and ',
  'x and ',
  'a@',
  'a@a',
  ' ',
  'our',
  'is',
  'un',
  '東',
  'é',
  '\n',
  'q:\n',
  ': ',
  'thanks ',
  'more than ',
  'my ',
  'it ',
  'this very ',
  '12 ',
  '{{',
  '</',
  'ﬃ',
];

describe('each guard', () => {
  for (const guard of guards) {
    it(`${guard.name}: keeps apart what it is there for, and nothing from itself`, () => {
      const [one, other] = guard.apart;
      expect(judge(one, other, 1)).toMatchObject({ same: false, objections: expect.arrayContaining([guard.name]) });
      for (const text of guard.apart) if (read(text).terms.length > 0) expect(guard.objects(pairOf(read(text), read(text)))).toBe(false);
    });
  }

  it('has a name of its own, and a reason', () => {
    expect(new Set(guards.map(({ name }) => name)).size).toBe(guards.length);
    for (const { reason } of guards) expect(reason.length).toBeGreaterThan(10);
  });
});
