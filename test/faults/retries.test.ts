import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ErrorBody, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';

const once = (target: string) => ({ targets: [target], retry: { attempts: 1 } });
const inThreeSeconds = () => new Date(Date.now() + 4_000).toUTCString();

const retryAfters = [
  { name: 'seconds', value: '2', least: 2, most: 2 },
  { name: 'date', value: inThreeSeconds(), least: 0, most: 5 },
  { name: 'absurd', value: '1e9', least: 0, most: 3_600 },
  { name: 'negative', value: '-5', least: 0, most: 60 },
  { name: 'word', value: 'NaN', least: 0, most: 60 },
  { name: 'none', value: undefined, least: 0, most: 60 },
];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    models: {
      ...Object.fromEntries(
        retryAfters.flatMap(({ name, value }) =>
          ['up', 'ant'].map((provider) => [
            `${provider}-429-${name}`,
            once(`${provider}/fault/status?code=429${value === undefined ? '' : `&retry-after=${encodeURIComponent(value)}`}`),
          ]),
        ),
      ),
      ambiguous: once('up/fault/no-answer?id=ambiguous'),
      closed: once('closed/gpt'),
      'three-tries': { targets: ['up/fault/status?code=503&id=three-tries'], retry: { attempts: 3 } },
      waits: { targets: ['up/fault/flaky?times=1&code=429&retry-after=1&id=waits'], retry: { attempts: 2 } },
      'waits-too-long': {
        targets: ['up/fault/status?code=429&retry-after=300&id=too-long'],
        retry: { attempts: 3 },
        timeout: { total: 120_000 },
      },
    },
  });
});
afterAll(() => gateway?.stop());

describe.concurrent('a rate limit of the vendor', () => {
  it.each(retryAfters)('is handed on with a sane Retry-After: $name', async ({ name, least, most }) => {
    for (const [model, dialect] of [[`up-429-${name}`, 'openai'] as const, [`ant-429-${name}`, 'anthropic'] as const]) {
      const response = await post(gateway.url, dialect, model);
      expect(response.status).toBe(429);
      const after = response.headers.get('retry-after');
      expect(after).toMatch(/^\d+$/);
      expect(Number(after)).toBeGreaterThanOrEqual(least);
      expect(Number(after)).toBeLessThanOrEqual(most);
      expect(((await response.json()) as ErrorBody).error.type).toBe('rate_limit_error');
    }
  });

  it('is waited out where the wait is short', async () => {
    const started = Date.now();
    const response = await post(gateway.url, 'openai', 'waits');
    expect(response.status).toBe(200);
    expect(Date.now() - started).toBeGreaterThanOrEqual(950);
    expect(response.headers.get('x-weir-attempts')).toBe('2');
    expect(gateway.upstream.journal.of('id=waits')).toHaveLength(2);
  });

  it('is not waited for beyond the deadline', async () => {
    const response = await post(gateway.url, 'openai', 'waits-too-long');
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('300');
    expect(gateway.upstream.journal.of('id=too-long')).toHaveLength(1);
  });
});

describe.concurrent('one layer tries again, and only what may succeed', () => {
  it.each([
    { code: 500, calls: 2, status: 502 },
    { code: 502, calls: 2, status: 502 },
    { code: 503, calls: 2, status: 503 },
    { code: 529, calls: 2, status: 503 },
    { code: 400, calls: 1, status: 400 },
    { code: 404, calls: 1, status: 404 },
    { code: 413, calls: 1, status: 413 },
    { code: 422, calls: 1, status: 422 },
    { code: 401, calls: 1, status: 502 },
    { code: 403, calls: 1, status: 502 },
  ])('$code is asked $calls times and answered $status', async ({ code, calls, status }) => {
    for (const [provider, dialect] of [['up', 'openai'] as const, ['ant', 'anthropic'] as const]) {
      for (const stream of [false, true]) {
        const mark = `id=code-${code}-${provider}-${stream}`;
        const response = await post(gateway.url, dialect, `${provider}/fault/status?code=${code}&${mark}`, { extra: { stream } });
        expect(response.status).toBe(status);
        expect(gateway.upstream.journal.of(mark)).toHaveLength(calls);
        if (calls === 1) expect(response.headers.get('x-should-retry')).toBe('false');
        const row = await gateway.row(response.headers.get('x-weir-request-id'));
        expect(row).toMatchObject({ status: 'failed', httpStatus: status });
      }
    }
  });

  it('as often as the model says, and no more', async () => {
    expect((await post(gateway.url, 'openai', 'three-tries')).status).toBe(503);
    expect(gateway.upstream.journal.of('id=three-tries')).toHaveLength(3);
  });

  it('and says how often in its row', async () => {
    const answer = await streamed(gateway.url, 'openai', 'up/fault/flaky?times=1&code=500&id=flaky-row');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-weir-attempts')).toBe('2');
    expect((await gateway.row(answer.headers.get('x-weir-request-id'))).attempts).toBe(2);
    const failed = await post(gateway.url, 'openai', 'up/fault/status?code=500');
    expect((await gateway.row(failed.headers.get('x-weir-request-id'))).attempts).toBe(2);
  });

  it('a request that was read and not answered is sent once where the model allows one try', async () => {
    for (const stream of [false, true]) {
      const before = gateway.upstream.journal.of('id=ambiguous').length;
      const response = await post(gateway.url, 'openai', 'ambiguous', { extra: { stream } });
      expect(response.status).toBe(502);
      expect(gateway.upstream.journal.of('id=ambiguous').length - before).toBe(1);
    }
  });

  it('fifty calls to a dead upstream are at most a hundred calls of it', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(gateway.url, 'openai', 'up/fault/status?code=500&id=fifty')));
    expect(answers.every(({ status }) => status === 502)).toBe(true);
    expect(gateway.upstream.journal.of('id=fifty').length).toBeLessThanOrEqual(100);
  });
});

describe('a provider that nobody can reach', () => {
  it('is said so, without its address', async () => {
    for (const stream of [false, true]) {
      const response = await post(gateway.url, 'openai', 'closed', { extra: { stream } });
      expect(response.status).toBe(502);
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'upstream_unreachable' } });
      expect(text).not.toContain(String(gateway.closedPort));
      expect(text).not.toContain('127.0.0.1');
    }
  });
});
