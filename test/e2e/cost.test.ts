import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEvents, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';

// The scripted vendor counts 11 tokens in and one for each of 20 words out.
const PRICES = {
  'ok/text': { input: 3, output: 15, perRequest: 0.001, factors: { flex: 0.5 } },
  'ok/*': { input: 0.0004, output: 0.0001 },
  'fault/*': { input: 3, output: 15 },
};
const COST = '0.001333';

let gateway: TestGateway;
let version: string;
beforeAll(async () => {
  gateway = await startTestGateway();
  const { origin } = gateway.upstream;
  const unpriced = { baseUrl: `${origin}/v1`, dialects: ['openai-chat'], key: { value: 'k' } };
  const document = {
    providers: {
      up: { like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' }, prices: PRICES },
      ant: { like: 'anthropic', baseUrl: origin, key: { value: 'k' }, prices: PRICES },
      unpriced,
    },
    models: { second: { targets: ['unpriced/fault/status?code=500', 'up/ok/text'], retry: { attempts: 1 } } },
  };
  const published = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  expect(published.status).toBe(200);
  version = `config:${((await published.json()) as { revision: number }).revision}`;
});
afterAll(() => gateway?.stop());

const rowOf = (headers: Headers) => gateway.row(headers.get('x-weir-request-id'));

describe('a whole answer', () => {
  it.each([
    ['openai', 'up/ok/text'],
    ['openai', 'ant/ok/text'],
    ['anthropic', 'ant/ok/text'],
    ['openai', 'second'],
  ] as const)('in the dialect of %s from %s says what it cost, to the nano-dollar', async (dialect, model) => {
    const { headers, status } = await post(gateway.url, dialect, model);
    expect(status).toBe(200);
    expect(headers.get('x-weir-cost')).toBe(COST);
    expect(await rowOf(headers)).toMatchObject({ cost: 1_333_000, priceVersion: version });
  });

  it('is rounded once, half up', async () => {
    // 11 · 0.4 + 4 · 0.1 nano-dollars.
    const { headers } = await post(gateway.url, 'openai', 'up/ok/text?words=4');
    expect(headers.get('x-weir-cost')).toBe('0.000000005');
  });

  it('costs what the way of serving costs, and says nothing where that is not known', async () => {
    const flex = await post(gateway.url, 'openai', 'up/ok/text', { extra: { service_tier: 'flex' } });
    expect(flex.headers.get('x-weir-cost')).toBe('0.0011665');
    const priority = await post(gateway.url, 'openai', 'up/ok/text', { extra: { service_tier: 'priority' } });
    expect(priority.headers.has('x-weir-cost')).toBe(false);
  });

  it('whose price is not known costs nobody knows what, which is not nothing', async () => {
    const { headers, status } = await post(gateway.url, 'openai', 'unpriced/ok/text');
    expect(status).toBe(200);
    expect(headers.has('x-weir-cost')).toBe(false);
    const row = await rowOf(headers);
    expect(row).toMatchObject({ usage: { input: 11, output: 20 } });
    expect(row).not.toHaveProperty('cost');
    expect(row).not.toHaveProperty('priceVersion');
  });

  it('of the sandbox costs nothing, by the vendored list', async () => {
    const { headers } = await post(gateway.url, 'openai', 'sandbox/echo');
    expect(headers.get('x-weir-cost')).toBe('0');
    expect(await rowOf(headers)).toMatchObject({ cost: 0, priceVersion: expect.stringMatching(/^20\d\d-\d\d-\d\d\+[0-9a-f]{6}$/) });
  });

  it('that is an error has no cost', async () => {
    const { headers } = await post(gateway.url, 'openai', 'up/fault/status?code=500');
    expect(headers.has('x-weir-cost')).toBe(false);
    expect(await rowOf(headers)).not.toHaveProperty('cost');
  });
});

describe('a stream', () => {
  it.each([
    ['openai', 'up/ok/text'],
    ['anthropic', 'ant/ok/text'],
    ['anthropic', 'up/ok/text'],
  ] as const)('in the dialect of %s from %s says what it cost in the log, and at its end to who asks', async (dialect, model) => {
    const { headers, bytes } = await streamed(gateway.url, dialect, model, { headers: { 'x-weir-explain': '1' } });
    expect(headers.has('x-weir-cost')).toBe(false);
    const told = parseEvents(bytes).events.flatMap(({ comment }) => (comment?.startsWith('weir ') ? [JSON.parse(comment.slice(5))] : []));
    expect(told).toEqual([expect.objectContaining({ cost: COST })]);
    expect(await rowOf(headers)).toMatchObject({ cost: 1_333_000, priceVersion: version });
  });

  it('does not tell a cost that is not known', async () => {
    const { bytes, headers } = await streamed(gateway.url, 'openai', 'unpriced/ok/text', { headers: { 'x-weir-explain': '1' } });
    expect(new TextDecoder().decode(bytes)).not.toContain('"cost"');
    expect(await rowOf(headers)).not.toHaveProperty('cost');
  });
});
