import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { initialize, type McpGateway, startMcpGateway } from './gateway.ts';
import { json, type Scripted, startScripted } from './scripted.ts';

// The stream of a session that belongs to no request: what servers tell of themselves, as long as somebody hears it.

let server: Scripted;
let gateway: McpGateway;
afterAll(() => Promise.all([gateway?.stop(), server?.close()]));
/** The streams that the gateway listens to at the server. */
const listened = new Set<ServerResponse>();

beforeAll(async () => {
  [server, gateway] = await Promise.all([
    startScripted(({ method, body }, response) => {
      if (method === 'GET') {
        listened.add(response);
        response.on('close', () => listened.delete(response));
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        return;
      }
      if (body?.id === undefined) return void response.writeHead(202).end();
      if (body.method !== 'initialize') return json(response, { jsonrpc: '2.0', id: body.id, error: { code: -32601, message: 'no' } });
      response.setHeader('mcp-session-id', 'session');
      const result = {
        protocolVersion: '2025-11-25',
        serverInfo: { name: 's', version: '1' },
        capabilities: { tools: { listChanged: true } },
      };
      json(response, { jsonrpc: '2.0', id: body.id, result });
    }),
    startMcpGateway(),
  ]);
  await gateway.publish({ server: [{ url: server.url, prefix: '' }] }, { limits: { ping: 300 } });
});
beforeEach(() => until(() => listened.size === 0, 20_000, 'nobody to listen'));

const tell = (method: string, params: object = {}) => {
  for (const stream of listened) stream.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`);
};

/** Opens the stream, or takes it up again. */
async function open(session: object, lastEventId?: string) {
  const place = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const headers = { authorization: `Bearer ${KEY}`, accept: 'text/event-stream', ...session, ...place };
  const left = new AbortController();
  const response = await fetch(gateway.mcp('server'), { headers, signal: left.signal });
  const stream = {
    text: '',
    isOver: false,
    leave: () => left.abort(),
    lastId: () => [...stream.text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1],
  };
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const read = async () => {
    for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) stream.text += piece.value;
  };
  void read()
    .catch(() => undefined)
    .finally(() => {
      stream.isOver = true;
    });
  return stream;
}

const CHANGED = 'notifications/tools/list_changed';

it('is listened to for who lost it and comes back, and then no longer', { timeout: 120_000 }, async () => {
  const { session } = await initialize(gateway.mcp('server'));
  const first = await open(session);
  await until(() => listened.size === 1 && first.lastId() !== undefined, 20_000, 'the gateway to listen');
  tell(CHANGED);
  await until(() => first.text.includes(CHANGED), 20_000, 'the notice');
  first.leave();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  // In its absence, which is short.
  tell(CHANGED, { _meta: { meanwhile: 1 } });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const second = await open(session, first.lastId());
  await until(() => second.text.includes('meanwhile'), 20_000, 'what was told meanwhile');
  expect(second.text.split(CHANGED)).toHaveLength(2);
  second.leave();
  const leftAt = Date.now();
  await until(() => listened.size === 0, 20_000, 'the gateway to listen no longer');
  expect(Date.now() - leftAt).toBeGreaterThan(8_000);

  // What has been told in the meantime nobody knows.
  const third = await open(session, second.lastId());
  await until(() => third.text.includes(CHANGED), 20_000, 'to be told that lists may have changed');
  await until(() => listened.size === 1, 20_000, 'the gateway to listen again');
  tell(CHANGED, { _meta: { again: 1 } });
  await until(() => third.text.includes('again'), 20_000, 'the next notice');
  expect(third.isOver).toBe(false);
  third.leave();
});
