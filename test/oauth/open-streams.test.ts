import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../gateway.ts';
import { type Endless, startEndless } from '../mcp/endless.ts';
import { MODERN_META, messagesOf } from '../mcp/gateway.ts';
import { Reading } from '../mcp/reading.ts';
import { type Client, type OAuthGateway, redeemAt, refreshForm, startOAuthGateway, type Tokens, tokensFor } from './fixture.ts';

// A stream that is open when its caller's token or grant is revoked ends; every other one goes on.

let oauth: OAuthGateway;
let server: Endless;
let url: string;
afterAll(() => Promise.all([oauth?.stop(), server?.close()]));

beforeAll(async () => {
  [oauth, server] = await Promise.all([startOAuthGateway(), startEndless()]);
  url = oauth.url;
  const up = { like: 'openai', baseUrl: `${oauth.gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' } };
  await oauth.publish(
    {},
    {
      providers: { up },
      limits: { ping: 500 },
      routes: [
        { name: 'llm', kind: 'llm' },
        { name: 'endless', kind: 'mcp', sources: [{ kind: 'remote', url: server.url, prefix: '' }] },
      ],
    },
  );
});

interface Opened {
  readonly stream: Reading;
  /** Another request of the same session, where there is one. */
  readonly again: () => Promise<Response>;
}

type Open = (token: string, left: AbortSignal, by: string) => Promise<Opened>;

const sent = (to: string, token: string, body: unknown, headers: object = {}, signal?: AbortSignal) =>
  fetch(to, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });

const mcp = () => `${url}/mcp/endless`;
const toolCall = (by: string, meta: object = {}) => ({
  jsonrpc: '2.0',
  id: 'mine',
  method: 'tools/call',
  params: { name: 'endless', arguments: { by }, _meta: { progressToken: 'p', ...meta } },
});
const first = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'by hand', version: '1' } };
const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: first };
const ready = { jsonrpc: '2.0', method: 'notifications/initialized' };
const ping = { jsonrpc: '2.0', id: 'ping', method: 'ping' };

function modernHeaders(method: string, name?: string) {
  return { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(name === undefined ? {} : { 'mcp-name': name }) };
}

async function session(token: string): Promise<{ readonly [name: string]: string }> {
  const { headers } = await sent(mcp(), token, initialize);
  const own = { 'mcp-session-id': headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-11-25' };
  await sent(mcp(), token, ready, own);
  return own;
}

const modernCall: Open = async (token, left, by) => {
  const call = () => sent(mcp(), token, toolCall(by, MODERN_META), modernHeaders('tools/call', 'endless'), left);
  return { stream: new Reading(await call(), left), again: call };
};

const listening: Open = async (token, left) => {
  const params = { notifications: { toolsListChanged: true }, _meta: MODERN_META };
  const message = { jsonrpc: '2.0', id: 'mine', method: 'subscriptions/listen', params };
  const listen = () => sent(mcp(), token, message, modernHeaders('subscriptions/listen'), left);
  return { stream: new Reading(await listen(), left), again: listen };
};

const callInSession: Open = async (token, left, by) => {
  const own = await session(token);
  const response = await sent(mcp(), token, toolCall(by), own, left);
  return { stream: new Reading(response, left), again: () => sent(mcp(), token, ping, own) };
};

const ownStream: Open = async (token, left) => {
  const own = await session(token);
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...own };
  const response = await fetch(mcp(), { headers, signal: left });
  return { stream: new Reading(response, left), again: () => sent(mcp(), token, ping, own) };
};

const httpSse: Open = async (token, left, by) => {
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
  const stream = new Reading(await fetch(`${mcp()}/sse`, { headers, signal: left }), left);
  await until(() => stream.text.includes('\n\n'), 20_000, 'the address to post to');
  const to = `${url}${/^data: (.+)$/m.exec(stream.text)?.[1]}`;
  for (const message of [initialize, ready, toolCall(by)]) await sent(to, token, message);
  return { stream, again: () => sent(to, token, ping) };
};

const chat: Open = async (token, left) => {
  const body = { model: 'up/fault/pace?ms=50&words=400', stream: true, messages: [{ role: 'user', content: 'Hello' }] };
  const call = () => sent(`${url}/v1/chat/completions`, token, body, {}, left);
  return { stream: new Reading(await call(), left), again: call };
};

const revoke = ({ client, tokens }: Granted, which: 'access_token' | 'refresh_token') =>
  fetch(`${url}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ client_id: client.client_id, token: tokens[which] }) });

let last: Promise<unknown> = Promise.resolve();
/** A grant of somebody who signs in by themselves. People sign in one after the other. */
function granted(resource: string): Promise<Granted> {
  const next = last.then(() => tokensFor(url, { resource, scope: '' }));
  last = next.catch(() => undefined);
  return next;
}

interface Granted {
  readonly client: Client;
  readonly tokens: Tokens;
}

const ways: readonly { readonly what: string; readonly open: Open; readonly goes: string; readonly last: 'error' | 'nothing' | 'chat' }[] =
  [
    { what: 'a call without a session', open: modernCall, goes: 'notifications/progress', last: 'error' },
    { what: 'a call in a session', open: callInSession, goes: 'notifications/progress', last: 'error' },
    { what: 'subscriptions/listen', open: listening, goes: 'list_changed', last: 'error' },
    { what: 'the stream of a session', open: ownStream, goes: 'list_changed', last: 'nothing' },
    { what: 'HTTP+SSE', open: httpSse, goes: 'notifications/progress', last: 'nothing' },
    { what: 'an answer of a model', open: chat, goes: 'w3', last: 'chat' },
  ];

describe.concurrent('a stream that is open when what it began with is revoked', () => {
  it.each(ways.flatMap((way) => (['access_token', 'refresh_token'] as const).map((which) => ({ ...way, which }))))(
    'ends: $what, $which',
    { timeout: 60_000 },
    async ({ open, goes, last, which, what }) => {
      const resource = last === 'chat' ? url : mcp();
      const [mine, other] = await Promise.all([granted(resource), granted(resource)]);
      const left = new AbortController();
      const by = `${what} ${which}`;
      const [cut, beside] = await Promise.all([
        open(mine.tokens.access_token, left.signal, by),
        open(other.tokens.access_token, left.signal, `${by} beside`),
      ]);
      try {
        expect(cut.stream.response.status).toBe(200);
        await until(() => [cut, beside].every(({ stream }) => stream.text.includes(goes)), 30_000, 'both to flow');
        expect((await revoke(mine, which)).status).toBe(200);
        await until(() => cut.stream.hasEnded, 30_000, 'the stream to end');
        expect((await cut.again()).status).toBe(401);
        told(cut.stream.text, last);
        // The server is told for whom there is nobody left, and for nobody else.
        await until(() => !server.working.has(by), 15_000, 'the server to stop');
        const before = beside.stream.text.length;
        await until(() => beside.stream.text.length > before, 15_000, 'the other stream to go on');
        expect(beside.stream.hasEnded).toBe(false);
        if (goes === 'notifications/progress') expect(server.working).toContain(`${by} beside`);
      } finally {
        left.abort();
      }
    },
  );
});

/** What stands at the end of a stream that was ended. */
function told(text: string, last: 'error' | 'nothing' | 'chat'): void {
  if (last === 'chat') {
    expect(text).toContain('"code":"invalid_key"');
    expect(text).not.toContain('[DONE]');
    return;
  }
  const messages = messagesOf(text.replaceAll(/^event: endpoint\ndata: .+\n\n/g, ''));
  const errors = messages.filter(({ error }) => error !== undefined);
  expect(errors).toMatchObject(last === 'nothing' ? [] : [{ id: 'mine', error: { data: { code: 'invalid_key' } } }]);
  if (last === 'error') expect(messages.at(-1)).toBe(errors[0]);
}

it('a token that is refreshed ends nothing: what began with the one before goes on', { timeout: 60_000 }, async () => {
  const { client, tokens } = await granted(mcp());
  const left = new AbortController();
  const { stream } = await ownStream(tokens.access_token, left.signal, 'refreshed');
  expect((await redeemAt(url, refreshForm(client, tokens.refresh_token))).status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  expect(stream.hasEnded).toBe(false);
  left.abort();
});
