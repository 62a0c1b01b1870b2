import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endings, post, streamed } from '../client.ts';
import { type Row, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { storedLedger, storedUsage } from '../ledger/stored.ts';

/** Never begins. */
const SLOW = 'fault/held-back?reply=slow-one';
const QUICK = 'ok/text?words=4&reply=quick-one';
/** Milliseconds: longer than a test may take. */
const NEVER = 600_000;
const hedged = (first: string, second: string, after: number | 'p95' = 150, other = 'up') => ({
  targets: [`up/${first}`, `${other}/${second}`],
  hedge: { after },
});

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: {
          like: 'openai',
          baseUrl: `${gateway.upstream.origin}/v1`,
          key: { secret: 'UP_KEY' },
          // Whole tokens cost whole thousandths of a dollar, so that sums can be read.
          prices: { '*': { input: 1000, output: 1000 } },
        },
        ant: { like: 'anthropic', baseUrl: gateway.upstream.origin, key: { value: 'k' }, prices: { '*': { input: 1000, output: 1000 } } },
      },
      models: {
        'slow-first': hedged(`${SLOW}&id=hs1`, `${QUICK}&id=hs1`),
        'long-winner': hedged(`${SLOW}&id=lw1`, 'fault/held?words=8&n=4&id=lw1&second'),
        'slow-first-whole': hedged(`${SLOW}&id=hw1`, `${QUICK}&id=hw1`),
        'slow-first-other-dialect': hedged(`${SLOW}&id=hd1`, `${QUICK}&id=hd1`, 150, 'ant'),
        'first-wins': hedged('fault/held-back?reply=slow-one&id=hf1', 'fault/held-back?id=hf1&second'),
        'quick-first': hedged(`ok/text?words=2&reply=first-one&id=hq1`, `${QUICK}&id=hq1`, NEVER),
        'failing-first': hedged('fault/status?code=500&id=hx1', `${QUICK}&id=hx1`, NEVER),
        'both-fail': { ...hedged('fault/late?ms=3000&code=500&id=hb1', 'fault/status?code=503&id=hb1'), retry: { attempts: 1 } },
        stateful: hedged('fault/held-back?reply=slow-one&id=hr1', `${QUICK}&id=hr1`, 100),
        learning: hedged('fault/late?times=20&ms=50000&id=hp1', `${QUICK}&id=hp1`, 'p95'),
        limited: hedged(`${SLOW}&id=hl1`, `${QUICK}&id=hl1`),
        narrow: hedged('fault/held-back?reply=slow-one&id=hn1', `${QUICK}&id=hn1`),
        left: hedged('fault/hang?id=hg1', 'fault/hang?id=hg1&second', 100),
      },
      // A ping is how it is noticed that a caller has left whose answer has not begun.
      limits: { ping: 4_000 },
    }),
  });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
});
afterAll(() => gateway?.stop());

const seen = (mark: string) => gateway.upstream.journal.of(`id=${mark}`);
const slowOf = (mark: string) => seen(mark).find(({ model }) => model.startsWith('fault'));

async function keyWith(limits: readonly object[]): Promise<string> {
  const name = `app-${crypto.randomUUID()}`;
  expect((await gateway.admin('/apps', { method: 'POST', body: JSON.stringify({ team: 'dev', name }) })).status).toBe(201);
  const made = await gateway.admin('/keys', { method: 'POST', body: JSON.stringify({ app: name, name: 'limited', limits }) });
  return ((await made.json()) as { key: string }).key;
}

const settled = () => until(() => storedLedger(gateway.stateDir).holds.length === 0, 15_000, 'nothing is held any more');

describe('a target that is slow to begin', () => {
  it.each([
    ['slow-first', 'hs1'],
    ['slow-first-other-dialect', 'hd1'],
  ])('%s: another one answers the stream, and the first is hung up on', async (model, mark) => {
    const answer = await streamed(gateway.url, 'openai', model);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('w0');
    expect(answer.text).not.toContain('slow-one');
    expect(endings(answer.bytes)).toMatchObject({ done: 1, errors: [] });
    expect(answer.headers.get('x-weir-attempts')).toBe('2');
    expect(answer.headers.get('x-weir-model')).toMatch(/ok\/text/);
    await until(() => slowOf(mark)?.closedByPeerAt !== undefined, 15_000, 'the first connection is closed');
    expect(seen(mark)).toHaveLength(2);
  });

  it('is hung up on at once, and not when the answer that won is over', async () => {
    const asking = streamed(gateway.url, 'openai', 'long-winner');
    const [slow, winner] = ['slow-one', 'second'].map((mark) => () => seen('lw1').find(({ model }) => model.includes(mark)));
    await until(() => slow?.()?.closedByPeerAt !== undefined, 15_000, 'the first connection is closed');
    expect(winner?.()).toMatchObject({ closedByPeerAt: undefined, endedAt: undefined });
    gateway.upstream.journal.goOn('id=lw1&second');
    const answer = await asking;
    expect(endings(answer.bytes)).toMatchObject({ done: 1, errors: [] });
    expect(answer.text).toContain('w7');
  });

  it('a whole answer just as well, billed once', async () => {
    const response = await post(gateway.url, 'openai', 'slow-first-whole');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: 'quick-one' });
    expect(response.headers.get('x-weir-attempts')).toBe('2');
    await until(() => slowOf('hw1')?.closedByPeerAt !== undefined, 15_000, 'the first connection is closed');
    const row = await gateway.row(response.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ status: 'complete', attempts: 2, usage: { input: 11, output: 4 } } satisfies Partial<Row>);
  });

  it('wins all the same where it is sooner: then the other one is hung up on', async () => {
    const asking = streamed(gateway.url, 'openai', 'first-wins');
    await until(() => seen('hf1').length === 2, 15_000, 'both are asked');
    gateway.upstream.journal.goOn('reply=slow-one&id=hf1');
    const answer = await asking;
    expect(answer.text).toContain('slow-one');
    expect(answer.headers.get('x-weir-attempts')).toBe('2');
    await until(() => seen('hf1').some(({ closedByPeerAt }) => closedByPeerAt !== undefined), 15_000, 'the second connection is closed');
    expect(seen('hf1').find(({ closedByPeerAt }) => closedByPeerAt !== undefined)?.model).toContain('second');
  });

  it('is explained: which try was the hedge, and which was left', async () => {
    const answer = await streamed(gateway.url, 'openai', 'slow-first', { headers: { 'x-weir-explain': '1' } });
    const told = /: weir (\{.*\})/.exec(answer.text)?.[1] ?? '{}';
    const { decision } = JSON.parse(told) as { decision: { attempts: readonly object[] } };
    expect(decision.attempts).toEqual([
      expect.objectContaining({ outcome: 'answered', as: 'hedge', target: expect.stringContaining('ok/text') }),
      expect.objectContaining({ outcome: 'left', target: expect.stringContaining('fault/held-back') }),
    ]);
  });

  it("is asked beside another one by OpenAI's SDK without a difference", async () => {
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'weir_dev_gateway-key-canary-0815', maxRetries: 0 });
    const stream = await client.chat.completions.create({ model: 'slow-first', messages: [{ role: 'user', content: 'Hi' }], stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('w0 w1 w2 w3');
  });
});

describe('nobody else is asked', () => {
  it('where the first begins in time', async () => {
    const answer = await streamed(gateway.url, 'openai', 'quick-first');
    expect(answer.text).toContain('first-one');
    expect(answer.headers.get('x-weir-attempts')).toBe('1');
    expect(seen('hq1')).toHaveLength(1);
  });

  it('before the usual time of a target is known; once it is known and passed, another one is', async () => {
    for (let at = 0; at < 20; at++) await streamed(gateway.url, 'openai', 'learning');
    expect(seen('hp1')).toHaveLength(20);
    const late = await streamed(gateway.url, 'openai', 'learning');
    expect(late.text).toContain('quick-one');
    expect(seen('hp1')).toHaveLength(22);
  });

  it('beside a call that a vendor keeps', async () => {
    const ask = (store: boolean) =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: 'Bearer weir_dev_gateway-key-canary-0815', 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'stateful', store, messages: [{ role: 'user', content: 'Hi' }] }),
      });
    const kept = ask(true);
    // Time for a hedge that must not come.
    await until(() => seen('hr1').length > 0, 15_000, 'the first is asked');
    await sleep(700);
    gateway.upstream.journal.goOn('id=hr1');
    expect(await (await kept).json()).toMatchObject({ id: 'slow-one' });
    expect(seen('hr1')).toHaveLength(1);
    gateway.upstream.journal.hold('id=hr1');
    expect(await (await ask(false)).json()).toMatchObject({ id: 'quick-one' });
  });
});

describe('where the first fails', () => {
  it('the walk goes on as without a hedge', async () => {
    const answer = await streamed(gateway.url, 'openai', 'failing-first');
    expect(answer.text).toContain('quick-one');
    expect(Number(answer.headers.get('x-weir-attempts'))).toBeGreaterThanOrEqual(2);
  });

  it('and so does the second, there is one typed error', async () => {
    const response = await post(gateway.url, 'openai', 'both-fail');
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: 'upstream_error' } });
    expect(response.headers.get('x-weir-attempts')).toBe('2');
    expect(seen('hb1')).toHaveLength(2);
  });
});

describe('the account of a call that two were asked for', () => {
  it('has one row, by the price of who answered, and nothing stays held', async () => {
    const key = await keyWith([
      { unit: 'usd', limit: 10, window: 'month' },
      { unit: 'requests', limit: 100, window: 'day', per: 'model' },
      { unit: 'concurrent', limit: 1 },
    ]);
    const answer = await streamed(gateway.url, 'openai', 'limited', {
      headers: { authorization: `Bearer ${key}` },
      extra: { max_tokens: 100 },
    });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('quick-one');
    const id = answer.headers.get('x-weir-request-id');
    await settled();
    await until(() => storedUsage(gateway.stateDir).some(({ request_id }) => request_id === id), 15_000, 'the row of account');
    const rows = storedUsage(gateway.stateDir).filter(({ request_id }) => request_id === id);
    // 11 tokens in and 4 out, a thousandth of a dollar each.
    expect(rows).toMatchObject([{ id, status: 'complete', cost: 15_000_000, output_tokens: 4 }]);
    const meters = storedLedger(gateway.stateDir).meters;
    expect(meters.every(({ reserved }) => reserved === 0)).toBe(true);
    const requests = meters.filter(({ key: meter }) => meter.includes('requests') && meter.includes('hl1'));
    expect(requests.filter(({ spent }) => spent > 0).map(({ key: meter }) => meter)).toEqual([expect.stringContaining('ok/text')]);
  });

  it('is not asked for twice where what is left holds only one', async () => {
    // Held for one target: 100 tokens out and a few in. The second is another model, and has no room under its own limit.
    const key = await keyWith([{ unit: 'requests', limit: 1, window: 'day', per: 'model' }]);
    const ask = () =>
      streamed(gateway.url, 'openai', 'narrow', { headers: { authorization: `Bearer ${key}` }, extra: { max_tokens: 100 } });
    const first = await ask();
    expect(first.text).toContain('quick-one');
    const asking = ask();
    await until(() => seen('hn1').length === 3, 15_000, 'the first is asked again');
    await sleep(700);
    gateway.upstream.journal.goOn('id=hn1');
    const second = await asking;
    expect(second.text).toContain('slow-one');
    expect(second.headers.get('x-weir-attempts')).toBe('1');
    await settled();
  });

  it('ends for both where the caller leaves', async () => {
    const key = await keyWith([{ unit: 'usd', limit: 10, window: 'month' }]);
    const leaving = new AbortController();
    const asked = post(gateway.url, 'openai', 'left', {
      headers: { authorization: `Bearer ${key}` },
      extra: { max_tokens: 10, stream: true },
      signal: leaving.signal,
    }).catch(() => undefined);
    await until(() => seen('hg1').length === 2, 15_000, 'both are asked');
    leaving.abort();
    await asked;
    // The loser of a race is told to end, and here both are.
    await until(() => seen('hg1').every(({ closedByPeerAt }) => closedByPeerAt !== undefined), 15_000, 'both connections are closed');
    await settled();
  });
});
