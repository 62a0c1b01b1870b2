import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { until } from '../gateway.ts';
import { budget, keyWith, type LimitedKey, priced, usedBy } from '../limited.ts';
import { type OperationsGateway, startOperationsGateway } from '../operations.ts';

// The scripted model hears 1,000 tokens at once and says 100 at most, each for a thousandth of a dollar: a response may
// come to 1.1 dollars, and is billed 15 tokens, which is 0.015.
const RESPONSE = 1_100_000_000;
const BILLED = 15_000_000;

let at: OperationsGateway;
beforeAll(async () => {
  at = await startOperationsGateway();
  await at.publish(priced(at));
});
afterAll(() => at?.stop());

interface Session {
  readonly socket: WebSocket;
  readonly events: { readonly type: string; readonly error?: { readonly code: string; readonly message: string } }[];
  readonly closed: Promise<number>;
  say(event: object): void;
  /** Once so many events of this type have come. */
  heard(type: string, times?: number): Promise<void>;
}

async function open({ key }: LimitedKey, model: string): Promise<Session | number> {
  const socket = new WebSocket(`${at.baseURL.replace('http', 'ws')}/realtime?model=${model}`, ['realtime'], {
    headers: { authorization: `Bearer ${key}` },
  });
  const events: Session['events'] = [];
  socket.on('message', (data) => events.push(JSON.parse(String(data)) as Session['events'][number]));
  const closed = once(socket, 'close').then(([code]) => code as number);
  const refused = new Promise<number>((resolve) => {
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
  });
  socket.on('error', () => undefined);
  const status = await Promise.race([once(socket, 'open').then(() => 101), refused]);
  if (status !== 101) return status;
  return {
    socket,
    events,
    closed,
    say: (event) => socket.send(JSON.stringify(event)),
    heard: (type, times = 1) => until(() => events.filter((event) => event.type === type).length >= times, 15_000, `${times} ${type}`),
  };
}

async function opened(key: LimitedKey, model: string): Promise<Session> {
  const session = await open(key, model);
  if (typeof session === 'number') throw new Error(`refused: ${session}`);
  return session;
}

const comesTo = (key: LimitedKey, nano: number) => until(async () => (await usedBy(at, key)) === nano, 15_000, `${nano} to be settled`);

describe('a realtime session of a key with limits', () => {
  it('opens only where a response fits, however many are opened at once', async () => {
    const key = await keyWith(at, budget(4.5 * RESPONSE));
    const sessions = await Promise.all(Array.from({ length: 20 }, () => open(key, 'up/voice-many')));
    const open4 = sessions.filter((session) => typeof session !== 'number');
    expect(sessions.filter((session) => session === 400)).toHaveLength(16);
    expect(open4).toHaveLength(4);
    for (const { socket } of open4) socket.close(1000);
    await comesTo(key, 0);
  });

  it('is charged what its responses came to', async () => {
    const key = await keyWith(at, budget(10 * RESPONSE));
    const { say, heard, socket } = await opened(key, 'up/voice-billed');
    for (let each = 1; each <= 3; each++) {
      say({ type: 'response.create' });
      await heard('response.done', 2 * each);
    }
    socket.close(1000);
    await comesTo(key, 3 * BILLED);
  });

  it('ends with a sentence where what is spent leaves no room for the next response', async () => {
    // Two responses may be made, and after the second no third could be held for.
    const key = await keyWith(at, budget(RESPONSE + BILLED + BILLED / 2));
    const { say, heard, events, closed } = await opened(key, 'up/voice-ends');
    say({ type: 'response.create' });
    await heard('response.done');
    say({ type: 'response.create' });
    await heard('error');
    const error = events.find(({ type }) => type === 'error')?.error;
    expect(error).toMatchObject({ code: 'budget_exceeded', message: expect.stringMatching(/this key/) });
    expect(await closed).toBe(1008);
    await comesTo(key, 2 * BILLED);
  });

  it('holds for each response that is asked for before it passes', async () => {
    const key = await keyWith(at, budget(2.5 * RESPONSE));
    const { say, heard, events, closed } = await opened(key, 'up/voice-unfinished');
    say({ type: 'response.create' });
    say({ type: 'response.create' });
    await heard('response.created', 2);
    say({ type: 'response.create' });
    expect(await closed).toBe(1008);
    expect(events.filter(({ type }) => type === 'response.created')).toHaveLength(2);
  });

  it('holds for what the caller adds to the conversation before it passes', async () => {
    const limited = {
      up: { ...priced(at).providers.up, prices: { 'long*': { input: 1000, output: 1000, context: 100_000, maxOutput: 100 } } },
    };
    await at.publish({ providers: limited });
    const key = await keyWith(at, budget(1.5 * RESPONSE));
    const { say, heard, events, closed } = await opened(key, 'up/long-added');
    say({ type: 'conversation.item.create', item: { content: [{ type: 'input_text', text: 'few words' }] } });
    await heard('echo');
    say({ type: 'conversation.item.create', item: { content: [{ type: 'input_text', text: 'very many words '.repeat(2_000) }] } });
    expect(await closed).toBe(1008);
    expect(events.filter(({ type }) => type === 'echo')).toHaveLength(1);
    await at.publish(priced(at));
  });

  it('is charged for a response that was cut off as far as it came', async () => {
    const key = await keyWith(at, budget(10 * RESPONSE));
    const { say, heard, socket } = await opened(key, 'up/voice-unfinished-cut');
    say({ type: 'response.create' });
    await heard('response.output_audio.delta');
    socket.terminate();
    await until(async () => (await usedBy(at, key)) > 20 * 1_000_000, 15_000, 'some of it to be charged');
    // Three seconds of speech at twenty tokens, a word of text, and the few tokens that asked for it.
    expect(await usedBy(at, key)).toBeLessThan(100 * 1_000_000);
  });

  it('is charged where its vendor breaks off', async () => {
    const key = await keyWith(at, budget(10 * RESPONSE));
    const { say, heard, closed } = await opened(key, 'up/voice-dies');
    say({ type: 'response.create' });
    await heard('response.done', 2);
    say({ type: 'die' });
    expect(await closed).toBe(1011);
    await comesTo(key, BILLED);
  });

  it('counts its seconds', async () => {
    const key = await keyWith(at, [
      { unit: 'seconds', limit: 100, window: 'day' },
      { unit: 'concurrent', limit: 5 },
    ]);
    const first = await opened(key, 'up/voice-seconds');
    // A minute is held for at once.
    expect(await open(key, 'up/voice-seconds')).toBe(400);
    first.socket.close(1000);
    await until(async () => typeof (await open(key, 'up/voice-seconds')) !== 'number', 15_000, 'what was not used to come back');
  });
});
