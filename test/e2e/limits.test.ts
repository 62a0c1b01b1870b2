import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  // A thousand tokens a dollar either way, so that the sums can be read.
  const price = { input: 1000, output: 1000 };
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: {
          like: 'openai',
          baseUrl: `${gateway.upstream.origin}/v1`,
          key: { secret: 'UP_KEY' },
          prices: { 'gpt-4o*': price, 'fault/*': price, 'ok/*': { input: 10, output: 10 } },
        },
        unpriced: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' }, prices: {} },
      },
    }),
  });
  expect(response.status).toBeLessThan(300);
});
afterAll(() => gateway?.stop());

/** A key of an app of its own, with these limits on the key. */
async function keyWith(limits: readonly object[]): Promise<string> {
  const name = `app-${crypto.randomUUID()}`;
  const app = await gateway.admin('/apps', { method: 'POST', body: JSON.stringify({ team: 'dev', name }) });
  expect(app.status, await app.clone().text()).toBe(201);
  const made = await gateway.admin('/keys', { method: 'POST', body: JSON.stringify({ app: name, name: 'limited', limits }) });
  expect(made.status, await made.clone().text()).toBe(201);
  return ((await made.json()) as { key: string }).key;
}

const ask = (key: string, body: object = {}, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    ...(signal === undefined ? {} : { signal }),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify({ model: 'up/gpt-4o', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }], ...body }),
  });

describe('a limit on requests', () => {
  it('lets through what fits, says what is left, and says when to come again', async () => {
    const key = await keyWith([{ unit: 'requests', limit: 3, window: 'hour' }]);
    const answers = [];
    for (let at = 0; at < 4; at++) answers.push(await ask(key));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers.map(({ headers }) => headers.get('x-ratelimit-remaining-requests')).slice(0, 3)).toEqual(['2', '1', '0']);
    expect(answers[0]?.headers.get('ratelimit-policy')).toMatch(/^"key-requests-[\w-]+";q=3;w=3600$/);
    expect(answers[0]?.headers.get('ratelimit')).toMatch(/;r=2;t=\d+$/);
    expect(Number(answers[3]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answers[3]?.json()).toMatchObject({
      error: { code: 'rate_limited', message: expect.stringMatching(/this key, 3 requests an hour/) },
    });
  });

  it('counts each user of an app alone', async () => {
    const key = await keyWith([{ unit: 'requests', limit: 1, window: 'hour', per: 'user' }]);
    const statuses = [];
    for (const user of ['ann', 'ben', 'ann']) statuses.push((await ask(key, { user })).status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('is held under concurrency, to the last one', async () => {
    const key = await keyWith([{ unit: 'requests', limit: 25, window: 'hour' }]);
    const statuses = await Promise.all(Array.from({ length: 200 }, async () => (await ask(key)).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(25);
    expect(statuses.filter((status) => status === 429)).toHaveLength(175);
  });
});

describe('a budget', () => {
  it('is taken before a call and settled after it: what was not used comes back', async () => {
    // Each call may come to 100 tokens of output and is answered with far fewer.
    const key = await keyWith([{ unit: 'usd', limit: 0.4 }]);
    const statuses = [];
    for (let at = 0; at < 5; at++) statuses.push((await ask(key)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
  });

  it('holds what calls under way may come to', async () => {
    // Each call holds its 100 tokens of output and some input, above 0.1 dollars, for as long as its provider is silent.
    const key = await keyWith([{ unit: 'usd', limit: 1 }]);
    const left = new AbortController();
    const hanging = { model: 'up/fault/hang?id=held-budget' };
    const statuses: number[] = [];
    const calls = Array.from({ length: 60 }, () =>
      ask(key, hanging, {}, left.signal).then(
        ({ status }) => statuses.push(status),
        () => undefined,
      ),
    );
    const asked = () => gateway.upstream.journal.of('id=held-budget').length;
    await expect.poll(() => asked() + statuses.length, { timeout: 15_000 }).toBe(60);
    const admitted = asked();
    expect(admitted).toBeGreaterThanOrEqual(5);
    expect(admitted).toBeLessThan(10);
    expect(statuses).toEqual(Array.from({ length: 60 - admitted }, () => 400));
    left.abort();
    await Promise.all(calls);
  });

  it('is charged what was foreseen by a caller who would not wait: the provider was asked', async () => {
    const key = await keyWith([{ unit: 'usd', limit: 0.25 }]);
    const statuses = [];
    for (let at = 0; at < 3; at++) statuses.push((await ask(key, { model: 'up/fault/hang' }, { 'x-weir-timeout': '100' })).status);
    expect(statuses).toEqual([504, 504, 400]);
  });

  it('that is spent stops the clients of each family', async () => {
    const key = await keyWith([{ unit: 'usd', limit: 0.001 }]);
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key });
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: key });
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    const before = gateway.upstream.journal.of('budget-spent').length;
    await expect(openai.chat.completions.create({ model: 'up/gpt-4o?id=budget-spent', messages })).rejects.toMatchObject({
      status: 400,
      code: 'budget_exceeded',
    });
    const refused = anthropic.messages.create({ model: 'up/gpt-4o?id=budget-spent', max_tokens: 100, messages });
    await expect(refused).rejects.toMatchObject({ status: 402, error: { error: { type: 'billing_error' } } });
    expect(gateway.upstream.journal.of('budget-spent')).toHaveLength(before);
  });

  it('cannot be passed by a model whose price nobody knows', async () => {
    const key = await keyWith([{ unit: 'usd', limit: 100 }]);
    const response = await ask(key, { model: 'unpriced/some-model-of-ours' });
    expect(response.status).toBe(403);
    expect(((await response.json()) as { error: { message: string } }).error.message).toMatch(/price .* is not known/);
  });

  it('holds for a run alone', async () => {
    const key = await keyWith([{ unit: 'requests', limit: 2, per: 'run' }]);
    const statuses = [];
    for (const run of ['a', 'a', 'a', 'b']) statuses.push((await ask(key, {}, { 'x-weir-run': run })).status);
    expect(statuses.map((status) => status === 200)).toEqual([true, true, false, true]);
  });
});

describe('near the end of a budget', () => {
  const long = { model: 'up/ok/text?words=6000', max_tokens: undefined };

  it('an answer flows as far as the money goes, and ends as one that reached its limit', async () => {
    const key = await keyWith([{ unit: 'usd', limit: 0.02 }]);
    const answer = await ask(key, { ...long, stream: true });
    expect(answer.status).toBe(200);
    const frames = (await answer.text()).split('\n\n');
    expect(frames.at(-2)).toBe('data: [DONE]');
    const said = frames.filter((frame) => /"content": ?" ?w\d/.test(frame));
    const finish = frames.filter((frame) => /"finish_reason": ?"length"/.test(frame));
    expect(finish).toHaveLength(1);
    // A hundredth of a dollar for a thousand tokens: near two thousand of them, and none above.
    expect(said.length).toBeGreaterThan(500);
    expect(said.length).toBeLessThan(2_000);
    await expect.poll(async () => (await ask(key, { model: 'up/ok/text?words=1', max_tokens: 200 })).status, { timeout: 15_000 }).toBe(400);
  });

  it('a whole answer is asked for as long as it may be', async () => {
    const key = await keyWith([{ unit: 'usd', limit: 0.02 }]);
    const mark = `id=short-${crypto.randomUUID()}`;
    expect((await ask(key, { ...long, model: `${long.model}&${mark}` })).status).toBe(200);
    const asked = JSON.parse(gateway.upstream.journal.one(mark).body.toString()) as { max_completion_tokens?: number };
    expect(asked.max_completion_tokens).toBe(1_024);
  });
});

it('a call under way holds its place, and one that has ended has freed it', async () => {
  const key = await keyWith([{ unit: 'concurrent', limit: 1 }]);
  const hanging = ask(key, { model: 'up/fault/hang?id=held-place' }, { 'x-weir-timeout': '5000' });
  await expect.poll(() => gateway.upstream.journal.of('id=held-place').length, { timeout: 15_000 }).toBeGreaterThan(0);
  expect((await ask(key)).status).toBe(429);
  expect((await hanging).status).toBe(504);
  await expect.poll(async () => (await ask(key)).status, { timeout: 15_000 }).toBe(200);
  await (await ask(key, { stream: true })).text();
  await expect.poll(async () => (await ask(key)).status, { timeout: 15_000 }).toBe(200);
});

it('a caller of a whole answer who hangs up is charged what was foreseen, and frees the place when the wait is over', async () => {
  const key = await keyWith([
    { unit: 'concurrent', limit: 1 },
    { unit: 'usd', limit: 0.25 },
  ]);
  const left = new AbortController();
  const headers = { 'x-weir-run': 'left-whole', 'x-weir-timeout': '5000' };
  const hanging = ask(key, { model: 'up/fault/hang?id=left-whole' }, headers, left.signal);
  await expect.poll(() => gateway.upstream.journal.of('id=left-whole').length, { timeout: 15_000 }).toBeGreaterThan(0);
  expect((await ask(key)).status).toBe(429);
  left.abort();
  await hanging.catch(() => undefined);
  await expect.poll(async () => (await ask(key)).status, { timeout: 15_000 }).toBe(200);
  // What the first may have come to is gone: a tenth of a dollar and some.
  await expect.poll(async () => (await ask(key, { max_tokens: 200 })).status, { timeout: 15_000 }).toBe(400);
  expect((await gateway.rows({ run: 'left-whole' }))[0]).toMatchObject({ status: 'failed', stream: false });
});
