import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { UnprocessableEntityError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Dialect, openCall, post } from '../client.ts';
import { KEY, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { publish } from '../identities.ts';
import { makeFamily, makeKey } from '../tenants.ts';
import { AUDIENCE, startIdentityProvider } from '../upstream/identity-provider.ts';

let gateway: TestGateway;
const CONFIG = {
  models: Object.fromEntries(
    [500, 429, 400].map((code) => [
      `flaky-${code}`,
      { targets: [`up/fault/flaky?code=${code}&times=1&id=flaky-${code}`], retry: { attempts: 1 } },
    ]),
  ),
};
beforeAll(async () => {
  gateway = await startTestGateway(CONFIG);
});
const configure = () => gateway.configure(CONFIG);
afterAll(() => gateway?.stop());

const made = () => crypto.randomUUID();
const seen = (mark: string) => gateway.upstream.journal.of(`id=${mark}`).length;
const messages = [{ role: 'user' as const, content: 'Hello' }];

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

async function told(response: Promise<Response>): Promise<Told> {
  const { status, headers, ...rest } = await response.then(async (got) => ({
    status: got.status,
    headers: got.headers,
    text: await got.text(),
  }));
  return { status, headers, ...rest };
}

const keyed = (key: string, dialect: Dialect, model: string, extra: object = {}, headers: { readonly [name: string]: string } = {}) =>
  told(post(gateway.url, dialect, model, { extra, headers: { 'idempotency-key': key, ...headers } }));

/** The headers of an answer that are not of one call alone. */
const lasting = (headers: Headers) =>
  Object.fromEntries(
    [...headers].filter(
      ([name]) => !/request-id|^date$|^x-weir-(attempts|cost)$|^idempotent-replayed$|^connection$|^keep-alive$/.test(name),
    ),
  );

function expectReplay(again: Told, first: Told): void {
  expect(again.text).toBe(first.text);
  expect(again.status).toBe(first.status);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.headers.get('x-weir-replayed-request-id')).toBe(first.headers.get('x-weir-request-id'));
  expect(again.headers.get('x-weir-request-id')).not.toBe(first.headers.get('x-weir-request-id'));
  expect(again.headers.get('x-weir-attempts')).toBe('0');
  const { 'content-length': _a, 'transfer-encoding': _b, ...now } = lasting(again.headers);
  const { 'content-length': _c, 'transfer-encoding': _d, ...before } = lasting(first.headers);
  expect(now).toEqual(before);
}

describe('the same key and the same call', () => {
  it.each([
    ['openai', 'up/ok/text?words=9', false],
    ['openai', 'up/ok/multibyte?', true],
    ['openai', 'ant/ok/tools?', true],
    ['anthropic', 'ant/ok/text?words=9', false],
    ['anthropic', 'ant/ok/thinking?', true],
    ['anthropic', 'up/ok/multibyte?', true],
  ] as const)('is told the same bytes again: %s, %s, stream %s', async (dialect, content, stream) => {
    const [key, id] = [made(), made()];
    const model = `${content}&id=${id}`;
    const first = await keyed(key, dialect, model, { stream });
    expect(first.status).toBe(200);
    expect(first.headers.has('idempotent-replayed')).toBe(false);
    expectReplay(await keyed(key, dialect, model, { stream }), first);
    expectReplay(await keyed(`"${key}"`, dialect, model, { stream }), first);
    expect(seen(id)).toBe(1);
    expect(first.headers.get('content-type')).toContain(stream ? 'text/event-stream' : 'application/json');
  });

  it('is told it through the official SDKs', async () => {
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
    const [chat, responses, message] = [made(), made(), made()];
    const asks = {
      [chat]: async () => {
        const options = { headers: { 'Idempotency-Key': chat } };
        const stream = await openai.chat.completions.create({ model: `up/ok/tools?id=${chat}`, messages, stream: true }, options);
        return all(stream);
      },
      [responses]: async () => {
        const options = { headers: { 'Idempotency-Key': responses } };
        const stream = await openai.responses.create({ model: `ant/ok/text?id=${responses}`, input: 'Hello', stream: true }, options);
        return all(stream);
      },
      [message]: async () => {
        const options = { headers: { 'Idempotency-Key': message } };
        const call = { model: `ant/ok/thinking?id=${message}`, max_tokens: 256, messages };
        const streamed = await anthropic.messages.stream(call, options).finalMessage();
        return [streamed];
      },
    };
    for (const [mark, ask] of Object.entries(asks)) {
      const first = await ask();
      expect(first.length).toBeGreaterThan(0);
      expect(await ask()).toEqual(first);
      expect(seen(mark)).toBe(1);
    }
  });

  it('costs nothing, and its row says what it was', async () => {
    const [key, id] = [made(), made()];
    const first = await keyed(key, 'openai', `up/ok/text?id=${id}`);
    const again = await keyed(key, 'openai', `up/ok/text?id=${id}`);
    expect(again.headers.get('x-weir-cost')).toBe('0');
    const row = await gateway.row(again.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ status: 'complete', httpStatus: 200, attempts: 0, cost: 0 });
    expect(row).toMatchObject({ facts: { replayed: first.headers.get('x-weir-request-id') }, servedModel: `up/ok/text?id=${id}` });
    expect(row.usage).toBeUndefined();
    expect(await gateway.row(first.headers.get('x-weir-request-id'))).not.toHaveProperty('facts.replayed');
  });

  it('takes nothing of the limits of its key', async () => {
    const { app } = await makeFamily(gateway, `limited-${made()}`);
    const { key } = await makeKey(gateway, { app, name: 'two', limits: [{ unit: 'requests', limit: 2, window: '1h' }] });
    const headers = { authorization: `Bearer ${key}` };
    const [known, id] = [made(), made()];
    const ask = (idempotencyKey: string) => keyed(idempotencyKey, 'openai', `up/ok/text?id=${id}`, {}, headers);
    const first = await ask(known);
    for (let each = 0; each < 5; each++) expectReplay(await ask(known), { ...first, headers: without(first.headers, /ratelimit/) });
    expect((await ask(made())).status).toBe(200);
    expect((await ask(made())).status).toBe(429);
    expect(seen(id)).toBe(2);
    expect((await ask(known)).status).toBe(200);
  });

  it('fifty times at once is one call to the provider, and fifty equal answers', async () => {
    const [key, id] = [made(), made()];
    const model = `up/fault/pace?ms=20&words=20&id=${id}`;
    const answers = await Promise.all(Array.from({ length: 50 }, () => keyed(key, 'openai', model, { stream: true })));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.has('idempotent-replayed'))).toHaveLength(49);
    expect(seen(id)).toBe(1);
    const whole = made();
    const wholes = await Promise.all(Array.from({ length: 50 }, () => keyed(whole, 'anthropic', `ant/ok/text?id=${whole}`)));
    expect(new Set(wholes.map(({ text }) => text)).size).toBe(1);
    expect(seen(whole)).toBe(1);
  });

  it('reaches its first caller as it comes, event by event', async () => {
    const id = made();
    const call = await openCall(gateway.url, 'openai', `up/fault/held?n=4&id=${id}`, { headers: { 'idempotency-key': made() } });
    await until(() => call.received().includes('w0'), 15_000, 'the first events');
    expect(call.received().includes('[DONE]')).toBe(false);
    gateway.upstream.journal.goOn(`id=${id}`);
    await until(() => call.received().includes('[DONE]'), 15_000, 'the end');
  });
});

const without = (headers: Headers, names: RegExp) => new Headers([...headers].filter(([name]) => !names.test(name)));

describe('a key', () => {
  it('of a call that asked for something else is refused, in the shape of each dialect, and no SDK tries again', async () => {
    const [key, id] = [made(), made()];
    await keyed(key, 'openai', `up/ok/text?id=${id}`);
    const other = await keyed(key, 'openai', `up/ok/text?id=${id}`, { temperature: 1 });
    expect(other.status).toBe(422);
    expect(JSON.parse(other.text)).toMatchObject({ error: { type: 'invalid_request_error', code: 'idempotency_mismatch' } });
    const anthropic = await keyed(key, 'anthropic', `up/ok/text?id=${id}`);
    expect(anthropic.status).toBe(422);
    expect(JSON.parse(anthropic.text)).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
    expect(other.headers.get('x-should-retry')).toBe('false');
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 3 });
    const asked = client.chat.completions.create({ model: `up/ok/short?id=${id}`, messages }, { headers: { 'Idempotency-Key': key } });
    await expect(asked).rejects.toBeInstanceOf(UnprocessableEntityError);
    expect(seen(id)).toBe(1);
    expect(await gateway.row(other.headers.get('x-weir-request-id'))).toMatchObject({
      status: 'failed',
      errorCode: 'idempotency_mismatch',
    });
  });

  it('of another tenant is another key', async () => {
    const [key, id] = [made(), made()];
    const { app } = await makeFamily(gateway, `other-${made()}`);
    const other = await makeKey(gateway, { app, name: 'other' });
    const mine = await keyed(key, 'openai', `up/ok/text?id=${id}`);
    const theirs = await keyed(key, 'openai', `up/ok/text?id=${id}`, {}, { authorization: `Bearer ${other.key}` });
    expect(theirs.headers.has('idempotent-replayed')).toBe(false);
    expect((await keyed(key, 'openai', `up/ok/text?id=${id}`, { n: 1 }, { authorization: `Bearer ${other.key}` })).status).toBe(422);
    expect(seen(id)).toBe(2);
    expectReplay(await keyed(key, 'openai', `up/ok/text?id=${id}`), mine);
    // Two keys of one app are one caller.
    const second = await makeKey(gateway, { app, name: 'second' });
    expectReplay(await keyed(key, 'openai', `up/ok/text?id=${id}`, {}, { authorization: `Bearer ${second.key}` }), theirs);
  });

  it('of another user of the same app is another key', async () => {
    const issuer = await startIdentityProvider([]);
    try {
      const jwt = { use: 'jwt', name: 'acme', issuer: issuer.issuer, audience: AUDIENCE, as: { app: 'dev', user: '{claims.sub}' } };
      await publish(gateway, [jwt]);
      const [key, id] = [made(), made()];
      const [ann, bob] = await Promise.all(['ann', 'bob'].map((name) => issuer.forUser(name)));
      const ask = (token = '') => keyed(key, 'openai', `up/ok/text?id=${id}`, {}, { authorization: `Bearer ${token}` });
      const first = await ask(ann);
      expect(first.status, first.text).toBe(200);
      expect((await ask(bob)).headers.has('idempotent-replayed')).toBe(false);
      expectReplay(await ask(ann), first);
      expect(seen(id)).toBe(2);
    } finally {
      await issuer.close();
      await configure();
    }
  });

  it.each(['', '""', 'k'.repeat(256), 'two keys', '"open'])('is not %j', async (key) => {
    const id = made();
    const refused = await keyed(key, 'openai', `up/ok/text?id=${id}`);
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.text)).toMatchObject({
      error: { message: expect.stringContaining('Idempotency-Key'), code: 'invalid_request' },
    });
    expect(seen(id)).toBe(0);
  });

  it('says nothing to who shows no gateway key', async () => {
    const key = made();
    await keyed(key, 'openai', 'up/ok/text?');
    expect((await keyed(key, 'openai', 'up/ok/text?', {}, { authorization: 'Bearer nobody' })).status).toBe(401);
  });
});

it('a key that a WebSocket was opened with is none of its turns’', async () => {
  const headers = { authorization: `Bearer ${KEY}`, 'idempotency-key': made() };
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/responses`, { headers });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const ends: string[] = [];
  socket.on('message', (data) => {
    const { type } = JSON.parse(data.toString()) as { type: string };
    if (type === 'response.completed' || type === 'error') ends.push(type);
  });
  for (const [at, input] of ['one', 'two'].entries()) {
    socket.send(JSON.stringify({ type: 'response.create', model: 'ant/ok/text?', input }));
    await until(() => ends.length > at, 15_000, `the end of turn ${input}`);
  }
  socket.close();
  expect(ends).toEqual(['response.completed', 'response.completed']);
});

describe('what is not the last word', () => {
  it.each([500, 429])('is asked anew after %d, also by an SDK that keeps its key for all tries', async (code) => {
    class Keyed extends OpenAI {
      protected override idempotencyHeader = 'Idempotency-Key';
    }
    const sent: (string | null)[] = [];
    const listened: typeof fetch = (url, init) => {
      sent.push(new Headers(init?.headers).get('idempotency-key'));
      return fetch(url, init);
    };
    const client = new Keyed({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 2, fetch: listened });
    const answer = await client.chat.completions.create({ model: `flaky-${code}`, messages });
    expect(answer.choices[0]?.message.content).toContain('w0');
    const asked = gateway.upstream.journal.of(`id=flaky-${code}`);
    expect(asked).toHaveLength(2);
    expect(sent).toHaveLength(2);
    expect(new Set(sent).size).toBe(1);
    expect(sent[0]).toMatch(/^stainless-node-retry-/);
  });

  it('is not a refusal of the provider: that is told again', async () => {
    const key = made();
    const first = await keyed(key, 'openai', 'flaky-400');
    expect(first.status).toBe(400);
    expectReplay(await keyed(key, 'openai', 'flaky-400'), first);
    expect(seen('flaky-400')).toBe(1);
    expect((await keyed(made(), 'openai', 'flaky-400')).status).toBe(200);
  });

  it('is a call that the gateway itself refused: it may be mended under the same key', async () => {
    const [key, id] = [made(), made()];
    expect((await keyed(key, 'openai', 'nowhere/model')).status).toBe(404);
    expect((await keyed(key, 'openai', `up/ok/text?id=${id}`)).status).toBe(200);
  });

  it.each(['reset', 'fin', 'error-mid'])('is a stream that broke off: %s', async (fault) => {
    const [key, id] = [made(), made()];
    const ask = () => keyed(key, 'openai', `up/fault/${fault}?n=4&id=${id}`, { stream: true });
    const first = await ask();
    expect(first.text).toContain('error');
    const second = await ask();
    expect(second.headers.has('idempotent-replayed')).toBe(false);
    expect(seen(id)).toBe(2);
  });

  it('is a stream whose caller left: the next call is made', async () => {
    const [key, id] = [made(), made()];
    const model = `up/fault/pace?ms=40&words=2000&id=${id}`;
    const left = await openCall(gateway.url, 'openai', model, { headers: { 'idempotency-key': key } });
    await until(() => left.received().includes('w1'), 15_000, 'the first events');
    left.leave();
    await until(() => gateway.upstream.journal.one(`id=${id}`).closedByPeerAt !== undefined, 15_000, 'the end of the provider’s call');
    gateway.upstream.journal.goOn(`id=${id}`);
    const again = await keyed(key, 'openai', model, { stream: true });
    expect(again.headers.has('idempotent-replayed')).toBe(false);
    expect(again.text).toContain('[DONE]');
    expect(seen(id)).toBe(2);
    expectReplay(await keyed(key, 'openai', model, { stream: true }), again);
  });
});

describe('who comes while the call runs', () => {
  it('is told to ask again where it lasts longer than they wait, and has the answer then', async () => {
    const [key, id] = [made(), made()];
    const model = `up/fault/held?id=${id}`;
    const first = keyed(key, 'openai', model, { stream: true });
    await until(() => seen(id) === 1, 15_000, 'the call');
    const headers = { 'x-weir-timeout': '200' };
    const early = await keyed(key, 'openai', model, { stream: true }, headers);
    expect(early.status).toBe(409);
    expect(early.headers.get('retry-after')).toBe('1');
    expect(early.headers.has('x-should-retry')).toBe(false);
    expect(JSON.parse(early.text)).toMatchObject({ error: { code: 'idempotency_conflict' } });
    // The call goes on once the SDK has been told to ask again.
    const listened: typeof fetch = async (url, init) => {
      const response = await fetch(url, init);
      if (response.status === 409) gateway.upstream.journal.goOn(`id=${id}`);
      return response;
    };
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 4, fetch: listened });
    const options = { headers: { 'Idempotency-Key': key, ...headers } };
    // By itself the SDK asks again where a lock holds it up, and its body is the same as this test's.
    const chunks = await all(await client.chat.completions.create({ model, messages, stream: true }, options));
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expectReplay(await keyed(key, 'openai', model, { stream: true }), await first);
    expect(seen(id)).toBe(1);
  });

  it('goes on with the call itself where the first one fails', async () => {
    const [key, id] = [made(), made()];
    const model = `up/fault/pace?ms=30&words=30&id=${id}`;
    const left = await openCall(gateway.url, 'openai', model, { headers: { 'idempotency-key': key } });
    const waiting = Promise.all([1, 2, 3].map(() => keyed(key, 'openai', model, { stream: true })));
    await until(() => left.received().includes('w1'), 15_000, 'the first events');
    left.leave();
    const answers = await waiting;
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.has('idempotent-replayed'))).toHaveLength(2);
    expect(seen(id)).toBe(2);
  });
});
