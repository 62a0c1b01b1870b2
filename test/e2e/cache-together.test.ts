import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endings, openCall, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';

/** Callers at once. */
const MANY = 1_000;
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  const document = {
    providers: { up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' } } },
    limits: { ping: 1_000 },
    policies: [{ use: 'cache', ttl: 300 }],
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
});
afterAll(() => gateway?.stop());

const asked = (mark: string) => gateway.upstream.journal.of(`id=${mark}`).length;
const cacheOf = (answer: { readonly headers: Headers }) => answer.headers.get('x-weir-cache');
const textOf = (received: Buffer) => [...received.toString().matchAll(/"content":"([^"]*)"/g)].map(([, text]) => text).join('');

describe('calls that ask for the same at once', () => {
  it('are one call to the provider, and each is told from the beginning while that still speaks', async () => {
    const model = 'up/fault/held?n=4&words=8&id=together';
    const calls = await Promise.all(Array.from({ length: MANY }, () => openCall(gateway.url, 'openai', model)));
    await until(() => calls.every(({ received }) => received().includes('w0')), 60_000, 'everybody hears the beginning');
    expect(calls.some(({ received }) => received().includes('[DONE]'))).toBe(false);
    gateway.upstream.journal.goOn('id=together');
    await until(() => calls.every(({ received }) => received().includes('[DONE]')), 60_000, 'everybody hears the end');
    expect(asked('together')).toBe(1);
    const texts = calls.map(({ received }) => textOf(received()));
    expect(new Set(texts)).toEqual(new Set(['w0 w1 w2 w3 w4 w5 w6 w7']));
    expect(calls.filter(({ headers }) => headers['x-weir-cache'] === 'miss')).toHaveLength(1);
    expect(calls.filter(({ headers }) => headers['x-weir-cache'] === 'hit')).toHaveLength(MANY - 1);
  }, 120_000);

  it('are told where their provider dies halfway, each in a typed error, and nothing is kept', async () => {
    const model = 'up/fault/held?how=reset&n=4&words=8&id=dies';
    const calls = await Promise.all(Array.from({ length: MANY }, () => openCall(gateway.url, 'openai', model)));
    expect(calls.every(({ response }) => response.statusCode === 200)).toBe(true);
    gateway.upstream.journal.goOn('id=dies');
    await until(() => calls.every(({ response }) => response.complete || response.destroyed), 60_000, 'everybody hears the end');
    expect(asked('dies')).toBe(1);
    for (const { received, response } of calls) {
      expect(response.complete).toBe(true);
      expect(endings(received())).toMatchObject({ done: 0, errors: [{ body: { error: { code: expect.stringMatching(/^upstream_/) } } }] });
    }
    expect(new Set(calls.map(({ received }) => textOf(received()))).size).toBe(1);
    const next = await post(gateway.url, 'openai', model, { headers: { 'x-weir-timeout': '1' } });
    expect(next.headers.get('x-weir-cache')).toBe('miss');
  }, 120_000);

  it('also where they want all of it at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(gateway.url, 'openai', 'up/fault/late?ms=3000&words=3&id=wholes')),
    );
    expect(answers.map(cacheOf).toSorted()).toEqual([...Array.from({ length: 19 }, () => 'hit'), 'miss']);
    expect(asked('wholes')).toBe(1);
  });

  it('go on where the one that asked has left', async () => {
    const model = 'up/fault/held?n=4&words=8&id=leaves';
    const leader = await openCall(gateway.url, 'openai', model);
    const followers = await Promise.all(Array.from({ length: 3 }, () => openCall(gateway.url, 'openai', model)));
    expect(followers.map(({ headers }) => headers['x-weir-cache'])).toEqual(['hit', 'hit', 'hit']);
    leader.leave();
    // Time to notice it, and to do something about it that must not be done.
    await sleep(1_000);
    gateway.upstream.journal.goOn('id=leaves');
    await until(() => followers.every(({ received }) => received().includes('[DONE]')), 15_000, 'the others hear the end');
    expect(asked('leaves')).toBe(1);
    expect(cacheOf(await streamed(gateway.url, 'openai', model))).toBe('hit');
  });

  it('are led by another one where the one that asked leaves before anything came', async () => {
    const model = 'up/fault/held-back?words=3&id=promoted';
    const gone = new AbortController();
    const leader = post(gateway.url, 'openai', model, { extra: { stream: true }, signal: gone.signal }).catch(() => undefined);
    await until(() => asked('promoted') === 1, 15_000, 'it is asked');
    const followers = Array.from({ length: 3 }, () => streamed(gateway.url, 'openai', model));
    // A stream listens for a caller who leaves once its answer is slow to begin.
    await sleep(1_200);
    gone.abort();
    await leader;
    await until(() => asked('promoted') === 2, 15_000, 'it is asked by another one');
    gateway.upstream.journal.goOn('id=promoted');
    const answers = await Promise.all(followers);
    for (const { bytes } of answers) expect(endings(bytes)).toMatchObject({ done: 1, errors: [] });
    expect(answers.map(cacheOf).toSorted()).toEqual(['hit', 'hit', 'miss']);
    expect(asked('promoted')).toBe(2);
  });

  it('are answered where the one that asked for all of it has left', async () => {
    const gone = new AbortController();
    const model = 'up/fault/held-back?words=3&id=whole-others';
    const leader = post(gateway.url, 'openai', model, { signal: gone.signal }).catch(() => undefined);
    await until(() => asked('whole-others') === 1, 15_000, 'it is asked');
    const followers = Array.from({ length: 3 }, () => post(gateway.url, 'openai', model));
    await sleep(2_000);
    gone.abort();
    await leader;
    await sleep(1_000);
    gateway.upstream.journal.goOn('id=whole-others');
    expect((await Promise.all(followers)).map(cacheOf)).toEqual(['hit', 'hit', 'hit']);
    expect(asked('whole-others')).toBe(1);
  });

  it('fail together, each with a typed error', async () => {
    const failed = await Promise.all(
      Array.from({ length: 5 }, () => post(gateway.url, 'openai', 'up/fault/late?ms=3000&code=400&id=refused')),
    );
    expect(failed.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
    expect(asked('refused')).toBe(1);
    const model = 'up/fault/reset?n=4&id=broken';
    const broken = await Promise.all(Array.from({ length: 5 }, () => streamed(gateway.url, 'openai', model)));
    for (const answer of broken) expect(endings(answer.bytes)).toMatchObject({ done: 0, errors: [expect.anything()] });
  });
});
