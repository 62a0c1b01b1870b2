import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/core/errors.ts';
import { KEY } from '../gateway.ts';
import { makeKey } from '../tenants.ts';
import { call, initialize, type McpGateway, MODERN_META, modern, type Posted, post, startMcpGateway } from './gateway.ts';
import { json, type Scripted, startTools } from './scripted.ts';

// Every way in which a request to an MCP server fails in the gateway has a code of the table, in `data.code`, and the request
// id; what a server says of itself has nothing added.

let gateway: McpGateway;
let server: Scripted;
let url: string;
let poor: string;
let elsewhere: string;
afterAll(() => Promise.all([gateway?.stop(), server?.close()]));

beforeAll(async () => {
  [gateway, server] = await Promise.all([
    startMcpGateway(),
    startTools({
      hangs: () => new Promise(() => undefined),
      breaks: (_args: never, _arrived, response) =>
        void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"jso', () => response.destroy()),
      page: (_args: never, _arrived, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      huge: () => ({ content: [{ type: 'text', text: 'x'.repeat(40_000) }] }),
      fails: (_args: never, _arrived, response) => json(response, { oops: true }, 500),
      busy: (_args: never, _arrived, response) => json(response, { oops: true }, 503),
      paced: (_args: never, _arrived, response) => json(response, { oops: true }, 429),
      closed: (_args: never, _arrived, response) => json(response, { oops: true }, 401),
      redirects: (_args: never, _arrived, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      own: (_args: never, { body }, response) =>
        json(response, { jsonrpc: '2.0', id: body.id, error: { code: -32050, message: 'mine', data: { mine: true } } }),
      bare: (_args: never, { body }, response) => json(response, { jsonrpc: '2.0', id: body.id, error: { code: -32602, message: 'bare' } }),
    }),
  ]);
  const limits = { timeout: 3_000, request: 4_096, result: 16_384 };
  await gateway.publish(
    {
      team: [{ url: server.url, prefix: 't' }],
      nobody: [{ url: `http://127.0.0.1:${gateway.closedPort}/mcp`, prefix: 'n' }],
    },
    {},
    { team: limits },
  );
  url = gateway.mcp('team');
  poor = (await makeKey(gateway, { app: 'dev', name: 'poor', limits: [{ unit: 'tool-calls', limit: 0, window: 'month' }] })).key;
  elsewhere = (await makeKey(gateway, { app: 'dev', name: 'elsewhere', routes: ['other'] })).key;
});

const raw = (body: string, headers: { readonly [name: string]: string } = {}) => post(url, body, headers);
const head = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };
const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };

type Fault = readonly [what: string, code: string, ask: () => Promise<Posted>];

const faults: readonly Fault[] = [
  ['no key', 'missing_key', () => post(url, list, { authorization: '' })],
  ['a wrong key', 'invalid_key', () => post(url, list, { authorization: 'Bearer wrong' })],
  ['a key for other routes', 'not_allowed', () => modern(url, 1, 'tools/list', {}, { authorization: `Bearer ${elsewhere}` })],
  ['no such server', 'not_found', () => modern(gateway.mcp('none'), 1, 'tools/list')],
  ['a page of another origin', 'not_allowed', () => modern(url, 1, 'tools/list', {}, { origin: 'https://evil.example' })],
  ['no JSON', 'invalid_json', () => raw('{"jsonrpc":')],
  ['no message', 'invalid_request', () => raw('{"jsonrpc":"1.0","id":1,"method":"ping"}')],
  ['another type of body', 'unsupported_media_type', () => raw('{}', { 'content-type': 'image/png' })],
  ['a body that is too large', 'request_too_large', () => raw(JSON.stringify({ ...list, params: { x: 'x'.repeat(40_000) } }))],
  ['an unknown revision', 'invalid_request', () => raw(JSON.stringify(list), { 'mcp-protocol-version': '1999-01-01' })],
  ['an envelope that lacks something', 'invalid_request', () => raw(JSON.stringify({ ...list, params: { _meta: {} } }), head)],
  [
    'a header that is not what the body says',
    'invalid_request',
    () => raw(JSON.stringify({ ...list, params: { _meta: MODERN_META } }), { ...head, 'mcp-method': 'prompts/list' }),
  ],
  ['an unknown method', 'not_supported', () => modern(url, 1, 'no/such')],
  ['a method of the old way', 'not_supported', () => modern(url, 1, 'ping')],
  ['an unknown tool', 'invalid_request', () => call(url, 1, 'nobody__has')],
  ['a tool without a name', 'invalid_request', () => modern(url, 1, 'tools/call', {})],
  ['an unknown resource', 'invalid_request', () => modern(url, 1, 'resources/read', { uri: 'nobody://has' })],
  ['a cursor of nobody', 'invalid_request', () => modern(url, 1, 'tools/list', { cursor: 'x' })],
  ['a state that was changed', 'invalid_request', () => modern(url, 1, 'tools/call', { name: 't__own', arguments: {}, requestState: 'x' })],
  ['arguments that are too large', 'invalid_request', () => call(url, 1, 't__own', { x: 'x'.repeat(5_000) })],
  ['no session', 'invalid_request', () => post(url, list, { 'mcp-protocol-version': '2025-11-25' })],
  ['an unknown session', 'not_found', () => post(url, list, { 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': 'a'.repeat(64) })],
  ['a limit', 'budget_exceeded', () => call(url, 1, 't__own', {}, { authorization: `Bearer ${poor}` })],
  ['a server that takes too long', 'upstream_timeout', () => call(url, 1, 't__hangs')],
  ['a server that breaks off', 'upstream_interrupted', () => call(url, 1, 't__breaks')],
  ['a server that answers a page', 'upstream_invalid', () => call(url, 1, 't__page')],
  ['a result that is too large', 'event_too_large', () => call(url, 1, 't__huge')],
  ['a server that fails', 'upstream_error', () => call(url, 1, 't__fails')],
  ['a server that has no room', 'upstream_overloaded', () => call(url, 1, 't__busy')],
  ['a server that slows us down', 'upstream_rate_limited', () => call(url, 1, 't__paced')],
  ['a server that refuses our key', 'upstream_credential', () => call(url, 1, 't__closed')],
  ['a server that is not there', 'upstream_unreachable', () => call(gateway.mcp('nobody'), 1, 'n__x')],
];

describe('a fault', () => {
  it.each(faults)('%s has the code %s and the request id', async (_what, code, ask) => {
    const answer = await ask();
    const error = answer.messages.at(-1)?.error;
    expect(error?.data).toMatchObject({ code, requestId: answer.headers.get('x-weir-request-id') });
    expect(Object.keys(errorCodes)).toContain(error?.data?.code);
    expect(error?.message).toMatch(/\S/);
    // What is said fits the protocol: nobody here has a provider or a model.
    expect(error?.message).not.toMatch(/\b(?:provider|model)\b/i);
  });

  it('keeps what the protocol wants in its data', async () => {
    const version = await raw(JSON.stringify(list), { 'mcp-protocol-version': '1999-01-01' });
    expect(version.messages[0]?.error).toMatchObject({
      code: -32022,
      data: { requested: '1999-01-01', supported: expect.arrayContaining(['2026-07-28']) },
    });
    const resource = await modern(url, 1, 'resources/read', { uri: 'nobody://has' });
    expect(resource.messages[0]?.error?.data).toMatchObject({ uri: 'nobody://has' });
  });

  it('of a redirect is the server’s', async () => {
    const error = (await call(url, 1, 't__redirects')).messages.at(-1)?.error;
    expect(error?.data?.code).toMatch(/^upstream_/);
  });

  it('is told within a session as without one', async () => {
    const { session } = await initialize(url);
    const ask = (method: string, params: object) => post(url, { jsonrpc: '2.0', id: 7, method, params }, session);
    for (const [method, params, code] of [
      ['no/such', {}, 'not_supported'],
      ['tools/call', { name: 'nobody__has', arguments: {} }, 'invalid_request'],
      ['tools/call', { name: 't__fails', arguments: {} }, 'upstream_error'],
    ] as const) {
      const answer = await ask(method, params);
      expect(answer.messages.at(-1)?.error?.data).toMatchObject({ code, requestId: answer.headers.get('x-weir-request-id') });
    }
  });

  it('of a server goes through word for word', async () => {
    expect((await call(url, 1, 't__own')).messages.at(-1)?.error).toEqual({ code: -32050, message: 'mine', data: { mine: true } });
    expect((await call(url, 1, 't__bare')).messages.at(-1)?.error).toEqual({ code: -32602, message: 'bare' });
    expect((await call(url, 1, 't__bare', {}, { authorization: `Bearer ${KEY}` })).messages.at(-1)?.error?.data).toBeUndefined();
  });
});
