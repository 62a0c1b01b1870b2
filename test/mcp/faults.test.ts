import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { makeFamily, makeKey } from '../tenants.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { json, type Scripted, startTools } from './scripted.ts';

// What breaks gateways for this protocol, done to this one.

let gateway: McpGateway;
let fixture: Fixture;
let bad: Scripted;
let url: string;
let other: string;
let left = 0;
afterAll(() => Promise.all([gateway?.stop(), fixture?.close(), bad?.close()]));

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (value: string) => ({ content: [{ type: 'text', text: value }] });

beforeAll(async () => {
  [gateway, fixture, bad] = await Promise.all([
    startMcpGateway(),
    startFixture(),
    startTools({
      echo: async ({ say, after }: { say: string; after: number }) => {
        await wait(after);
        return text(say);
      },
      headers: (_args: never, { headers }) => text(JSON.stringify(headers)),
      hangs: async (_args: never, _arrived, response) => {
        response.on('close', () => {
          left += 1;
        });
        await wait(60_000);
        return text('late');
      },
      page: (_args: never, _arrived, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      empty: (_args: never, _arrived, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(''),
      list: (_args: never, { body }, response) => json(response, [{ jsonrpc: '2.0', id: body.id, result: text('in a batch') }]),
      'wrong-id': (_args: never, _arrived, response) => json(response, { jsonrpc: '2.0', id: 'another', result: text('whose?') }),
      chatter: (_args: never, _arrived, response) =>
        void response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .end('data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}\n\n'),
      breaks: (_args: never, _arrived, response) =>
        void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"jso', () => response.destroy()),
      huge: (_args: never, { body }, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(`{"jsonrpc":"2.0","id":${JSON.stringify(body.id)},"result":{"content":[{"type":"text","text":"`);
        const more = () => response.destroyed || response.write('x'.repeat(256 * 1024), () => setImmediate(more));
        more();
      },
      fails: (_args: never, _arrived, response) => json(response, { oops: true }, 500),
      redirects: (_args: never, _arrived, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    }),
  ]);
  await gateway.publish(
    {
      fixture: [{ url: fixture.url, prefix: '' }],
      bad: [{ url: bad.url, prefix: '', key: { value: 'of-the-source' } }],
      many: [{ url: bad.url, prefix: '' }],
    },
    { limits: { ping: 200 } },
    { bad: { timeout: 4_000, result: 65_536, request: 16_384 } },
  );
  url = gateway.mcp('fixture');
  const { app } = await makeFamily(gateway, 'others');
  other = (await makeKey(gateway, { app, name: 'k' })).key;
});

describe('what a request says of itself', () => {
  const ask = (method: string, params: object, headers: { readonly [name: string]: string }) =>
    post(
      url,
      { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: META } },
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...headers },
    );
  const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

  it.each([
    ['another tool in the head', { 'mcp-name': 'slow' }],
    ['another in base64', { 'mcp-name': `=?base64?${btoa('slow')}?=` }],
    ['another case', { 'mcp-name': 'Echo' }],
    ['two names', { 'mcp-name': 'echo, slow' }],
    ['no name', {}],
    ['no good base64', { 'mcp-name': '=?base64?ZWNobw?=' }],
    ['another method', { 'mcp-name': 'echo', 'mcp-method': 'tools/list' }],
    ['another revision', { 'mcp-name': 'echo', 'mcp-protocol-version': '2025-11-25' }],
  ])('is refused with %s', async (_what, headers) => {
    const { status, messages } = await ask('tools/call', { name: 'echo', arguments: { text: 'x' } }, headers as never);
    expect([status, messages[0]?.error?.code]).toEqual([400, -32020]);
  });

  it('passes in base64', async () => {
    const { messages } = await ask('tools/call', { name: 'echo', arguments: { text: 'x' } }, { 'mcp-name': `=?base64?${btoa('echo')}?=` });
    expect(messages.at(-1)?.result.content[0].text).toBe('x');
  });

  it.each([
    [
      'an unknown revision',
      { ...META, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' },
      { 'mcp-protocol-version': '2099-01-01' },
      -32022,
    ],
    ['no capabilities', { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }, {}, -32602],
    ['nothing but the head', undefined, {}, -32602],
  ])('is refused with %s', async (_what, meta, headers, code) => {
    const body = { jsonrpc: '2.0', id: 'a', method: 'tools/list', params: meta === undefined ? {} : { _meta: meta } };
    const { status, messages } = await post(url, body, {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
      ...(headers as object),
    });
    expect([status, messages[0]?.error?.code, messages[0]?.id]).toEqual([400, code, 'a']);
  });

  it.each(['initialize', 'ping', 'logging/setLevel', 'no/such', 'constructor'])('knows no %s without sessions', async (method) => {
    const { status, messages } = await modern(url, 0, method);
    expect([status, messages[0]?.error?.code, messages[0]?.id]).toEqual([404, -32601, 0]);
  });

  it.each([
    ['null', '{"jsonrpc":"2.0","id":null,"method":"tools/list"}'],
    ['a fraction', '{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}'],
    ['an object', '{"jsonrpc":"2.0","id":{},"method":"tools/list"}'],
    ['a megabyte', `{"jsonrpc":"2.0","id":"${'x'.repeat(40_000)}","method":"tools/list"}`],
    ['of another JSON-RPC', '{"jsonrpc":"1.0","id":1,"method":"tools/list"}'],
    ['twice', '{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}'],
    ['an empty batch', '[]'],
    ['too deep', `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"a":${'['.repeat(100)}${']'.repeat(100)}}}`],
  ])('is malformed where its id is %s', async (_what, body) => {
    const { status, messages } = await post(url, body);
    expect([status, messages[0]?.error?.code]).toEqual([400, -32600]);
  });

  it.each([
    ['a request', '"id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a","text":"b"}}', 1],
    ['an escaped name', '"id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a","te\\u0078t":"b"}}', 1],
    ['a notification', '"method":"notifications/cancelled","params":{"a":[{"b":1,"b":2}]}', null],
    ['an answer', '"id":1,"result":{"content":{"a":1,"a":2}}', null],
  ])('is malformed where a member stands twice in %s: deciders and doers could each take another one', async (_what, members, id) => {
    const { session } = await initialize(url);
    const { status, messages } = await post(url, `{"jsonrpc":"2.0",${members}}`, session);
    expect([status, messages[0]?.error?.code, messages[0]?.id]).toEqual([400, -32600, id]);
    expect(messages[0]?.error?.message).toContain('twice');
  });

  it('is malformed where it is no JSON', async () => {
    const { status, messages } = await post(url, '{"jsonrpc":');
    expect([status, messages[0]?.error?.code]).toEqual([400, -32700]);
  });
});

describe('who asks', () => {
  it('needs a key, and is told where to learn of it', async () => {
    const response = await fetch(url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
    expect(response.status).toBe(401);
    const where = /^Bearer resource_metadata="(http:[^"]+)"$/.exec(response.headers.get('www-authenticate') ?? '')?.[1] ?? '';
    expect(where).toBe(`${gateway.url}/.well-known/oauth-protected-resource/mcp/fixture`);
    expect(await (await fetch(where)).json()).toEqual({ resource: url, resource_name: 'fixture', bearer_methods_supported: ['header'] });
    expect((await fetch(`${where}-not`)).status).toBe(404);
  });

  it.each([
    ['another origin', { origin: 'https://evil.example' }, 403],
    ['no origin of a page', { origin: 'null' }, 403],
    ['its own origin', { origin: 'http://localhost:5173' }, 200],
  ])('is a page of %s', async (_what, headers, status) => {
    expect((await modern(url, 1, 'tools/list', {}, headers)).status).toBe(status);
  });

  it('does not get into the session of another', async () => {
    const { session } = await initialize(url);
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    expect((await post(url, list, session)).messages.at(-1)?.result.tools.length).toBeGreaterThan(5);
    const stolen = await post(url, list, { ...session, authorization: `Bearer ${other}` });
    expect([stolen.status, stolen.messages[0]?.error?.message]).toEqual([404, 'Session not found']);
    expect((await post(gateway.mcp('bad'), list, session)).status).toBe(404);
    expect((await post(url, list, { ...session, 'mcp-session-id': 'f'.repeat(64) })).status).toBe(404);
    const { 'mcp-session-id': _, ...without } = session;
    expect((await post(url, list, without)).status).toBe(400);
    const ended = await fetch(url, { method: 'DELETE', headers: { authorization: `Bearer ${KEY}`, ...session } });
    expect(ended.status).toBe(204);
    expect((await post(url, list, session)).status).toBe(404);
  });

  it('never has its own credential told to a server', async () => {
    const { messages } = await call(
      gateway.mcp('bad'),
      1,
      'headers',
      {},
      { cookie: 'session=canary', 'x-canary': 'canary', 'mcp-param-region': 'eu' },
    );
    const seen = messages.at(-1)?.result.content[0].text;
    expect(seen).not.toContain(KEY);
    expect(seen).not.toContain('canary');
    expect(JSON.parse(seen)).toMatchObject({ authorization: 'Bearer of-the-source', 'mcp-name': 'headers', 'mcp-param-region': 'eu' });
  });

  it('may use the routes that its key may use, and no other', async () => {
    const { app } = await makeFamily(gateway, 'narrow');
    const { key } = await makeKey(gateway, { app, name: 'k', routes: ['bad'] });
    const headers = { authorization: `Bearer ${key}` };
    expect((await modern(gateway.mcp('bad'), 1, 'tools/list', {}, headers)).status).toBe(200);
    const refused = await modern(url, 1, 'tools/list', {}, headers);
    expect([refused.status, refused.messages[0]?.error?.data?.code]).toEqual([403, 'not_allowed']);
    expect((await modern(gateway.mcp('nothing'), 1, 'tools/list')).status).toBe(404);
  });
});

describe('a state that a client keeps', () => {
  const ELICITS = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const inputResponses = { confirm: { action: 'accept', content: { ok: true } } };
  const ask = (params: object, headers = {}, name = 'test_input_required_result_request_state') =>
    modern(url, 1, 'tools/call', { name, arguments: {}, ...params }, headers, ELICITS);

  it('is good for who got it, for the same request', async () => {
    const first = (await ask({})).messages.at(-1)?.result;
    expect(first.resultType).toBe('input_required');
    const { requestState } = first;
    expect((await ask({ inputResponses, requestState })).messages.at(-1)?.result.content[0].text).toBe('state-ok');
    const bytes = [0, 20, Math.floor(requestState.length / 2), requestState.length - 3];
    const forged = bytes.map((at) => requestState.slice(0, at) + (requestState[at] === 'A' ? 'B' : 'A') + requestState.slice(at + 1));
    for (const each of [...forged, '', 'x']) {
      expect((await ask({ inputResponses, requestState: each })).messages.at(-1)?.error?.code).toBe(-32602);
    }
    const stolen = await ask({ inputResponses, requestState }, { authorization: `Bearer ${other}` });
    expect(stolen.messages.at(-1)?.error?.code).toBe(-32602);
    const elsewhere = await ask({ inputResponses, requestState }, {}, 'test_input_required_result_tampered_state');
    expect(elsewhere.messages.at(-1)?.error?.code).toBe(-32602);
    const changed = await ask({ inputResponses, requestState, arguments: { other: 1 } });
    expect(changed.messages.at(-1)?.error?.code).toBe(-32602);
  });
});

it('gives each of 200 clients with the same id its own answer', { timeout: 60_000 }, async () => {
  const { session } = await initialize(gateway.mcp('many'));
  const say = (at: number) => ({ say: `mine-${at}`, after: Math.floor((at * 7919) % 200) });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      at % 4 === 0
        ? post(
            gateway.mcp('many'),
            { jsonrpc: '2.0', id: `1-${at}`, method: 'tools/call', params: { name: 'echo', arguments: say(at) } },
            session,
          )
        : call(gateway.mcp('many'), 1, 'echo', say(at)),
    ),
  );
  const texts = answers.map(({ messages }) => messages.at(-1)?.result?.content[0].text ?? messages.at(-1)?.error);
  expect(texts).toEqual(Array.from({ length: 200 }, (_, at) => `mine-${at}`));
});

describe('a server', () => {
  it.each([
    ['hangs', 'upstream_timeout'],
    ['page', 'upstream_invalid'],
    ['empty', 'upstream_invalid'],
    ['wrong-id', 'upstream_interrupted'],
    ['chatter', 'upstream_interrupted'],
    ['breaks', 'upstream_interrupted'],
    ['huge', 'event_too_large'],
    ['fails', 'upstream_error'],
    ['redirects', 'upstream_invalid'],
  ])('that %s is told to both sorts of clients, under their own id', async (tool, code) => {
    const { messages } = await call(gateway.mcp('bad'), 'mine', tool);
    expect(messages.at(-1)).toMatchObject({ id: 'mine', error: { code: -32603, data: { code } } });
    const { session } = await initialize(gateway.mcp('bad'));
    const old = await post(
      gateway.mcp('bad'),
      { jsonrpc: '2.0', id: 0, method: 'tools/call', params: { name: tool, arguments: {} } },
      session,
    );
    expect(old.messages.at(-1)).toMatchObject({ id: 0, error: { data: { code } } });
  });

  it('is left when its client leaves', async () => {
    const before = left;
    const leave = new AbortController();
    const leaving = modern(gateway.mcp('many'), 1, 'tools/call', { name: 'hangs' }, {}, {}, leave.signal).catch((error: unknown) => error);
    await until(() => bad.arrived.at(-1)?.body?.params?.name === 'hangs', 15_000, 'the call to arrive');
    expect(left).toBe(before);
    leave.abort();
    await leaving;
    await until(() => left === before + 1, 15_000, 'the server to be left');
  });

  it('is asked nothing that is too large', async () => {
    const { messages } = await call(gateway.mcp('bad'), 1, 'echo', { say: 'x'.repeat(20_000), after: 0 });
    expect(messages[0]?.error?.code).toBe(-32602);
    expect((await call(gateway.mcp('bad'), 1, 'echo', { say: 'x'.repeat(70_000), after: 0 })).status).toBe(413);
  });
});
