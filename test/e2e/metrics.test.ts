import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { post, streamed } from '../client.ts';
import { ADMIN_TOKEN, KEY, type Row, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { parseScrape, total } from '../prometheus.ts';

const METRICS_TOKEN = 'metrics-token-canary-6666';
// The scripted vendor counts 11 tokens in and one for each word out; a token costs 3 or 15 millionths of a dollar.
const PRICES = { 'ok/*': { input: 3, output: 15 } };
const CALLS = 6;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({}, { WEIR_METRICS_TOKEN: METRICS_TOKEN });
  const { origin } = gateway.upstream;
  const published = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: { like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' }, prices: PRICES },
        ant: { like: 'anthropic', baseUrl: origin, key: { value: 'k' }, prices: PRICES },
        unpriced: { baseUrl: `${origin}/v1`, dialects: ['openai-chat'], key: { value: 'k' } },
      },
      models: { second: { targets: ['up/fault/status?code=500', 'up/ok/text?words=2'], retry: { attempts: 1 } } },
    }),
  });
  expect(published.status).toBe(200);
  const headers = { 'x-weir-run': 'a-secret-run', 'x-weir-user': 'a-secret-user', 'x-weir-metadata': '{"team":"a-secret-team"}' };
  await (await post(gateway.url, 'openai', 'up/ok/text?words=4', { headers })).arrayBuffer();
  await streamed(gateway.url, 'openai', 'up/ok/text?words=4', { headers });
  await streamed(gateway.url, 'anthropic', 'ant/ok/text?words=7');
  await (await post(gateway.url, 'openai', 'second')).arrayBuffer();
  await (await post(gateway.url, 'openai', 'unpriced/ok/text?words=1')).arrayBuffer();
  await (await post(gateway.url, 'openai', 'nobody/invented')).arrayBuffer();
  await gateway.rows({}, CALLS);
});
afterAll(() => gateway?.stop());

const scrape = (token?: string) =>
  fetch(`${gateway.url}/metrics`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
const text = async () => (await scrape(METRICS_TOKEN)).text();

describe('GET /metrics', () => {
  it('is closed to strangers and to keys of the gateway, and its token opens nothing else', async () => {
    for (const token of [undefined, 'x', KEY]) {
      const answer = await scrape(token);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(await answer.text()).not.toContain('weir_');
    }
    const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
    expect((await fetch(`${gateway.url}/admin/v1/requests`, { headers })).status).toBe(401);
    expect((await fetch(`${gateway.url}/v1/models`, { headers })).status).toBe(401);
  });

  it('is what the log and the vendor say, in the form that Prometheus reads', async () => {
    const answer = await scrape(ADMIN_TOKEN);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const families = parseScrape(await answer.text());
    const rows = await gateway.rows({}, CALLS);
    const sum = (value: (row: Row) => number | undefined) => rows.reduce((all, row) => all + (value(row) ?? 0), 0);
    expect(total(families, 'weir_requests_total')).toBe(CALLS);
    expect(total(families, 'weir_requests_total', { status: 'failed', error: 'model_not_found', provider: '', model: '' })).toBe(1);
    expect(total(families, 'weir_requests_total', { dialect: 'anthropic', provider: 'ant', route: 'llm' })).toBe(1);
    expect(total(families, 'weir_requests_total', { model: 'up/ok/text?words=4', status: 'complete', error: '' })).toBe(2);
    expect(total(families, 'weir_attempts_total')).toBe(sum(({ attempts }) => attempts));
    expect(total(families, 'weir_attempts_total', { model: 'up/ok/text?words=2' })).toBe(2);
    expect(total(families, 'weir_tokens_total', { kind: 'input' })).toBe(5 * 11);
    expect(total(families, 'weir_tokens_total', { kind: 'output' })).toBe(4 + 4 + 7 + 2 + 1);
    expect(Math.round(total(families, 'weir_cost_usd_total') * 1e9)).toBe(4 * 11 * 3_000 + (4 + 4 + 7 + 2) * 15_000);
    expect(total(families, 'weir_unpriced_requests_total')).toBe(1);
    expect(total(families, 'weir_unpriced_requests_total', { provider: 'unpriced' })).toBe(1);
    expect(total(families, 'weir_log_rows_dropped_total')).toBe(0);
    const duration = 'weir_request_duration_seconds';
    expect(total(families, duration, {}, `${duration}_count`)).toBe(CALLS);
    expect(total(families, duration, {}, `${duration}_sum`)).toBeCloseTo(sum(({ durationMs }) => durationMs) / 1000, 6);
    for (const le of [0.05, 0.1, 0.25, 0.5, 1, 5]) {
      const within = rows.filter(({ durationMs }) => durationMs <= le * 1000).length;
      expect(total(families, duration, { le: String(le) }, `${duration}_bucket`)).toBe(within);
    }
    const wait = 'weir_time_to_first_token_seconds';
    expect(total(families, wait, {}, `${wait}_count`)).toBe(rows.filter(({ firstTokenMs }) => firstTokenMs !== undefined).length);
  });

  it('only ever rises', async () => {
    const before = parseScrape(await text());
    await streamed(gateway.url, 'openai', 'up/ok/text?words=3', { headers: { 'x-weir-run': 'later' } });
    await gateway.rows({ run: 'later' });
    const after = parseScrape(await text());
    expect(total(after, 'weir_requests_total')).toBe(total(before, 'weir_requests_total') + 1);
    for (const [name, { type, samples }] of before) {
      // A gauge is what is now.
      if (type === 'gauge') continue;
      for (const { labels, value, name: sample } of samples) expect(total(after, name, labels, sample)).toBeGreaterThanOrEqual(value);
    }
  });

  it('tells nothing of who called, and has no place for names that callers invent', async () => {
    await (await post(gateway.url, 'openai', 'up/ok/invented')).arrayBuffer();
    await gateway.rows({ model: 'up/ok/invented' });
    await until(async () => total(parseScrape(await text()), 'weir_requests_total', { status: 'failed' }) === 2, 15_000, 'the failure');
    expect(await text()).not.toMatch(/invented|secret|org_|key_|app_/);
  });
});
