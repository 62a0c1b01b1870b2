import { describe, expect, it } from 'vitest';
import { watchAnswer } from './watch.ts';

const encoder = new TextEncoder();
const error = JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'Over.', data: { code: 'invalid_key' } } });
const EVENT = 'event: message\ndata: {"jsonrpc":"2.0","method":"m"}\n\n';

/** An answer of which these pieces have come, and which would go on. */
function flowing(pieces: readonly string[]) {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      },
      cancel() {
        cancelled = true;
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
  const answer = watchAnswer(new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
  const reader = (answer.response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
  const read = async (count: number) => {
    let text = '';
    for (let n = 0; n < count; n++) text += (await reader.read()).value ?? '';
    return text;
  };
  const rest = async () => {
    let text = '';
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += piece.value;
    return text;
  };
  return { answer, read, rest, cancelled: () => cancelled };
}

describe('a stream that is ended before its time', () => {
  it('says the last messages, and then nothing', async () => {
    const { answer, read, rest, cancelled } = flowing([EVENT]);
    expect(await read(1)).toBe(EVENT);
    answer.cut?.([error]);
    expect(await rest()).toBe(`event: message\ndata: ${error}\n\n`);
    expect(await answer.end).toEqual({ outcome: 'error', code: -32603, errorCode: 'invalid_key' });
    expect(answer.each.get(1)?.errorCode).toBe('invalid_key');
    await expect.poll(cancelled).toBe(true);
  });

  it.each([
    ['in the midst of a line', 1, ['event: message\ndata: {"json']],
    ['between two lines', 1, ['event: message\n']],
    ['between the two line ends, apart', 2, [EVENT, 'event: message\ndata: {}\n']],
  ])('says nothing in an event that is not whole: %s', async (_case, count, pieces) => {
    const { answer, read, rest } = flowing(pieces);
    expect(await read(count)).toBe(pieces.join(''));
    answer.cut?.([error]);
    expect(await rest()).toBe('');
    expect((await answer.end).errorCode).toBe('invalid_key');
  });

  it('knows the end of an event that came in two pieces', async () => {
    const { answer, read, rest } = flowing(['event: message\ndata: {}\n', '\n']);
    await read(2);
    answer.cut?.([error]);
    expect(await rest()).toContain('Over.');
  });

  it('is one: a document is not', () => {
    expect(watchAnswer(new Response('{}', { headers: { 'content-type': 'application/json' } })).cut).toBeUndefined();
  });
});
