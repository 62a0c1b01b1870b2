import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answers, chunksOf, commonChat, cuts } from './arbitraries.ts';
import { sayable, sayableAnswer } from './cannot.ts';
import { all, EACH_PAIR, PATIENT, pairs } from './cases.ts';
import { answered, said } from './trial-answer.ts';
import { normal, through } from './trial-call.ts';

const form = fc.constantFrom('stream' as const, 'json' as const);

describe.each(pairs)('%s and back', PATIENT, (_names, from, to) => {
  it(`a call is the same call ${all(EACH_PAIR)}`, () => {
    fc.assert(
      fc.property(commonChat, (any) => {
        const chat = sayable(any, from, to);
        const there = through(to, through(from, chat).chat);
        expect(there.loss).toEqual([]);
        expect(normal(there.chat)).toEqual(normal(chat));
        const back = through(from, there.chat);
        expect(back.loss).toEqual([]);
        expect(normal(back.chat)).toEqual(normal(chat));
      }),
      EACH_PAIR,
    );
  });

  it(`an answer keeps texts, thinking, calls, its end and its usage ${all(EACH_PAIR)}`, () => {
    fc.assert(
      fc.property(answers, cuts, form, form, (answer, lengths, own, other) => {
        const chunks = chunksOf(sayableAnswer(answer, from, to), lengths);
        const here = answered(from, chunks, own);
        const there = answered(to, here.chunks, other);
        const back = answered(from, there.chunks, own);
        const loss = [...here.loss, ...there.loss, ...back.loss];
        expect(said(back.chunks, loss, from, to)).toEqual(said(chunks, loss, from, to));
      }),
      EACH_PAIR,
    );
  });
});
