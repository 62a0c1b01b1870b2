import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, post, streamed } from '../client.ts';
import { ADMIN_TOKEN, ANT_KEY, KEY, startTestGateway, type TestGateway, UP_KEY } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    limits: { ping: 300 },
    models: {
      slow: { targets: ['up/fault/hang'], retry: { attempts: 1 }, timeout: { firstToken: 100, total: 200 } },
      idle: { targets: ['up/fault/stall?n=4'], retry: { attempts: 1 }, timeout: { idle: 1_000, total: 5_000 } },
      closed: { targets: ['closed/gpt'], retry: { attempts: 1 } },
    },
  });
});
afterAll(() => gateway?.stop());

const failures = [
  'closed',
  'slow',
  'idle',
  'nobody/nothing',
  'sandbox/error?status=500',
  ...['up', 'ant'].flatMap((provider) =>
    [
      'html',
      'html-as-sse',
      'empty',
      'not-an-answer',
      'error-first',
      'error-mid',
      'reset',
      'fin',
      'no-answer',
      'redirect?to=%2Felsewhere',
    ].map((fault) => `${provider}/fault/${fault}`),
  ),
  ...[400, 401, 403, 404, 409, 429, 500, 503, 529].flatMap((code) => [`up/fault/status?code=${code}`, `ant/fault/status?code=${code}`]),
];

/** What no caller may ever read: credentials, addresses, and the inside of the gateway. */
function leaks(text: string): string[] {
  const secrets = [
    UP_KEY,
    ANT_KEY,
    ADMIN_TOKEN,
    KEY,
    '127.0.0.1',
    'localhost',
    String(gateway.closedPort),
    new URL(gateway.upstream.origin).port,
    'UP_KEY',
    'node_modules',
  ];
  const patterns = [
    /\bat \S+ \(?\S+:\d+:\d+/,
    /worker\.js/,
    /src\/\w+\/\S+\.ts/,
    /internal error; reference/,
    /Network connection lost/,
    /TypeError|ReferenceError|SyntaxError/,
    /\bundefined\b/,
    /\[object /,
  ];
  return [...secrets.filter((secret) => text.includes(secret)), ...patterns.filter((pattern) => pattern.test(text)).map(String)];
}

describe.concurrent.each(failures)('%s', (model) => {
  const calls: readonly { readonly dialect: Dialect; readonly stream: boolean }[] = [
    { dialect: 'openai', stream: false },
    { dialect: 'openai', stream: true },
    { dialect: 'anthropic', stream: false },
    { dialect: 'anthropic', stream: true },
  ];
  it('fails without showing anything of the inside, in the words of its dialect', async () => {
    for (const { dialect, stream } of calls) {
      const answer = await streamed(gateway.url, dialect, model, { extra: { stream } });
      const shown = `${answer.text}\n${[...answer.headers].map((pair) => pair.join(': ')).join('\n')}`;
      expect({ dialect, stream, leaks: leaks(shown) }).toEqual({ dialect, stream, leaks: [] });
      if (answer.status === 200) continue;
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).not.toBe(500);
      const body = JSON.parse(answer.text);
      expect(body.error).toMatchObject({ type: expect.any(String), message: expect.stringMatching(/.{10}/) });
      expect(body.type).toBe(dialect === 'anthropic' ? 'error' : undefined);
      expect(body.request_id).toBe(answer.headers.get('x-weir-request-id'));
    }
  });
});

describe('what vendors quote', () => {
  it('of their credential is taken out', async () => {
    const quoted = encodeURIComponent(`Incorrect API key provided: ${UP_KEY}. You can find your API key at`);
    for (const stream of [false, true]) {
      // A credential that was refused is left alone: each is another place.
      const response = await post(gateway.url, 'openai', `up/fault/status?code=401&stream=${stream}&message=${quoted}`, {
        extra: { stream },
      });
      expect(response.status).toBe(502);
      expect(await response.text()).not.toContain(UP_KEY);
    }
    const response = await post(
      gateway.url,
      'anthropic',
      `ant/fault/status?code=401&message=${encodeURIComponent(`invalid x-api-key ${ANT_KEY}`)}`,
    );
    expect(await response.text()).not.toContain(ANT_KEY);
  });

  it('of the request is kept word for word, as clients act on it', async () => {
    const message = 'prompt is too long: 205000 tokens > 200000 maximum';
    const response = await post(
      gateway.url,
      'anthropic',
      `ant/fault/status?code=400&type=invalid_request_error&message=${encodeURIComponent(message)}`,
    );
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', message } });
  });
});

describe('the log', () => {
  it('has one row for every failure, with a code and without a secret', async () => {
    const run = 'hygiene';
    const models = ['closed/for-the-log', 'slow', 'nobody/nothing', 'up/fault/status?code=500&id=log', 'up/fault/reset?id=log'];
    for (const model of models) await streamed(gateway.url, 'openai', model, { headers: { 'x-weir-run': run } });
    const rows = await gateway.rows({ run }, models.length);
    expect(rows).toHaveLength(models.length);
    expect(rows.map(({ errorCode }) => errorCode).sort()).toEqual(
      ['model_not_found', 'upstream_error', 'upstream_interrupted', 'upstream_timeout', 'upstream_unreachable'].sort(),
    );
    const text = JSON.stringify(rows);
    for (const secret of [UP_KEY, ANT_KEY, ADMIN_TOKEN, KEY]) expect(text).not.toContain(secret);
    const config = await (await gateway.admin('/config')).text();
    expect(config).not.toContain(ANT_KEY);
    expect(config).not.toContain(UP_KEY);
  });
});
