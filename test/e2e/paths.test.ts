import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callOf, type Dialect, type ErrorBody } from '../client.ts';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ models: { listed: { targets: ['up/ok/text'] } } });
});
afterAll(() => gateway?.stop());

const bearer = { authorization: `Bearer ${KEY}` };
const send = (method: string, path: string, dialect: Dialect, headers: { readonly [name: string]: string } = {}) =>
  fetch(gateway.url + path, {
    method,
    headers: { ...bearer, 'content-type': 'application/json', ...headers },
    ...(method === 'POST' ? { body: JSON.stringify(callOf(dialect, 'up/ok/text?words=2')) } : {}),
  });

/** Methods and upgrades that `fetch` refuses to send. */
function bare(method: string, path: string, headers: { readonly [name: string]: string } = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(gateway.url + path, { method, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (piece) => {
        body += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.once('upgrade', (response) => resolve({ status: response.statusCode ?? 101, body: '' }));
    sent.once('error', reject);
    sent.end();
  });
}

describe('calls arrive wherever an SDK puts them', () => {
  it.each(['/v1/chat/completions', '/chat/completions', '/v1/v1/chat/completions'])('%s speaks OpenAI', async (path) => {
    const response = await send('POST', path, 'openai');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ object: 'chat.completion', choices: [{ message: { content: 'w0 w1' } }] });
  });

  it.each(['/v1/messages', '/messages', '/v1/v1/messages', '/anthropic/v1/messages', '/v1/messages?beta=true'])(
    '%s speaks Anthropic',
    async (path) => {
      const response = await send('POST', path, 'anthropic');
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ type: 'message', content: [{ type: 'text', text: 'w0 w1' }] });
    },
  );

  it.each(['/v1/models', '/models', '/v1/v1/models'])('%s lists models, to each client in its own form', async (path) => {
    const openai = (await (await send('GET', path, 'openai')).json()) as { object: string; data: { id: string; object: string }[] };
    expect(openai.object).toBe('list');
    expect(openai.data).toContainEqual(expect.objectContaining({ id: 'listed', object: 'model' }));
    const asked = await send('GET', `${path}?limit=1000`, 'anthropic', { 'anthropic-version': '2023-06-01' });
    const anthropic = (await asked.json()) as { data: object[]; has_more: boolean };
    expect(anthropic.has_more).toBe(false);
    expect(anthropic.data).toContainEqual(expect.objectContaining({ id: 'listed', type: 'model' }));
  });
});

describe('probes', () => {
  it.each(['/', '/healthz', '/api/hello', '/v1/models'])('HEAD %s finds a gateway', async (path) => {
    const response = await send('HEAD', path, 'openai');
    expect([200, 204]).toContain(response.status);
    expect(await response.text()).toBe('');
  });

  it('says that it is alive, and what it is ready for', async () => {
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${gateway.url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ ready: true });
  });

  it('answers a WebSocket upgrade with 426 where it serves none, so that clients fall back to HTTP at once', async () => {
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...bearer,
    };
    const { status, body } = await bare('GET', '/v1/chat/completions', upgrade);
    expect(status).toBe(426);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'upgrade_required' } });
  });
});

describe('what is not served', () => {
  it('says so in the dialect of the path', async () => {
    const openai = await send('POST', '/v1/images/upscales', 'openai');
    expect(openai.status).toBe(501);
    expect(await openai.json()).toMatchObject({ error: { code: 'not_supported', message: expect.any(String), type: expect.any(String) } });
    const anthropic = await send('POST', '/v1/messages/batches', 'anthropic');
    expect([404, 501]).toContain(anthropic.status);
    expect(await anthropic.json()).toMatchObject({ type: 'error', error: { type: expect.any(String), message: expect.any(String) } });
    const plain = await fetch(`${gateway.url}/nothing/here`);
    expect(plain.status).toBe(404);
    expect(plain.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await plain.json()).toMatchObject({ status: 404, code: 'not_found' });
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'])('%s on a path that takes POST is 405, with what it takes', async (method) => {
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      const response = await send(method, path, 'openai', { 'x-http-method-override': 'POST' });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('POST');
      if (method === 'HEAD') continue;
      const body = (await response.json()) as ErrorBody;
      expect(body.error).toMatchObject({ type: 'invalid_request_error', message: expect.stringContaining('POST') });
      expect(body.type).toBe(path === '/v1/messages' ? 'error' : undefined);
    }
  });

  it('TRACE and POST to a list are refused too', async () => {
    expect((await bare('TRACE', '/v1/chat/completions', bearer)).status).toBe(405);
    expect((await send('POST', '/v1/models', 'openai')).status).toBe(405);
    expect(gateway.upstream.journal.all.every(({ method }) => method === 'POST')).toBe(true);
  });
});

describe('browsers', () => {
  it('may ask before they call, from any origin and without cookies', async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,x-weir-run,x-stainless-os',
      },
    });
    expect([200, 204]).toContain(response.status);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-methods')).toContain('POST');
    const allowed = response.headers.get('access-control-allow-headers')?.toLowerCase();
    for (const name of ['authorization', 'content-type', 'x-weir-run', 'x-stainless-os']) expect(allowed).toContain(name);
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('can read the answer and what it says of itself', async () => {
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      const response = await send('POST', path, path.endsWith('messages') ? 'anthropic' : 'openai', { origin: 'https://app.example' });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-expose-headers')).toContain('x-weir-request-id');
    }
    const refused = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { origin: 'https://app.example' },
      body: '{}',
    });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('have no way into the admin API', async () => {
    const response = await fetch(`${gateway.url}/admin/v1/config`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
    });
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    const read = await gateway.admin('/config', { headers: { origin: 'https://app.example' } });
    expect(read.headers.get('access-control-allow-origin')).toBeNull();
  });
});
