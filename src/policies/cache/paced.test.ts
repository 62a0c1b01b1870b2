import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { paced } from './paced.ts';

const text = (piece: string): ChatChunk => ({ type: 'text', part: 0, choice: 0, text: piece });
const start: ChatChunk = { type: 'start' };
const usage: ChatChunk = { type: 'usage', usage: { input: 1, output: 2 } };
const finish: ChatChunk = { type: 'finish', choice: 0, reason: 'stop' };
const end: ChatChunk = { type: 'end' };

async function all(pieces: AsyncIterable<readonly ChatChunk[]>): Promise<readonly (readonly ChatChunk[])[]> {
  const found: (readonly ChatChunk[])[] = [];
  for await (const piece of pieces) found.push(piece);
  return found;
}

it('gives one piece of content at a time, with what stands beside it', async () => {
  const given = await all(paced([start, text('a'), text('b'), usage, text('c'), finish, end], 50, new AbortController().signal));
  expect(given).toEqual([
    [start, text('a')],
    [text('b'), usage],
    [text('c'), finish, end],
  ]);
});

it('gives pieces together where they would come faster than they are worth a write', async () => {
  const given = await all(paced([start, text('a'), text('b'), text('c'), end], 100, new AbortController().signal));
  expect(given.map((piece) => piece.length)).toEqual([3, 2]);
});

it('gives an answer without content at once', async () => {
  expect(await all(paced([start, usage, end], 1, new AbortController().signal))).toEqual([[start, usage, end]]);
  expect(await all(paced([], 1, new AbortController().signal))).toEqual([]);
});

it('loses nothing and changes no order, whatever the pace', async () => {
  const chunk = fc.constantFrom(start, text('a'), text(''), usage, finish, end);
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { maxLength: 8 }), fc.integer({ min: 500, max: 10_000 }), async (chunks, pace) => {
      expect((await all(paced(chunks, pace, new AbortController().signal))).flat()).toEqual(chunks);
    }),
    { numRuns: 50 },
  );
});

it('ends when its reader has left, and waits no longer', async () => {
  const left = new AbortController();
  const given: (readonly ChatChunk[])[] = [];
  for await (const piece of paced([text('a'), text('b')], 0.01, left.signal)) {
    given.push(piece);
    left.abort();
  }
  expect(given).toEqual([[text('a')]]);
});
