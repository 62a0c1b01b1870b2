import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOf, type ErrorBody, post, raw } from '../client.ts';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

const BODY_LIMIT = 1024 * 1024;
let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ limits: { body: BODY_LIMIT } });
});
afterAll(() => gateway?.stop());

const head = (extra: readonly string[] = [], path = '/v1/chat/completions') =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: gateway',
    `Authorization: Bearer ${KEY}`,
    'Content-Type: application/json',
    'Connection: close',
    ...extra,
  ].join('\r\n');
const small = JSON.stringify(callOf('openai', 'up/ok/text'));
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
const send = (body: string | Uint8Array, path = '/v1/chat/completions') =>
  fetch(gateway.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : Buffer.from(body),
  });

describe('sizes', () => {
  it('of headers: too many or too much of them is 431, before anybody is asked who it is', async () => {
    const many = Array.from({ length: 300 }, (_, at) => `X-H${at}: 1`);
    const answers = await Promise.all([
      raw(gateway.url, `${head([...many, `Content-Length: ${small.length}`])}\r\n\r\n${small}`),
      raw(gateway.url, `${head([`X-Long: ${'a'.repeat(40_000)}`, `Content-Length: ${small.length}`])}\r\n\r\n${small}`),
      raw(
        gateway.url,
        `POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n${many.join('\r\n')}\r\nContent-Length: 2\r\n\r\n{}`,
      ),
    ]);
    for (const answer of answers) {
      expect(statusOf(answer)).toBe(431);
      expect(answer).toContain('headers_too_large');
    }
    const three = Array.from({ length: 3_000 }, (_, at) => `X-H${at}: 1`);
    expect(statusOf(await raw(gateway.url, `${head([...three, `Content-Length: ${small.length}`])}\r\n\r\n${small}`))).toBe(431);
    const huge = await raw(gateway.url, `${head([`X-Huge: ${'a'.repeat(600_000)}`])}\r\n\r\n`);
    expect([431, 400]).toContain(statusOf(huge));
  });

  it('of the URL: more than 16 KB is 414', async () => {
    const response = await send(small, `/v1/chat/completions?x=${'a'.repeat(17_000)}`);
    expect(response.status).toBe(414);
    expect(await response.json()).toMatchObject({ error: { code: 'url_too_long' } });
    expect((await send(small, `/v1/chat/completions?x=${'a'.repeat(8_000)}`)).status).toBe(200);
  });

  it('of the body, said beforehand: 413 in the dialect', async () => {
    const body = JSON.stringify(callOf('openai', 'up/ok/text?id=big', { pad: 'a'.repeat(BODY_LIMIT) }));
    const openai = await send(body);
    expect(openai.status).toBe(413);
    expect(await openai.json()).toMatchObject({ error: { code: 'request_too_large' } });
    const anthropic = await send(body, '/v1/messages');
    expect(anthropic.status).toBe(413);
    expect(await anthropic.json()).toMatchObject({ type: 'error', error: { type: 'request_too_large' } });
    expect(gateway.upstream.journal.of('id=big')).toEqual([]);
  });

  it('of the body, not said: 413 while it is being read, and not after', async () => {
    const { hostname, port } = new URL(gateway.url);
    const attempt = () =>
      new Promise<{ answer: string; sent: number }>((resolve) => {
        const piece = Buffer.from(`10000\r\n${'a'.repeat(0x10000)}\r\n`);
        let written = 0;
        let got = '';
        const socket = connect(Number(port), hostname, () => {
          socket.write(`${head(['Transfer-Encoding: chunked'])}\r\n\r\n9\r\n{"model":\r\n`);
          const more = () => {
            if (got !== '' || socket.destroyed || written > 64 * 1024 * 1024) return;
            written += piece.length;
            socket.write(piece, () => setImmediate(more));
          };
          more();
        });
        socket.on('data', (data) => {
          got += data.toString('latin1');
        });
        const finish = () => resolve({ answer: got, sent: written });
        socket.on('close', finish);
        socket.on('error', finish);
        setTimeout(() => socket.destroy(), 30_000).unref();
      });
    const { answer, sent } = await attempt();
    expect(statusOf(answer)).toBe(413);
    // The kernel's buffers take some beyond the limit.
    expect(sent).toBeLessThan(BODY_LIMIT + 16 * 1024 * 1024);
  });

  it('of the body, compressed: refused rather than unpacked', async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: small,
    });
    expect(response.status).toBe(415);
  });
});

describe('JSON that is not what it should be', () => {
  const broken = [
    '',
    '{',
    'null',
    '[]',
    '"text"',
    '{"model":"up/ok/text"',
    '{"model":}',
    '{}{}',
    '{"a":1,}',
    '\u0000',
    "{'model':'x'}",
    '{"model":"a","model":"b"}',
  ];
  it.each(broken)('is 400 and never a fault of the gateway: %j', async (body) => {
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      const response = await send(body, path);
      expect(response.status).toBe(400);
      expect(((await response.json()) as ErrorBody).error.type).toBe('invalid_request_error');
    }
  });

  it.each([{ model: 7 }, { model: '' }, { model: null }, {}, { model: ['a'] }])('a model that is none is 400 or 404: %j', async (body) => {
    const response = await send(JSON.stringify({ ...body, messages: [] }));
    expect([400, 404]).toContain(response.status);
  });

  it('too deep or too wide is 400', async () => {
    const deep = `{"model":"up/ok/text","messages":[],"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const nested = `{"model":"up/ok/text","messages":[],"x":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`;
    const wide = `{"model":"up/ok/text","messages":[],"x":[${'0,'.repeat(300_000)}0]}`;
    const keys = `{"model":"up/ok/text","messages":[]${Array.from({ length: 60_000 }, (_, at) => `,"${at}":0`).join('')}}`;
    for (const body of [deep, nested, wide]) {
      const response = await send(body);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'invalid_json' } });
    }
    expect((await send(keys)).status).toBeLessThan(500);
  });

  // Work that grows with the square of what is sent would go on for minutes, and everybody would wait for it.
  it('does not hold up anybody else for long', async () => {
    const wide = `{"model":"up/ok/text","messages":[],"x":[${'0,'.repeat(400_000)}0]}`;
    const hostile = Promise.all(Array.from({ length: 10 }, () => send(wide)));
    expect((await post(gateway.url, 'openai', 'up/ok/text')).status).toBe(200);
    await hostile;
  });

  it('poisoned keys change nothing', async () => {
    const poison = '"__proto__":{"polluted":1,"stream":true},"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1}';
    for (const [path, model] of [
      ['/v1/chat/completions', 'up/ok/text'],
      ['/v1/chat/completions', 'ant/ok/text'],
      ['/v1/messages', 'ant/ok/text'],
      ['/v1/messages', 'up/ok/text'],
    ] as const) {
      const body = `{"model":"${model}","max_tokens":9,${poison},"messages":[{"role":"user","content":"x",${poison}}],"tools":[]}`;
      const response = await send(body, path);
      expect([200, 400]).toContain(response.status);
      if (response.status === 200) expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      const after = await post(gateway.url, 'openai', 'ant/ok/text?id=clean');
      expect(after.status).toBe(200);
    }
    for (const { body } of gateway.upstream.journal.of('id=clean')) expect(body.toString()).not.toContain('polluted');
  });
});

describe('text that is odd', () => {
  const texts = [
    String.raw`\ud800`,
    String.raw`\udc00\ud800`,
    String.raw`a\u0000b`,
    'Zalgo\u0301\u0301\u0301',
    '\u202Egnp.exe',
    '\u2028\u2029',
    '👩‍👩‍👧‍👦',
    String.raw`\u2028\ud83d\ude00`,
  ];
  it.each(texts)('reaches a vendor of the same dialect byte for byte: %j', async (text) => {
    for (const [path, provider] of [
      ['/v1/chat/completions', 'up'],
      ['/v1/messages', 'ant'],
    ] as const) {
      const mark = `id=odd-${provider}-${texts.indexOf(text)}-`;
      const messages = `"messages":[{"role":"user","content":"${text}"}]`;
      const response = await send(`{"model":"${provider}/ok/text?${mark}","max_tokens":9,${messages}}`, path);
      expect(response.status).toBe(200);
      expect(gateway.upstream.journal.one(mark).body.toString()).toContain(messages);
    }
  });

  it.each(texts)('crosses to the other dialect without a fault: %j', async (text) => {
    const response = await send(`{"model":"ant/ok/text","messages":[{"role":"user","content":"${text}"}]}`);
    expect([200, 400]).toContain(response.status);
  });

  it('that is no UTF-8 is refused or handed on as it came', async () => {
    const [before = '', after = ''] = `{"model":"up/ok/text?id=latin","messages":[{"role":"user","content":"@@"}]}`.split('@@');
    const body = Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xfe, 0xc3, 0x28]), Buffer.from(after)]);
    const response = await send(body);
    expect([200, 400]).toContain(response.status);
    for (const seen of gateway.upstream.journal.of('id=latin'))
      expect(seen.body.includes(Buffer.from([0xff, 0xfe, 0xc3, 0x28]))).toBe(true);
  });

  it('of many combining marks is no work', async () => {
    const content = `e${'\u0301'.repeat(400_000)}`;
    const response = await post(gateway.url, 'openai', 'ant/ok/text', { extra: { messages: [{ role: 'user', content }] } });
    expect([200, 413]).toContain(response.status);
  });
});
