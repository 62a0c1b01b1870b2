import { describe, expect, it } from 'vitest';
import { notMade } from './transforms/approve/answers.ts';
import { watchAnswer } from './watch.ts';

const answer = (id: number, said: object) => ({ jsonrpc: '2.0', id, ...said });
const events = (...messages: readonly object[]) => messages.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('');

async function ended(body: string, type = 'application/json') {
  const { response, end, each } = watchAnswer(new Response(body, { headers: { 'content-type': type } }));
  await response.text();
  return { end: await end, each };
}

describe('how a request ended', () => {
  it.each<[object, object]>([
    [{ result: { content: [] } }, { outcome: 'complete' }],
    [{ result: { content: [], isError: false } }, { outcome: 'complete' }],
    [{ result: { content: [], isError: true } }, { outcome: 'tool-error' }],
    [{ result: { resultType: 'input_required' } }, { outcome: 'input-required' }],
    [{ error: { code: -1, message: 'no' } }, { outcome: 'error', code: -1 }],
    [{ error: { code: -1, message: 'no', data: { code: 'rate_limited' } } }, { outcome: 'error', code: -1, errorCode: 'rate_limited' }],
    [{ error: { code: -1, message: 'no', data: { code: 'of-a-server' } } }, { outcome: 'error', code: -1 }],
    [{ result: notMade({ status: 'denied', text: 'no' }).json() }, { outcome: 'tool-error', isUnmade: true }],
  ])('is read from %j', async (said, expected) => {
    const message = answer(1, said);
    expect((await ended(JSON.stringify(message))).end).toEqual(expected);
    const progress = { jsonrpc: '2.0', method: 'notifications/progress', params: {} };
    expect((await ended(events(progress, message), 'text/event-stream')).end).toEqual(expected);
  });

  it('is known of each request of a batch, as stream and as list', async () => {
    const messages = [
      answer(1, { result: {} }),
      answer(2, { error: { code: -1, message: 'no' } }),
      answer(3, { result: { isError: true } }),
    ];
    const expected = new Map<number, object>([
      [1, { outcome: 'complete' }],
      [2, { outcome: 'error', code: -1 }],
      [3, { outcome: 'tool-error' }],
    ]);
    expect((await ended(JSON.stringify(messages))).each).toEqual(expected);
    expect((await ended(events(...messages), 'text/event-stream')).each).toEqual(expected);
  });

  it('is an interruption where nothing is said of it', async () => {
    expect((await ended('', 'text/event-stream')).end).toEqual({ outcome: 'interrupted' });
  });
});
