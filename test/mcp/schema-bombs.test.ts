import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { type Scripted, startTools } from './scripted.ts';

// Lists and results that are made to break who reads them.

let gateway: McpGateway;
let server: Scripted;
let trap: Server;
let trapped = 0;
afterAll(async () => {
  await Promise.all([gateway?.stop(), server?.close()]);
  trap?.close();
});

const text = (value: string) => ({ content: [{ type: 'text', text: value }] });
const nested = (depth: number): object => {
  let schema: object = { type: 'string' };
  for (let at = 0; at < depth; at++) schema = { allOf: [schema] };
  return schema;
};
/** A schema, and what it is made to do. */
const bombs = (elsewhere: string): { readonly [name: string]: object } => ({
  cycle: { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
  itself: { $ref: '#' },
  wide: { type: 'object', allOf: Array.from({ length: 10_000 }, () => ({ type: 'object' })) },
  deep: { type: 'object', properties: { a: nested(12) } },
  slow: { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } },
  far: { type: 'object', properties: { a: { $ref: `${elsewhere}/schema.json` } }, $schema: `${elsewhere}/meta.json` },
  doubling: {
    type: 'object',
    $defs: Object.fromEntries(
      Array.from({ length: 30 }, (_, at) => [`d${at}`, { allOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] }]),
    ),
    properties: { a: { $ref: '#/$defs/d0' } },
  },
});
/** Headers that a tool may not have: who follows them says what it should not, or says it twice. */
const HEADERS: { readonly [name: string]: object } = {
  authorization: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'Authorization' } } },
  cookie: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'cookie' } } },
  'line-end': { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'Region\r\nx-evil: 1' } } },
  twice: {
    type: 'object',
    properties: { a: { type: 'string', 'x-mcp-header': 'Region' }, b: { type: 'string', 'x-mcp-header': 'REGION' } },
  },
  branch: { type: 'object', anyOf: [{ properties: { a: { type: 'string', 'x-mcp-header': 'Region' } } }] },
  'of-an-object': { type: 'object', properties: { a: { type: 'object', 'x-mcp-header': 'Region' } } },
};

beforeAll(async () => {
  trap = createServer((_request, response) => {
    trapped += 1;
    response.end('{}');
  });
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
  const elsewhere = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
  const schemas = { ...bombs(elsewhere), ...HEADERS, plain: { type: 'object' } };
  const raw =
    (result: string) =>
    (_args: never, { body }: { body: { id: unknown } }, response: import('node:http').ServerResponse) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"jsonrpc":"2.0","id":${JSON.stringify(body.id)},"result":${result}}`);
    };
  const results = {
    'million-items': raw(`{"resultType":"complete","content":[],"structuredContent":{"a":[${'0,'.repeat(999_999)}0]}}`),
    'million-parts': raw(`{"resultType":"complete","content":[${'{"type":"text","text":""},'.repeat(999_999)}{"type":"text","text":""}]}`),
    'deep-result': raw(`{"resultType":"complete","content":[],"structuredContent":{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}}`),
    'one-blob': raw(
      `{"resultType":"complete","content":[{"type":"image","mimeType":"image/png","data":"${'A'.repeat(100 * 1024 * 1024)}"}]}`,
    ),
  };
  const names = [...Object.keys(schemas), ...Object.keys(results)];
  const listed = names.map((name) => ({ name, inputSchema: (schemas as { readonly [name: string]: object })[name] ?? { type: 'object' } }));
  const answers = Object.fromEntries(Object.keys(schemas).map((name) => [name, () => text(name)]));
  [gateway, server] = await Promise.all([startMcpGateway(), startTools({ ...answers, ...results } as never, listed)]);
  const pinned = {
    url: server.url,
    prefix: '',
    transforms: [
      { use: 'pin', recheck: 0 },
      { use: 'approve', by: 'operator', tools: ['nothing'] },
    ],
  };
  await gateway.publish({ bare: [{ url: server.url, prefix: '' }], pinned: [pinned as never], two: [{ url: server.url, prefix: 'a' }] });
});

describe.each(['bare', 'pinned', 'two'])('schemas, where the source is %s', (route) => {
  const named = (name: string) => (route === 'two' ? `a__${name}` : name);

  it('are listed as they are, asked of nobody, and their tools are called', { timeout: 60_000 }, async () => {
    const { messages } = await modern(gateway.mcp(route), 1, 'tools/list');
    const tools: readonly { readonly name: string; readonly inputSchema: object }[] = messages.at(-1)?.result.tools;
    const byName = new Map(tools.map(({ name, inputSchema }) => [name, inputSchema]));
    for (const [name, schema] of Object.entries(bombs('x'))) {
      // Of more schemas than anybody reads, a tool is left out by who has to look for headers in them.
      if (name === 'wide' && route !== 'bare') {
        expect(byName.has(named(name))).toBe(false);
        continue;
      }
      expect([...byName.keys()]).toContain(named(name));
      if (name !== 'far') expect(byName.get(named(name))).toEqual(schema);
      const answer = await call(gateway.mcp(route), 1, named(name), { a: `${'a'.repeat(40)}!` });
      expect(answer.messages.at(-1)?.result?.content[0].text ?? answer.messages.at(-1)?.error).toBe(name);
    }
    expect(trapped).toBe(0);
  });

  it.each(['million-items', 'million-parts', 'deep-result', 'one-blob'])('and a result of %s is refused', async (name) => {
    const { messages } = await call(gateway.mcp(route), 'mine', named(name));
    expect(messages.at(-1)).toMatchObject({
      id: 'mine',
      error: { data: { code: expect.stringMatching(/^(?:event_too_large|upstream_invalid)$/) } },
    });
    expect((await call(gateway.mcp(route), 1, named('plain'))).messages.at(-1)?.result.content[0].text).toBe('plain');
  });
});

describe.each(['bare', 'pinned', 'two'])('headers that tools want, where the source is %s', (route) => {
  const url = () => gateway.mcp(route);
  const named = (name: string) => (route === 'two' ? `a__${name}` : name);

  it.each(Object.keys(HEADERS))('are never sent where they must not be, by either sort of client: %s', async (name) => {
    const { session } = await initialize(url());
    const list = await post(url(), { jsonrpc: '2.0', id: 1, method: 'tools/list' }, session);
    const names = list.messages.at(-1)?.result.tools.map((tool: { name: string }) => tool.name);
    expect(names).toContain(named('plain'));
    // One server alone, as it is, says what it says; in any other case the gateway speaks for it.
    if (route !== 'bare') expect(names).not.toContain(named(name));
    const before = server.arrived.length;
    const params = { name: named(name), arguments: { a: 'canary', b: 'canary' } };
    await post(url(), { jsonrpc: '2.0', id: 2, method: 'tools/call', params }, session);
    await call(url(), 3, named(name), params.arguments);
    for (const { headers } of server.arrived.slice(before)) expect(JSON.stringify(headers)).not.toContain('canary');
  });
});
