import { describe, expect, it } from 'vitest';
import { COMPLETE, ENDED, watchAnswer } from '../watch.ts';
import { Noted, withNoted } from './noted.ts';

const document = () => new Response('{}', { headers: { 'content-type': 'application/json', [ENDED]: COMPLETE } });
const stream = (...events: readonly string[]) =>
  new Response(events.map((data) => `data: ${data}\n\n`).join(''), { headers: { 'content-type': 'text/event-stream' } });
const result = (id: number) => JSON.stringify({ jsonrpc: '2.0', id, result: {} });

describe('what is noted of a request', () => {
  it('stands beside how it ended in the head of a document, whatever letters it has, and is forgotten', async () => {
    const noted = new Noted();
    const note = noted.of('req', 1);
    note('terms', { word: 'Käse 日本 😀' });
    note('depth', 2);
    const response = noted.head(document(), 'req');
    expect(response.headers.get(ENDED)).toMatch(/^[\x20-\x7e]+$/);
    expect(await watchAnswer(response).end).toEqual({ outcome: 'complete', notes: { terms: { word: 'Käse 日本 😀' }, depth: 2 } });
    expect(noted.take('req')).toEqual([]);
    expect(noted.head(document(), 'another').headers.get(ENDED)).toBe(COMPLETE);
  });

  it('is left out where a head has no room for it', () => {
    const noted = new Noted();
    noted.of('req', 1)('long', 'x'.repeat(5_000));
    expect(noted.head(document(), 'req').headers.get(ENDED)).toBe(COMPLETE);
  });

  it('is asked for behind a stream, each of a batch by itself', async () => {
    const noted = new Noted();
    noted.of('req', 1)('first', 1);
    noted.of('req', 2)('second', 2);
    const ask = async () => JSON.stringify(noted.take('req'));
    const answer = withNoted(watchAnswer(noted.head(stream(result(1), result(2), result(3)), 'req')), ask);
    expect([...answer.response.headers.keys()]).toEqual(['content-type']);
    await answer.response.text();
    await answer.end;
    expect(Object.fromEntries(answer.each)).toEqual({
      1: { outcome: 'complete', notes: { first: 1 } },
      2: { outcome: 'complete', notes: { second: 2 } },
      3: { outcome: 'complete' },
    });
  });

  it('is missing where the session cannot be asked, and nothing else is', async () => {
    const answer = withNoted(watchAnswer(new Noted().head(stream(result(1)), 'req')), () => Promise.reject(new Error('gone')));
    await answer.response.text();
    expect(await answer.end).toEqual({ outcome: 'complete' });
  });

  it('is kept of a thousand requests at most, the newest', () => {
    const noted = new Noted();
    for (let at = 0; at <= 1_000; at++) noted.of(`req${at}`, 1)('at', at);
    expect([noted.take('req0'), noted.take('req1'), noted.take('req1000')]).toEqual([[], [[1, { at: 1 }]], [[1, { at: 1_000 }]]]);
  });
});
