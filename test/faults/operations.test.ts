import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { type OperationsGateway, startOperationsGateway } from '../operations.ts';
import { AUDIO } from '../upstream/operations-wire.ts';

let at: OperationsGateway;
const models = {
  second: { strategy: 'failover', targets: ['up/status-503', 'up/embed-second'], retry: { attempts: 1 } },
  stalls: { strategy: 'failover', targets: ['up/tts-stall'], timeout: { idle: 1_500 } },
};
beforeAll(async () => {
  at = await startOperationsGateway({ models });
});
afterAll(() => at?.stop());

const json = (path: string, body: object) =>
  at.call(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const speak = (model: string, extra: object = {}) => json('/v1/audio/speech', { model, input: 'Hello', voice: 'ash', ...extra });
const idOf = (response: Response) => response.headers.get('x-weir-request-id');
interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

const BOUNDARY = 'weir-test-boundary';
const field = (name: string, value: string) => `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (bytes: Buffer | string, name = 'file') =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n${bytes.toString('latin1')}\r\n`;
const END = `--${BOUNDARY}--\r\n`;
const hear = (...parts: readonly string[]) =>
  at.call('/v1/audio/transcriptions', {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    body: Buffer.from(parts.join(''), 'latin1'),
  });

describe('a provider that dies', () => {
  it.each(['tts-die', 'tts-die-sized'])('in the middle of audio breaks the connection: %s', async (model) => {
    const response = await speak(`up/${model}`);
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(await at.gateway.row(idOf(response))).toMatchObject({ status: 'partial', errorCode: 'upstream_interrupted' });
  });

  it('in the middle of events is told in one typed error', async () => {
    const response = await speak('up/tts-die', { stream_format: 'sse' });
    const text = await response.text();
    expect(text).toContain('speech.audio.delta');
    expect(text.match(/"error"/g)).toHaveLength(1);
    expect(text).toMatch(/"code":"upstream_interrupted"[^\n]*\n\n$/);
    expect(await at.gateway.row(idOf(response))).toMatchObject({ status: 'partial', stream: true });
  });

  it('in silence is given up', async () => {
    const response = await speak('stalls');
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(await at.gateway.row(idOf(response))).toMatchObject({ status: 'partial', errorCode: 'upstream_timeout' });
  });

  it('before it answers is passed over', async () => {
    const response = await json('/v1/embeddings', { model: 'second', input: 'one' });
    expect(response.headers.get('x-weir-model')).toBe('up/embed-second');
    expect(response.headers.get('x-weir-attempts')).toBe('2');
  });

  it('with a page of HTML is not handed on', async () => {
    for (const response of [await speak('up/html'), await json('/v1/embeddings', { model: 'up/html', input: 'x' })]) {
      expect(response.status).toBe(502);
      expect(await response.text()).not.toContain('canary-html');
    }
  });
});

it('usage that a provider does not give is estimated, and never nothing', async () => {
  const response = await json('/v1/embeddings', { model: 'up/no-usage', input: ['some words to embed', 'more'] });
  const { usage } = await at.gateway.row(idOf(response));
  expect(usage).toMatchObject({ output: 0, estimated: true });
  expect(usage?.input).toBeGreaterThan(3);
});

it('a caller who leaves ends the provider’s call', async () => {
  const id = await new Promise<string>((resolve, reject) => {
    const request = httpRequest(`${at.gateway.url}/v1/audio/speech`, {
      method: 'POST',
      agent: false,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      response.on('error', () => undefined);
      response.once('data', () => {
        request.off('error', reject).on('error', () => undefined);
        request.destroy();
        resolve(String(response.headers['x-weir-request-id']));
      });
    });
    request.end(JSON.stringify({ model: 'up/tts-stall-left', input: 'Hello', voice: 'ash' }));
  });
  expect(id).toMatch(/^req_/);
  await until(async () => (await at.gateway.admin(`/requests/${id}`)).ok, 15_000, 'a row');
  expect(await at.gateway.row(id)).toMatchObject({ status: 'aborted' });
});

describe('forms', () => {
  it('whose model comes first flow through, whatever their size', async () => {
    await at.publish({ limits: { body: 100_000 } });
    const response = await hear(field('model', 'up/whisper-flows'), file(AUDIO), END);
    expect(await response.json()).toMatchObject({ text: expect.stringContaining(`${AUDIO.length} bytes`) });
    const seen = at.upstream.of('whisper-flows')[0];
    expect(seen?.headers['content-length']).toBe(String(seen?.body.length));
  });

  it('whose model comes behind more than may be held are refused, with what to do', async () => {
    const before = at.upstream.asked.length;
    const response = await hear(file(AUDIO), field('model', 'up/whisper-late'), END);
    expect(response.status).toBe(413);
    expect(((await response.json()) as Failure).error.message).toContain('send `model` before');
    expect((await json('/v1/embeddings', { model: 'up/embed', input: 'x'.repeat(200_000) })).status).toBe(413);
    expect(at.upstream.asked).toHaveLength(before);
    await at.publish();
  });

  const bad: readonly (readonly [what: string, parts: readonly string[]])[] = [
    ['two models', [field('model', 'up/whisper'), field('model', 'up/other'), END]],
    ['no end', [file('x'), field('model', 'up/whisper')]],
    ['no beginning', ['junk\r\n', field('model', 'up/whisper'), END]],
    ['something behind the end', [field('model', 'up/whisper'), END, field('model', 'up/other'), END]],
    ['an encoded name', [field('model', 'up/whisper').replace('name="model"', "name*=utf-8''model"), END]],
    ['two names', [field('model', 'up/whisper').replace('name="model"', 'name="model"; name="x"'), END]],
    ['an escaped name', [field('mo%22del', 'up/whisper'), END]],
    ['a name with a backslash', [field('mo\\del', 'up/whisper'), END]],
    ['two dispositions', [field('model', 'up/w').replace('\r\n\r\n', '\r\nContent-Disposition: form-data; name="x"\r\n\r\n'), END]],
    ['a transfer encoding', [field('model', 'dXAvdw==').replace('\r\n\r\n', '\r\ncontent-transfer-encoding: base64\r\n\r\n'), END]],
    ['a folded header', [field('model', 'up/w').replace('; name', ';\r\n name'), END]],
    ['a field that is not UTF-8', [field('model', 'up/\xff\xfe'), END]],
    ['endless headers', [`--${BOUNDARY}\r\ncontent-disposition: form-data; name="${'x'.repeat(20_000)}"\r\n\r\n`, END]],
    ['too many parts', [...Array.from({ length: 300 }, (_, at) => field(`f${at}`, 'x')), field('model', 'up/whisper'), END]],
    ['no model', [file('x'), END]],
  ];
  it.each(bad)('with %s are refused', async (_what, parts) => {
    const before = at.upstream.asked.length;
    const response = await hear(...parts);
    expect([400, 404]).toContain(response.status);
    expect(((await response.json()) as Failure).error.code).toMatch(/^(invalid_request|model_not_found)$/);
    expect(at.upstream.asked.slice(before).filter(({ brokeOff }) => !brokeOff)).toEqual([]);
  });

  it('that hide a second model behind the file never reach the provider whole', async () => {
    const response = await hear(field('model', 'up/whisper-smuggle'), file(AUDIO), field('model', 'up/forbidden'), END);
    expect(response.status).toBe(400);
    expect(((await response.json()) as Failure).error.message).toContain('"model" stands twice');
    await until(() => at.upstream.asked.every(({ brokeOff, model }) => brokeOff || !model.includes('smuggle')), 15_000, 'a broken upload');
  });

  it('without their type are refused', async () => {
    const response = await at.call('/v1/audio/transcriptions', {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data' },
      body: field('model', 'up/whisper') + END,
    });
    expect(response.status).toBe(415);
    const wrong = await at.call('/v1/embeddings', {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
      body: field('model', 'up/whisper') + END,
    });
    expect(wrong.status).toBe(415);
  });
});

describe('policies', () => {
  beforeAll(() =>
    at.publish({
      policies: [
        { use: 'models', deny: ['*forbidden*'] },
        {
          use: 'terms',
          entries: [
            { action: 'mask', terms: ['Ada Lovelace'], replacement: '[person]' },
            { action: 'refuse', terms: ['nightjar'], in: 'requests' },
          ],
        },
        { use: 'prompt', text: 'Be brief.' },
      ],
    }),
  );
  afterAll(() => at.publish());

  it('hold on the texts of every operation', async () => {
    const calls: readonly (readonly [path: string, body: object])[] = [
      ['/v1/embeddings', { model: 'up/e', input: ['ok', 'nightjar'] }],
      ['/v1/rerank', { model: 'up/r', query: 'x', documents: ['ok', { text: 'nightjar' }] }],
      ['/v1/moderations', { model: 'up/m', input: [{ type: 'text', text: 'nightjar' }] }],
      ['/v1/images/generations', { model: 'up/i', prompt: 'nightjar' }],
      ['/v1/audio/speech', { model: 'up/s', voice: 'ash', input: 'nightjar' }],
      ['/v1beta/models/up/e:embedContent', { content: { parts: [{ text: 'nightjar' }] } }],
    ];
    for (const [path, body] of calls) {
      const before = at.upstream.asked.length;
      expect((await json(path, body)).status, path).toBe(400);
      expect(at.upstream.asked.length, path).toBe(before);
    }
    expect((await json('/v1/embeddings', { model: 'up/forbidden', input: 'x' })).status).toBe(403);
  });

  it('are not shown one text of two, of which the provider may take the other', async () => {
    const twice = (text: string) => `{"role":"user","content":"${text}","content":"ok"}`;
    const bodies: readonly (readonly [path: string, body: string])[] = [
      ['/v1/chat/completions', `{"model":"up/c","messages":[${twice('nightjar')}]}`],
      ['/v1/messages', `{"model":"up/c","max_tokens":1,"messages":[${twice('Ada Lovelace')}]}`],
      ['/v1/rerank', '{"model":"up/r","query":"x","documents":[{"text":"nightjar","t\\u0065xt":"ok"}]}'],
    ];
    for (const [path, body] of bodies) {
      const before = at.upstream.asked.length;
      const response = await at.call(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      expect([response.status, await response.text()], path).toEqual([400, expect.stringContaining('stands twice')]);
      expect(at.upstream.asked.length, path).toBe(before);
    }
  });

  it('hold in forms, also where the text stands behind the file', async () => {
    expect((await hear(file(AUDIO), field('model', 'up/whisper'), field('prompt', 'nightjar'), END)).status).toBe(400);
    expect((await hear(field('model', 'up/forbidden'), file(AUDIO), END)).status).toBe(403);
    await hear(field('model', 'up/whisper-masked'), file(AUDIO), field('prompt', 'by Ada Lovelace'), END);
    expect(at.upstream.of('whisper-masked')[0]?.form.get('prompt')).toBe('by [person]');
  });

  it('hold on what was heard', async () => {
    const verbose = await hear(file(AUDIO), field('model', 'up/whisper-1'), field('response_format', 'verbose_json'), END);
    const heard = (await verbose.json()) as { text: string };
    expect(heard.text).toMatch(/by \[person\]$/);
    expect(JSON.stringify(heard)).not.toContain('Ada');
    expect(verbose.headers.get('x-weir-loss')).toBe('segments, words');
    const srt = await hear(file(AUDIO), field('model', 'up/whisper-1'), field('response_format', 'srt'), END);
    expect(await srt.text()).toContain('by [person]');
    const stream = await hear(file(AUDIO), field('model', 'up/whisper-1'), field('stream', 'true'), END);
    expect(stream.status).toBe(501);
  });
});
