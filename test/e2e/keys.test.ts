import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOf, type Dialect, paths, raw } from '../client.ts';
import { ADMIN_TOKEN, ANT_KEY, KEY, startTestGateway, type TestGateway, UP_KEY } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const call = (dialect: Dialect, model: string, headers: { readonly [name: string]: string }, query = '') =>
  fetch(gateway.url + paths[dialect] + query, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(callOf(dialect, model)),
  });

const places: readonly { readonly place: string; readonly headers: { readonly [name: string]: string }; readonly query?: string }[] = [
  { place: 'authorization', headers: { authorization: `Bearer ${KEY}` } },
  { place: 'bearer-in-lower-case', headers: { authorization: `bearer ${KEY}` } },
  { place: 'x-api-key', headers: { 'x-api-key': KEY } },
  { place: 'api-key', headers: { 'api-key': KEY } },
  { place: 'x-goog-api-key', headers: { 'x-goog-api-key': KEY } },
  { place: 'query', headers: {}, query: `?key=${KEY}` },
  { place: 'x-weir-key', headers: { 'x-weir-key': KEY } },
  { place: 'x-weir-key-wins', headers: { 'x-weir-key': KEY, authorization: 'Bearer sk-somebody-else' } },
];

describe.each([
  { dialect: 'openai' as const, provider: 'up', header: 'authorization', credential: `Bearer ${UP_KEY}` },
  { dialect: 'anthropic' as const, provider: 'ant', header: 'x-api-key', credential: ANT_KEY },
])('a key for a call to $provider', ({ dialect, provider, header, credential }) => {
  it.each(places)('is taken from $place and never handed on', async ({ place, headers, query }) => {
    const mark = `id=key-${dialect}-${place}`;
    const response = await call(dialect, `${provider}/ok/text?${mark}`, headers, query);
    expect(response.status).toBe(200);
    const seen = gateway.upstream.journal.of(mark).at(-1);
    expect(seen?.headers[header]).toBe(credential);
    expect(`${seen?.rawHeaders.join('\n')}\n${seen?.path}\n${seen?.body}`).not.toContain(KEY);
  });
});

const wrong: readonly { readonly why: string; readonly headers: { readonly [name: string]: string }; readonly code: string }[] = [
  { why: 'no key', headers: {}, code: 'missing_key' },
  { why: 'an unknown key', headers: { authorization: 'Bearer weir_dev_unknown' }, code: 'invalid_key' },
  { why: 'a key that begins right', headers: { authorization: `Bearer ${KEY}x` }, code: 'invalid_key' },
  { why: 'a key cut short', headers: { authorization: `Bearer ${KEY.slice(0, -1)}` }, code: 'invalid_key' },
  { why: "the admin API's token", headers: { authorization: `Bearer ${ADMIN_TOKEN}` }, code: 'invalid_key' },
  {
    why: 'a wrong x-weir-key beside a right bearer',
    headers: { 'x-weir-key': 'nope', authorization: `Bearer ${KEY}` },
    code: 'invalid_key',
  },
];

describe('without a valid key', () => {
  it.each(wrong)('$why is 401 in both dialects, and nothing reaches an upstream', async ({ headers, code }) => {
    const before = gateway.upstream.journal.all.length;
    const openai = await call('openai', 'up/ok/text', headers);
    expect(openai.status).toBe(401);
    expect(await openai.json()).toMatchObject({ error: { type: 'authentication_error', code } });
    const anthropic = await call('anthropic', 'ant/ok/text', headers);
    expect(anthropic.status).toBe(401);
    expect(anthropic.headers.get('x-should-retry')).toBe('false');
    expect(await anthropic.json()).toMatchObject({ type: 'error', error: { type: 'authentication_error' } });
    expect(gateway.upstream.journal.all).toHaveLength(before);
  });

  it.each([
    "Bearer ' OR 1=1 --",
    'Bearer ',
    'Basic d2VpcjprZXk=',
    `Bearer ${'x'.repeat(8_000)}`,
    'Bearer ü',
    'Bearer a b',
    'Bearer x, Bearer y',
  ])('hostile credentials are 401 and not more: %.24s', async (authorization) => {
    const text = await raw(
      gateway.url,
      Buffer.from(
        `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`,
      ),
    );
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
  });

  it("the models are nobody's business either, and the admin API is no business of callers", async () => {
    expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(401);
    expect((await fetch(`${gateway.url}/admin/v1/requests`, { headers: { authorization: `Bearer ${KEY}` } })).status).toBe(403);
  });
});
