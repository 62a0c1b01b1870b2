import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../../core/chat.ts';
import { type Comparison, compared, textOf } from './compare.ts';

describe('two answers', () => {
  it.each<[Comparison, string, string, number | undefined]>([
    ['same', 'Paris.', 'paris', undefined],
    ['same', 'The capital of France is **Paris**.', 'The capital of France is Paris', undefined],
    ['same', 'Refunds take 5 days to arrive on your card.', 'A refund arrives on your card in 5 days.', 0.8],
    ['same', 'It costs 1,200 dollars a year.', 'It costs 1200 dollars a year.', undefined],
    ['different', 'Paris', 'London', 0.7],
    ['different', 'Refunds take 5 days to arrive.', 'Refunds take 15 days to arrive.', 0.99],
    ['different', 'It takes 5 days.', 'It takes 5 to 10 days.', 0.98],
    ['unsure', 'It takes 5 days.', 'It takes five days.', 0.98],
    ['different', 'Yes, you can do that whenever you like.', 'No, you can do that at no time at all.', 0.9],
    ['different', 'Returns are allowed here.', 'Returns are not allowed here.', 0.98],
    ['different', 'The service is made by Acme of Berlin.', 'The service is made by Globex of Madrid.', 0.95],
    ['different', 'Open the settings and choose the billing page.', 'Water boils when its vapour pressure meets the air around it.', 0.1],
    [
      'unsure',
      'To reset a password go to the account page, choose security and follow the mail that is sent to the address that you registered.',
      'Choose the link below the form for signing in, then type in a new secret twice; it must be long, and nobody else may know about it.',
      0.7,
    ],
  ])('are %s: %s / %s', (verdict, one, other, similarity) => {
    expect(compared(one, other, similarity)).toBe(verdict);
    expect(compared(other, one, similarity)).toBe(verdict);
  });

  it('that are the same are, whatever they say, and in either order everything is alike', () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.lorem());
    fc.assert(
      fc.property(text, text, fc.double({ min: -1, max: 1, noNaN: true }), (one, other, similarity) => {
        expect(compared(one, one, undefined)).toBe('same');
        expect(compared(one, other, similarity)).toBe(compared(other, one, similarity));
      }),
    );
  });
});

describe('the text of an answer', () => {
  const text = (said: string, choice = 0): ChatChunk => ({ type: 'text', part: 0, choice, text: said });
  it('is all of it', () => {
    expect(textOf([{ type: 'start' }, text('a'), text('b'), { type: 'finish', choice: 0, reason: 'stop' }, { type: 'end' }])).toBe('ab');
  });

  it.each<[string, readonly ChatChunk[]]>([
    ['a tool is called', [text('a'), { type: 'tool-call', part: 1, choice: 0, id: 'c', name: 't' }]],
    ['it has something of its own', [text('a'), { type: 'raw', dialect: 'gemini', name: 'x', value: null }]],
    ['there are two', [text('a'), text('b', 1)]],
    ['it says nothing', [{ type: 'start' }, text(' '), { type: 'end' }]],
  ])('is none where %s', (_what, chunks) => {
    expect(textOf(chunks)).toBeUndefined();
  });
});
