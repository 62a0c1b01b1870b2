import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOf, type Dialect, paths, post, raw, streamed } from '../client.ts';
import { ANT_KEY, KEY, startTestGateway, type TestGateway, UP_KEY } from '../gateway.ts';

let gateway: TestGateway;
/** A server that nothing must ever connect to. */
const trapped: { url: string | undefined; headers: object }[] = [];
const trap = createServer((request, response) => {
  trapped.push({ url: request.url, headers: request.headers });
  response.end('{"trapped":true}');
});
let trapOrigin = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
  trapOrigin = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
  gateway = await startTestGateway();
});
afterAll(async () => {
  trap.close();
  await gateway?.stop();
});

const ways = [
  { dialect: 'openai' as const, provider: 'up' },
  { dialect: 'anthropic' as const, provider: 'ant' },
  { dialect: 'anthropic' as const, provider: 'up' },
];

/** A request on a bare connection: `fetch` would not send these headers. */
function bare(dialect: Dialect, model: string, headers: readonly string[], line = `POST ${paths[dialect]} HTTP/1.1`) {
  const body = JSON.stringify(callOf(dialect, model));
  const head = [
    line,
    `Authorization: Bearer ${KEY}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return raw(gateway.url, `${head.join('\r\n')}\r\n\r\n${body}`);
}

describe('what a provider gets of the caller', () => {
  const spoofed = [
    'X-Forwarded-For: 6.6.6.6',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: https',
    'Forwarded: for=6.6.6.6',
    'X-Real-IP: 6.6.6.6',
    'CF-Connecting-IP: 6.6.6.6',
    'True-Client-IP: 6.6.6.6',
    'X-Tenant: other',
    'X-User: root',
    'X-Weir-Run: r1',
    'X-Weir-Metadata: {"a":1}',
    'X-Weir-Org: other',
    'Cookie: session=canary-cookie',
    'Referer: https://canary.example/',
    'Origin: https://canary.example',
    'X-Unknown-Canary: 1',
  ];
  const hopByHop = [
    'Connection: close, X-Listed',
    'X-Listed: canary-listed',
    'Keep-Alive: timeout=5',
    'Proxy-Authorization: Basic Y2FuYXJ5',
    'Proxy-Connection: keep-alive',
    'TE: trailers',
    'Trailer: X-Later',
    'Upgrade: h2c',
  ];

  it.each(ways)('is nothing that he made up or that was meant for this hop: $dialect to $provider', async ({ dialect, provider }) => {
    const mark = `id=spoofed-${dialect}-${provider}`;
    const text = await bare(dialect, `${provider}/ok/text?${mark}`, ['Host: gateway.example', ...spoofed, ...hopByHop]);
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    const { headers } = gateway.upstream.journal.one(mark);
    const own = provider === 'up' ? { authorization: `Bearer ${UP_KEY}` } : { 'x-api-key': ANT_KEY };
    expect(headers).toMatchObject({ ...own, 'content-type': 'application/json', host: new URL(gateway.upstream.origin).host });
    const allowed = [
      'accept',
      'accept-encoding',
      'anthropic-version',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'transfer-encoding',
      'user-agent',
      'via',
      'x-api-key',
      // The runtime's own marks on every request that leaves it.
      'cf-worker',
      'cf-connecting-ip',
    ];
    expect(Object.keys(headers).filter((name) => !allowed.includes(name))).toEqual([]);
    expect(JSON.stringify(headers)).not.toMatch(/6\.6\.6\.6|canary-cookie|canary-listed|canary\.example|evil|Y2FuYXJ5/);
    expect(headers.connection ?? '').not.toMatch(/x-listed/i);
  });

  it('is what his vendor asks for: beta flags, organisation, and what an SDK says of itself only where it is known', async () => {
    const headers = {
      'anthropic-beta': 'tools-2024-04-04,something-new',
      'anthropic-version': '2023-06-01',
      'openai-organization': 'org-1',
      'openai-project': 'proj-1',
      'idempotency-key': 'idem-1',
    };
    await post(gateway.url, 'anthropic', 'ant/ok/text?id=beta', { headers });
    const ant = gateway.upstream.journal.one('id=beta').headers;
    expect(ant).toMatchObject({ 'anthropic-beta': 'tools-2024-04-04,something-new', 'anthropic-version': '2023-06-01' });
    expect(ant['openai-organization']).toBeUndefined();
    // The gateway keeps its promise itself: at a vendor the keys of all tenants would be one account's.
    expect(ant['idempotency-key']).toBeUndefined();
    await post(gateway.url, 'openai', 'up/ok/text?id=org', { headers: { ...headers, 'idempotency-key': 'idem-2' } });
    const up = gateway.upstream.journal.one('id=org').headers;
    expect(up).toMatchObject({ 'openai-organization': 'org-1', 'openai-project': 'proj-1' });
    expect(up['idempotency-key']).toBeUndefined();
    expect(up['anthropic-beta']).toBeUndefined();
  });

  it('never holds a key of another vendor or of the gateway', async () => {
    await post(gateway.url, 'openai', 'up/ok/text?id=only-own', { headers: { 'x-api-key': 'sk-caller-own', 'x-weir-key': KEY } });
    const seen = gateway.upstream.journal.one('id=only-own');
    const all = `${seen.rawHeaders.join('\n')}\n${seen.body}`;
    expect(all).not.toContain(ANT_KEY);
    expect(all).not.toContain(KEY);
    expect(all).not.toContain('sk-caller-own');
  });

  it('goes round in a circle only so often', async () => {
    const via = Array.from({ length: 4 }, () => '1.1 weir').join(', ');
    const response = await post(gateway.url, 'openai', 'up/ok/text?id=loop', { headers: { via } });
    expect(response.status).toBe(508);
    expect(gateway.upstream.journal.of('id=loop')).toEqual([]);
    await post(gateway.url, 'openai', 'up/ok/text?id=via');
    expect(gateway.upstream.journal.one('id=via').headers.via).toMatch(/weir/);
  });
});

describe('where the gateway connects to', () => {
  const pointers = () => [
    `X-Forwarded-Host: ${new URL(trapOrigin).host}`,
    `X-Weir-Base-Url: ${trapOrigin}`,
    `X-Base-Url: ${trapOrigin}`,
    `X-Portkey-Custom-Host: ${trapOrigin}`,
    `Helicone-Target-Url: ${trapOrigin}`,
    `cf-aig-custom-url: ${trapOrigin}`,
    `X-Original-URL: ${trapOrigin}/`,
    `X-Rewrite-URL: ${trapOrigin}/`,
  ];
  it.each(ways)('is never chosen by a header or a field of the caller: $dialect to $provider', async ({ dialect, provider }) => {
    const host = new URL(trapOrigin).host;
    const text = await bare(dialect, `${provider}/ok/text`, [`Host: ${host}`, 'Connection: close', ...pointers()]);
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    const fields = { base_url: trapOrigin, api_base: trapOrigin, baseUrl: trapOrigin, endpoint: trapOrigin, provider: { url: trapOrigin } };
    expect((await post(gateway.url, dialect, `${provider}/ok/text`, { extra: fields })).status).toBe(200);
    expect(trapped).toEqual([]);
  });

  it('is never chosen by the request line or the name of a model', async () => {
    const host = new URL(trapOrigin).host;
    await bare('openai', 'up/ok/text', [`Host: ${host}`, 'Connection: close'], `POST ${trapOrigin}/v1/chat/completions HTTP/1.1`);
    for (const model of [trapOrigin, `${trapOrigin}/gpt`, `@${host}/gpt`, `up@${host}/gpt`, `../${host}/gpt`, `${host}/gpt`]) {
      const response = await post(gateway.url, 'openai', model);
      expect(response.status).toBe(404);
      expect(await response.text()).toContain('model_not_found');
    }
    expect((await fetch(`${gateway.url}/${trapOrigin}`, { headers: { authorization: `Bearer ${KEY}` } })).status).toBe(404);
    expect(trapped).toEqual([]);
  });

  it.each([301, 302, 303, 307, 308])('is never moved by a %i of the provider: no credential follows, no address is shown', async (code) => {
    for (const { dialect, provider } of ways) {
      for (const stream of [false, true]) {
        const model = `${provider}/fault/redirect?code=${code}&stream=${stream}&dialect=${dialect}&to=${encodeURIComponent(`${trapOrigin}/stolen`)}`;
        const answer = await streamed(gateway.url, dialect, model, { extra: { stream } });
        expect(answer.status).toBe(502);
        expect(answer.headers.get('location')).toBeNull();
        expect(answer.text).not.toContain(trapOrigin);
      }
    }
    expect(trapped).toEqual([]);
  });
});
