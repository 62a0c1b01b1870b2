import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, type ErrorBody, endings, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';

const GOOD = 'ok/text?words=3&reply=from-the-second';
const after = (fault: string, mark: string, second = 'up') => ({
  targets: [`up/fault/${fault}${fault.includes('?') ? '&' : '?'}id=${mark}`, `${second}/${GOOD}&id=${mark}-second`],
  retry: { attempts: 1 },
  // Short where it is what ends the first, and longer than anybody needs where it is not.
  timeout: { firstToken: /silence|hang/.test(fault) ? 4_000 : 30_000, idle: 30_000, total: 60_000 },
});

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    models: {
      'after-error-first': after('error-first', 'fo1'),
      'after-html': after('html', 'fo2'),
      'after-empty': after('empty', 'fo3'),
      'after-silence': after('silence', 'fo4'),
      'after-hang': after('hang', 'fo5'),
      'after-500': after('status?code=500', 'fo6'),
      'after-429': after('status?code=429&retry-after=60', 'fo7'),
      'after-401': after('status?code=401', 'fo8'),
      'after-reset': after('no-answer', 'fo9'),
      'after-role-only': after('reset?n=1', 'fo10'),
      'after-redirect': after('redirect?to=http%3A%2F%2F127.0.0.1%3A1%2F', 'fo11'),
      'after-closed': { ...after('x', 'fo12'), targets: ['closed/gpt', `up/${GOOD}&id=fo12-second`] },
      'to-another-dialect': after('status?code=500', 'fo13', 'ant'),
      'after-content': after('reset?n=5', 'late1'),
      'after-content-other': after('reset?n=5', 'late2', 'ant'),
      'after-400': after('status?code=400', 'own1'),
      'all-down': {
        targets: ['up/fault/status?code=500&id=down', 'closed/gpt', 'up/fault/status?code=503&id=down', 'up/fault/silence?id=down'],
        retry: { attempts: 2 },
        // The last one says nothing for ever, and nothing but the deadline ends that.
        timeout: { firstToken: 600_000, idle: 600_000, total: 3_000 },
      },
    },
  });
});
afterAll(() => gateway?.stop());

const isFrom = (text: string) => text.includes('from-the-second');
const early = [
  'after-error-first',
  'after-html',
  'after-empty',
  'after-silence',
  'after-hang',
  'after-500',
  'after-429',
  'after-401',
  'after-reset',
  'after-role-only',
  'after-redirect',
  'after-closed',
];

describe.concurrent('before the first content the next target answers, and the caller sees nothing of the first', () => {
  it.each(early)('%s, streamed', async (model) => {
    const answer = await streamed(gateway.url, 'openai', model, { extra: { stream_options: { include_usage: true } } });
    expect(answer.status).toBe(200);
    expect(isFrom(answer.text)).toBe(true);
    expect(answer.text).not.toContain('scripted-1');
    expect(endings(answer.bytes)).toMatchObject({ done: 1, errors: [] });
    expect(answer.headers.get('x-weir-attempts')).toBe('2');
    expect(answer.headers.get('x-weir-model')).toMatch(/^up\/ok\/text/);
  });

  it.each(early.filter((name) => !/silence|role-only|error-first/.test(name)))('%s, not streamed', async (model) => {
    const response = await post(gateway.url, 'openai', model, { headers: model === 'after-hang' ? { 'x-weir-timeout': '4000' } : {} });
    if (model === 'after-hang') {
      // A whole answer may take all the time there is: the deadline is the model's total, and nobody is left to ask.
      expect([200, 504]).toContain(response.status);
      return;
    }
    expect(response.status).toBe(200);
    expect(isFrom(await response.text())).toBe(true);
  });

  it('of another dialect just as well', async () => {
    for (const dialect of ['openai', 'anthropic'] as const) {
      const answer = await streamed(gateway.url, dialect, 'to-another-dialect');
      expect(answer.text).toContain('w2');
      expect(endings(answer.bytes)).toMatchObject({ done: 1, errors: [] });
      expect(answer.headers.get('x-weir-model')).toMatch(/^ant\//);
    }
  });

  it('closes the one that kept silent', async () => {
    await streamed(gateway.url, 'openai', 'after-silence');
    const seen = gateway.upstream.journal.of('id=fo4').filter(({ model }) => model.startsWith('fault/'));
    expect(seen.length).toBeGreaterThan(0);
    for (const each of seen) {
      await until(() => each.closedByPeerAt !== undefined, 15_000, 'the silent upstream is closed');
    }
  });
});

describe.concurrent('after the first content nobody else answers', () => {
  const late: readonly { readonly dialect: Dialect; readonly model: string }[] = [
    { dialect: 'openai', model: 'after-content' },
    { dialect: 'anthropic', model: 'after-content' },
    { dialect: 'openai', model: 'after-content-other' },
    { dialect: 'anthropic', model: 'after-content-other' },
  ];
  it.each(late)('$model to $dialect ends in one typed error, and the second target is never asked', async ({ dialect, model }) => {
    const answer = await streamed(gateway.url, dialect, model);
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('w2');
    expect(isFrom(answer.text)).toBe(false);
    expect(endings(answer.bytes)).toMatchObject({ done: 0, errors: [{ body: { error: { code: 'upstream_interrupted' } } }] });
    expect(gateway.upstream.journal.all.filter(({ model: asked }) => asked.includes('late') && asked.includes('-second'))).toEqual([]);
  });
});

describe('what no other target can mend', () => {
  it("a request's own fault is told at once", async () => {
    const response = await post(gateway.url, 'openai', 'after-400');
    expect(response.status).toBe(400);
    expect(gateway.upstream.journal.of('own1-second')).toEqual([]);
  });

  it('when every target is down the caller hears it before the deadline, and nothing goes on after', async () => {
    for (const extra of [{}, { stream: true }]) {
      const response = await post(gateway.url, 'openai', 'all-down', { extra });
      expect([502, 503, 504]).toContain(response.status);
      if (response.status === 503) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      const body = (await response.json()) as ErrorBody;
      expect(body.error.message.length).toBeGreaterThan(10);
    }
    const asked = gateway.upstream.journal.of('id=down').length;
    // Three reachable targets, twice each, for two calls.
    expect(asked).toBeLessThanOrEqual(12);
    // Each call waits for the silent one once: then its time is over, and it does not begin again.
    expect(gateway.upstream.journal.of('fault/silence?id=down').length).toBeLessThanOrEqual(2);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(gateway.upstream.journal.of('id=down')).toHaveLength(asked);
  });
});
