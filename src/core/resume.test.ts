import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatChunk } from './chat.ts';
import { GatewayError } from './errors.ts';
import { Continuation, Said, Seam } from './resume.ts';
import { addUsage } from './usage.ts';

const text = (said: string, part = 0, choice = 0): ChatChunk => ({ type: 'text', part, choice, text: said });
const thinking = (said: string, part = 0): ChatChunk => ({ type: 'thinking', part, choice: 0, text: said });

function saidOf(...chunks: readonly ChatChunk[]) {
  const said = new Said();
  for (const chunk of chunks) said.note(chunk);
  return said.open;
}

describe('what has been said', () => {
  it('is one text, whatever came before it', () => {
    expect(saidOf({ type: 'start', id: 'a' }, text('Hel'), text('lo'))).toEqual({ text: 'Hello', part: 0, last: 0 });
    expect(saidOf(thinking('hm'), text('Hello', 1))).toEqual({ text: 'Hello', part: 1, last: 1 });
  });

  it.each<[string, readonly ChatChunk[]]>([
    ['there is no text', [{ type: 'start' }, thinking('hm')]],
    ['it is white space', [text(' \n')]],
    ['it has finished', [text('a'), { type: 'finish', choice: 0, reason: 'stop' }]],
    ['a tool is being called', [text('a'), { type: 'tool-call', part: 1, choice: 0, id: 'c', name: 'f' }]],
    ['its reasoning is signed', [thinking('hm'), { type: 'signature', part: 0, choice: 0, signature: 's' }, text('a', 1)]],
    ['its reasoning is hidden', [{ type: 'redacted-thinking', part: 0, choice: 0, data: 'x' }, text('a', 1)]],
    ['there are two answers', [text('a'), text('b', 1, 1)]],
    ['there are two texts', [text('a'), text('b', 1)]],
    ['it reasons in between', [text('a'), thinking('hm', 1)]],
    ['it refuses', [{ type: 'refusal', part: 0, choice: 0, text: 'no' }]],
    ['it holds what only its dialect understands', [text('a'), { type: 'raw', dialect: 'x', name: 'y', value: 1 }]],
  ])('cannot be gone on from where %s', (_why, chunks) => {
    expect(saidOf(...chunks)).toBeUndefined();
  });
});

/** What the caller reads after the seam. */
function joined(said: string, pieces: readonly string[], echoes = false): string {
  const seam = new Seam(said, echoes);
  return said + pieces.map((piece) => seam.take(piece)).join('') + seam.rest();
}

describe('the seam', () => {
  it.each([
    ['Hello', [' world'], 'Hello world'],
    ['Hello ', [' world'], 'Hello world'],
    ['Hello ', ['world'], 'Hello world'],
    ['a\n', ['\n', '\nb'], 'a\n\nb'],
    ['a\n\n', ['\nb'], 'a\n\nb'],
    ['a ', ['\nb'], 'a \nb'],
    ['ha', ['ha'], 'haha'],
  ])('of %j and %j is %j', (said, pieces, whole) => {
    expect(joined(said, pieces)).toBe(whole);
  });

  it('leaves out what a vendor repeats, and nothing else', () => {
    expect(joined('Hello ', ['Hel', 'lo wor', 'ld'], true)).toBe('Hello world');
    expect(joined('Hello', ['Help', '!'], true)).toBe('HelloHelp!');
    expect(joined('Hello', ['Hel'], true)).toBe('HelloHel');
  });

  const words = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', 'é', '👩‍🚀'), minLength: 0, maxLength: 12 });
  const cut = (whole: string, at: readonly number[]) => {
    const ends = [...new Set(at.map((each) => each % (whole.length + 1)))].toSorted((left, right) => left - right);
    return [0, ...ends].map((from, index) => whole.slice(from, ends[index]));
  };

  it('neither drops nor repeats anything, however the second text is cut', () => {
    fc.assert(
      fc.property(words, words, fc.array(fc.nat(20), { maxLength: 5 }), (said, next, at) => {
        const trimmed = said.trimEnd();
        const space = said.slice(trimmed.length);
        const whole = joined(said, cut(next, at));
        expect(whole.startsWith(said)).toBe(true);
        // The model went on from what it was told: where it says the space again, that is the whole of it.
        if (next.startsWith(space)) expect(whole).toBe(trimmed + next);
        else expect(whole.trimEnd().endsWith(next.trim())).toBe(true);
        // Beyond white space, the texts are both there in full.
        expect(whole.replace(/\s/g, '')).toBe((said + next).replace(/\s/g, ''));
      }),
    );
  });

  it('is the same where the beginning is repeated', () => {
    fc.assert(
      fc.property(words, words, fc.array(fc.nat(20), { maxLength: 5 }), (said, next, at) => {
        expect(joined(said, cut(said.trimEnd() + next, at), true)).toBe(joined(said, [next]));
      }),
    );
  });
});

describe('the second answer', () => {
  const open = { text: 'Hello ', part: 1, last: 1 };
  const before = { input: 10, output: 4, estimated: true };

  it('becomes the rest of the first', () => {
    const continuation = new Continuation({ open, echoes: false, before });
    const chunks: readonly ChatChunk[] = [
      { type: 'start', id: 'other', model: 'm' },
      thinking('hm'),
      text(' wor', 1),
      text('ld', 1),
      { type: 'tool-call', part: 2, choice: 0, id: 'c', name: 'f' },
      { type: 'tool-input', part: 2, choice: 0, text: '{}' },
      { type: 'usage', usage: { input: 14, output: 3, cacheRead: 2 } },
      { type: 'finish', choice: 0, reason: 'stop' },
      { type: 'end', items: ['x'] },
    ];
    expect(chunks.flatMap((chunk) => continuation.map(chunk))).toEqual([
      text('wor', 1),
      text('ld', 1),
      { type: 'tool-call', part: 2, choice: 0, id: 'c', name: 'f' },
      { type: 'tool-input', part: 2, choice: 0, text: '{}' },
      { type: 'usage', usage: { input: 24, output: 7, cacheRead: 2, estimated: true } },
      { type: 'finish', choice: 0, reason: 'stop' },
      { type: 'end' },
    ]);
    expect([...continuation.loss]).toEqual(['thinking']);
  });

  it('lets go before its end of what it held back as a repetition', () => {
    const continuation = new Continuation({ open, echoes: true, before });
    expect(continuation.map(text('Hel'))).toEqual([]);
    expect(continuation.map({ type: 'finish', choice: 0, reason: 'stop' })).toEqual([
      text('Hel', 1),
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
  });

  it('hands its errors on', () => {
    const error: ChatChunk = { type: 'error', error: new GatewayError('upstream_error', 'x') };
    expect(new Continuation({ open, echoes: false, before }).map(error)).toEqual([error]);
  });
});

it('adds what two calls came to', () => {
  expect(addUsage({ input: 1, output: 2 }, { input: 3, output: 4 })).toEqual({ input: 4, output: 6 });
});
