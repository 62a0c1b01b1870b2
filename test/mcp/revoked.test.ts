import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../gateway.ts';
import { ask, makeFamily, makeKey } from '../tenants.ts';
import { type Endless, startEndless } from './endless.ts';
import { type McpGateway, MODERN_META, messagesOf, startMcpGateway } from './gateway.ts';
import { Reading } from './reading.ts';

// A stream that is open when its caller may no longer be answered ends; those of access tokens: test/oauth.

let server: Endless;
let gateway: McpGateway;
afterAll(() => Promise.all([gateway?.stop(), server?.close()]));

beforeAll(async () => {
  [server, gateway] = await Promise.all([startEndless(), startMcpGateway()]);
  await gateway.publish({ endless: [{ url: server.url, prefix: '' }] }, { limits: { ping: 500 } });
});

async function begun(key: string, by: string, left: AbortSignal, headers: { readonly [name: string]: string } = {}): Promise<Reading> {
  const params = { name: 'endless', arguments: { by }, _meta: { ...MODERN_META, progressToken: 'p' } };
  const response = await fetch(gateway.mcp('endless'), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'endless',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: by, method: 'tools/call', params }),
    signal: left,
  });
  const stream = new Reading(response, left);
  await until(() => stream.text.includes('notifications/progress'), 30_000, 'the call to flow');
  return stream;
}

const ways = [
  { what: 'key is revoked', code: 'invalid_key', end: ({ id }: Made) => ask(gateway, 'DELETE', `/keys/${id}`) },
  { what: 'app is disabled', code: 'invalid_key', end: ({ app }: Made) => ask(gateway, 'PATCH', `/apps/${app}`, { disabled: true }) },
  { what: 'run is stopped', code: 'run_stopped', end: ({ app, run }: Made) => ask(gateway, 'POST', `/runs/${run}/stop`, { app }) },
];

interface Made {
  readonly id: string;
  readonly app: string;
  readonly run: string;
}

it.each(ways)('a call ends whose $what, and no other', { timeout: 60_000 }, async ({ what, code, end }) => {
  const left = new AbortController();
  const run = `run-${crypto.randomUUID()}`;
  const [mine, other] = await Promise.all(
    [what, `${what} beside`].map(async (name) => {
      const { app } = await makeFamily(gateway, `org-${crypto.randomUUID()}`);
      const made = { ...(await makeKey(gateway, { name: 'key', app })), app, run };
      return { made, stream: await begun(made.key, name, left.signal, { 'x-weir-run': run }) };
    }),
  );
  if (mine === undefined || other === undefined) throw new Error('nothing was made');
  try {
    expect((await end(mine.made)).status).toBe(200);
    await until(() => mine.stream.hasEnded, 30_000, 'the stream to end');
    expect(messagesOf(mine.stream.text).at(-1)).toMatchObject({ id: what, error: { data: { code } } });
    await until(() => !server.working.has(what), 15_000, 'the server to stop');
    const row = await gateway.row(mine.stream.response.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ status: 'failed', errorCode: code });
    const length = other.stream.text.length;
    await until(() => other.stream.text.length > length, 15_000, 'the other to go on');
    expect([other.stream.hasEnded, server.working.has(`${what} beside`)]).toEqual([false, true]);
  } finally {
    left.abort();
  }
});
