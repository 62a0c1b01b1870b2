import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway } from '../../scripts/gateway.mjs';
import { ADMIN_TOKEN, KEY, STATE_SECRET, until } from '../gateway.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { call, initialize, type McpGateway, messagesOf, modern, post, startMcpGateway } from './gateway.ts';
import { type Scripted, startTools } from './scripted.ts';

// Clients that leave, servers that never come to an end, and a gateway that is started anew in the middle of a call.

let modernOnly: Fixture;
let legacyOnly: Fixture;
let endless: Scripted;
let gateway: McpGateway;
afterAll(() => Promise.all([gateway?.stop(), modernOnly?.close(), legacyOnly?.close(), endless?.close()]));

/** How long the tool of `endless` has been told of itself when its caller left. */
let hungUp = 0;

beforeAll(async () => {
  [modernOnly, legacyOnly, endless, gateway] = await Promise.all([
    startFixture({ eras: 'modern' }),
    startFixture({ eras: 'legacy' }),
    startTools({
      endless: (_args, { body }, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const params = { progressToken: body.params._meta.progressToken ?? 0, progress: 0 };
        const timer = setInterval(() => {
          params.progress += 1;
          response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params })}\n\n`);
        }, 100);
        response.on('close', () => {
          clearInterval(timer);
          hungUp += 1;
        });
        return undefined;
      },
    }),
    startMcpGateway(),
  ]);
  await gateway.publish(
    {
      modern: [{ url: modernOnly.url, prefix: '' }],
      legacy: [{ url: legacyOnly.url, prefix: '' }],
      patient: [{ url: legacyOnly.url, prefix: '' }],
      endless: [{ url: endless.url, prefix: '' }],
    },
    {},
    { endless: { timeout: 3_000, total: 6_000 }, legacy: { timeout: 3_000, total: 4_000 } },
  );
});

// Before a stream has begun, the connection tells; from then on only what is written to it does, every three seconds. Nobody
// else tells the server: left alone it works for a minute.
describe.each([
  { when: 'before anything was told', after: 100 },
  { when: 'in the middle of the stream', after: 500 },
])('a client without sessions that leaves $when', ({ after }) => {
  it.each([
    { route: 'modern', server: () => modernOnly },
    { route: 'patient', server: () => legacyOnly },
  ])('is noticed, and its server is told: $route', async ({ route, server }) => {
    const [begun, before] = [server().begun(), server().cancelled()];
    const leave = new AbortController();
    const slow = modern(gateway.mcp(route), 1, 'tools/call', { name: 'slow', arguments: {} }, {}, {}, leave.signal);
    slow.catch(() => undefined);
    await until(() => server().begun() > begun, 15_000, 'the call to arrive');
    await new Promise((resolve) => setTimeout(resolve, after));
    leave.abort();
    await until(() => server().cancelled() > before, 15_000, 'the server to be told');
  });
});

it('a call that was cancelled is answered no more', async () => {
  const { session } = await initialize(gateway.mcp('modern'));
  const params = { name: 'slow', arguments: {} };
  const begun = modernOnly.begun();
  const slow = post(gateway.mcp('modern'), { jsonrpc: '2.0', id: 'mine', method: 'tools/call', params }, session);
  await until(() => modernOnly.begun() > begun, 15_000, 'the call to arrive');
  await post(gateway.mcp('modern'), { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'other' } }, session);
  await post(gateway.mcp('modern'), { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'mine' } }, session);
  expect((await slow).messages).toEqual([]);
});

describe('the time that one request has', () => {
  it('is over at some point, however alive its server is', async () => {
    const startedAt = Date.now();
    const { messages } = await call(gateway.mcp('endless'), 1, 'endless', {}, {}, { progressToken: 'p' });
    expect(messages.at(-1)?.error?.message).toContain('within 6000 milliseconds in all');
    expect(Date.now() - startedAt).toBeGreaterThan(5_800);
    expect(messages.filter(({ method }) => method === 'notifications/progress').length).toBeGreaterThan(3);
    await until(() => hungUp === 1, 15_000, 'the server to be left');
  });

  it('stands still while the client is being asked', async () => {
    const url = gateway.mcp('legacy');
    const capabilities = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
    const params = { name: 'test_elicitation', arguments: { message: 'Well?' } };
    const first = (await modern(url, 1, 'tools/call', params, {}, capabilities)).messages.at(-1)?.result;
    const [key = ''] = Object.keys(first.inputRequests);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const inputResponses = { [key]: { action: 'accept', content: { response: 'late' } } };
    const last = await modern(url, 2, 'tools/call', { ...params, requestState: first.requestState, inputResponses }, {}, capabilities);
    expect(last.messages.at(-1)?.result.content[0].text).toContain('"response":"late"');
  });
});

it('tells who takes a stream up again that its request was lost, where the gateway was started anew', { timeout: 90_000 }, async () => {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'weir-anew-'));
  const secrets = { WEIR_ADMIN_TOKEN: ADMIN_TOKEN, WEIR_DEV_KEY: KEY, WEIR_SECRET: STATE_SECRET };
  const start = () => startGateway({ port: 0, stateDir, secrets, log: () => undefined });
  const headers = { authorization: `Bearer ${KEY}`, accept: 'application/json, text/event-stream' };
  let own = await start();
  try {
    const routes = [{ name: 'modern', kind: 'mcp', sources: [{ kind: 'remote', url: modernOnly.url, prefix: '' }] }];
    await fetch(`${own.url}/admin/v1/config`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ routes }),
    });
    const { session } = await initialize(`${own.url}/mcp/modern`);
    const response = await fetch(`${own.url}/mcp/modern`, {
      method: 'POST',
      headers: { ...headers, ...session, 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 'lost', method: 'tools/call', params: { name: 'slow', arguments: {} } }),
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const eventId = /^id: (.+)$/m.exec((await reader?.read())?.value ?? '')?.[1] ?? '';
    expect(eventId).not.toBe('');
    await reader?.cancel();
    const listening = async (place: object) => {
      const stream = await fetch(`${own.url}/mcp/modern`, { headers: { ...headers, ...session, ...place } });
      return stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    };
    const before = await listening({ accept: 'text/event-stream' });
    const lastHeard = /^id: (.+)$/m.exec((await before?.read())?.value ?? '')?.[1] ?? '';
    await before?.cancel();
    await own.stop();
    own = await start();
    const resumed = () => fetch(`${own.url}/mcp/modern`, { headers: { ...headers, ...session, 'last-event-id': eventId } });
    const again = await resumed();
    expect(again.status).toBe(200);
    const [answer] = messagesOf(await again.text());
    expect(answer).toMatchObject({ id: 'lost', error: { data: { code: 'upstream_interrupted' } } });
    expect(messagesOf(await (await resumed()).text())).toEqual([answer]);
    const { messages } = await post(`${own.url}/mcp/modern`, { jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} }, session);
    expect(messages.at(-1)?.result.tools.length).toBeGreaterThan(3);
    // The stream that belongs to no request goes on, and says that there may be news.
    const after = await listening({ accept: 'text/event-stream', 'last-event-id': lastHeard });
    let heard = '';
    const hear = async () => {
      heard += (await after?.read())?.value ?? '';
      return heard.includes('tools/list_changed');
    };
    await until(hear, 15_000, 'news');
    await after?.cancel();
  } finally {
    await own.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
});
