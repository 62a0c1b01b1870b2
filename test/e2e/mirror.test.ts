import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endings, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { storedLedger, storedUsage } from '../ledger/stored.ts';

const price = { input: 1000, output: 1000, maxOutput: 100 };
const PLENTY = 100;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const { origin } = gateway.upstream;
  const openai = { like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' }, prices: { '*': price } };
  const mirrored = (mark: string, to: string, more: object = {}) => ({
    targets: [`up/ok/text?words=3&reply=first-one&id=${mark}-own`],
    mirror: { to: `${to}&id=${mark}-copy`, share: 1, budget: PLENTY, ...more },
  });
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: openai,
        ant: { like: 'anthropic', baseUrl: origin, key: { value: 'k' }, prices: { '*': price } },
        unpriced: { ...openai, prices: {} },
        eu: { ...openai, region: 'eu' },
      },
      models: {
        plain: mirrored('mp1', 'up/ok/text?words=5'),
        translated: mirrored('mt1', 'ant/ok/text?words=5'),
        never: mirrored('mn1', 'up/ok/text?words=5', { share: 0 }),
        failing: mirrored('mf1', 'up/fault/status?code=500'),
        hanging: mirrored('mh1', 'up/fault/held-back?words=20'),
        broken: mirrored('mb1', 'up/fault/reset?n=3'),
        unpriced: mirrored('mu1', 'unpriced/ok/text?words=5'),
        abroad: { ...mirrored('ma1', 'up/ok/text?words=5'), targets: ['eu/ok/text?words=3&id=ma1-own'], require: { regions: ['eu'] } },
        // A copy holds for 100 tokens out and a few in, at a thousandth of a dollar each: there is room for one at a time.
        poor: mirrored('mq1', 'up/ok/text?words=60', { budget: 0.15 }),
        limited: mirrored('ml1', 'up/ok/text?words=5'),
      },
    }),
  });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
});
afterAll(() => gateway?.stop());

const seen = (mark: string) => gateway.upstream.journal.of(`id=${mark}`);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Copied {
  readonly id: string;
  readonly status: string;
  readonly keyId?: string;
  readonly servedModel?: string;
  readonly errorCode?: string;
  readonly facts?: { readonly mirrorOf?: string; readonly mirror?: string };
  readonly usage?: { readonly input: number; readonly output: number };
}
const copyOf = async (id: string | null) => (await gateway.row(`${id}.mirror`)) as unknown as Copied;
const rowOf = async (id: string | null) => (await gateway.row(id)) as unknown as Copied;

describe('a copy of a call', () => {
  it.each([
    ['plain', 'mp1', false],
    ['plain', 'mp1', true],
    ['translated', 'mt1', true],
    ['translated', 'mt1', false],
  ])('%s: goes where the mirror is, and has a row and a price of its own', async (model, mark, isStream) => {
    const before = seen(`${mark}-copy`).length;
    const answer = await streamed(gateway.url, 'openai', model, { extra: { stream: isStream } });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('first-one');
    expect(answer.headers.get('x-weir-attempts')).toBe('1');
    expect(answer.headers.get('x-weir-model')).toContain('-own');
    const id = answer.headers.get('x-weir-request-id');
    expect(await copyOf(id)).toMatchObject({
      status: 'complete',
      stream: isStream,
      keyId: `mirror:${model}`,
      servedModel: expect.stringContaining('-copy'),
      usage: { input: 11, output: 5 },
      facts: { mirrorOf: id },
    });
    expect(await rowOf(id)).toMatchObject({
      status: 'complete',
      usage: { input: 11, output: 3 },
      servedModel: expect.stringContaining('-own'),
    });
    expect(seen(`${mark}-copy`)).toHaveLength(before + 1);
    const sent = JSON.parse(seen(`${mark}-copy`).at(-1)?.body.toString() ?? '{}') as { stream?: boolean; messages: object[] };
    expect(sent.stream ?? false).toBe(isStream);
    expect(sent.messages).toMatchObject([{ role: 'user' }]);
  });

  it("delays nobody, and its failing is nobody's", async () => {
    const answers = await Promise.all(['failing', 'hanging', 'broken'].map((model) => streamed(gateway.url, 'openai', model)));
    // This copy begins when all of them are there.
    gateway.upstream.journal.goOn('id=mh1-copy');
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(endings(answer.bytes)).toMatchObject({ done: 1, errors: [] });
    }
    const [failing, hanging, broken] = await Promise.all(answers.map(({ headers }) => copyOf(headers.get('x-weir-request-id'))));
    expect(failing).toMatchObject({ status: 'failed', errorCode: 'upstream_error' });
    expect(hanging).toMatchObject({ status: 'complete' });
    expect(broken).toMatchObject({ status: 'partial', usage: { estimated: true } });
    expect(await rowOf(answers[0]?.headers.get('x-weir-request-id') ?? null)).toMatchObject({ status: 'complete', attempts: 1 });
  });

  it.each([
    ['never', 'mn1', undefined],
    ['unpriced', 'mu1', /price of unpriced\/.* is not known/],
    ['abroad', 'ma1', /not sent: .*/],
  ])('is not sent: %s', async (model, mark, why) => {
    const answer = await post(gateway.url, 'openai', model);
    expect(answer.status).toBe(200);
    const row = await rowOf(answer.headers.get('x-weir-request-id'));
    if (why === undefined) expect(row.facts?.mirror).toBeUndefined();
    else expect(row.facts?.mirror).toMatch(why);
    await sleep(300);
    expect(seen(`${mark}-own`)).toHaveLength(1);
    expect(seen(`${mark}-copy`)).toHaveLength(0);
  });

  it('is not sent of a call that a vendor keeps', async () => {
    const before = seen('mp1-copy').length;
    await post(gateway.url, 'openai', 'plain', { extra: { store: true } });
    await sleep(300);
    expect(seen('mp1-copy')).toHaveLength(before);
  });
});

describe('the budget of a mirror', () => {
  it('is held before a copy is sent, and never passed, however many calls come', async () => {
    const ask = () => post(gateway.url, 'openai', 'poor', { extra: { max_tokens: 60 } });
    for (let at = 0; at < 6; at++) await Promise.all([ask(), ask(), ask()]);
    await until(() => seen('mq1-copy').length > 0, 15_000, 'a copy');
    await sleep(500);
    expect(seen('mq1-own')).toHaveLength(18);
    // 60 tokens out and 11 in: two fit into fifteen hundredths of a dollar, a third has no room.
    expect(seen('mq1-copy').length).toBeLessThanOrEqual(2);
    await until(() => storedLedger(gateway.stateDir).holds.length === 0, 15_000, 'nothing is held any more');
    const meter = storedLedger(gateway.stateDir).meters.find(({ key }) => key.includes('mirror:poor'));
    expect(meter?.reserved).toBe(0);
    expect(meter?.spent).toBeLessThanOrEqual(150_000_000);
    expect(meter?.spent).toBe(seen('mq1-copy').length * 71_000_000);
  });

  it("is not the caller's: its limits count its own call alone", async () => {
    const name = `app-${crypto.randomUUID()}`;
    expect((await gateway.admin('/apps', { method: 'POST', body: JSON.stringify({ team: 'dev', name }) })).status).toBe(201);
    const limits = [
      { unit: 'requests', limit: 1, window: 'month' },
      { unit: 'usd', limit: 10, window: 'month' },
    ];
    const made = await gateway.admin('/keys', { method: 'POST', body: JSON.stringify({ app: name, name: 'limited', limits }) });
    const { id: keyId, key } = (await made.json()) as { id: string; key: string };
    const answer = await post(gateway.url, 'openai', 'limited', {
      headers: { authorization: `Bearer ${key}` },
      extra: { max_tokens: 50 },
    });
    expect(answer.status).toBe(200);
    const id = answer.headers.get('x-weir-request-id');
    await copyOf(id);
    await until(() => storedUsage(gateway.stateDir).some((row) => row.request_id === `${id}.mirror`), 15_000, 'the row of account');
    const rows = storedUsage(gateway.stateDir);
    expect(rows.filter((row) => row.key_id === keyId)).toMatchObject([{ request_id: id, cost: 14_000_000 }]);
    expect(rows.find((row) => row.request_id === `${id}.mirror`)).toMatchObject({ key_id: 'mirror:limited', cost: 16_000_000 });
    const { meters, holds } = storedLedger(gateway.stateDir);
    expect(holds).toEqual([]);
    expect(meters.filter(({ key: meter }) => meter.includes(keyId) && meter.includes('usd'))).toMatchObject([
      { spent: 14_000_000, reserved: 0 },
    ]);
  });
});
