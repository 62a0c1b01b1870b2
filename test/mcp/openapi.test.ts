import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY } from '../gateway.ts';
import { type McpGateway, startMcpGateway } from './gateway.ts';

// A shop's API: paths with parameters of every place, a body, a credential, and answers of every sort.

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const API_KEY = 'shop-credential-canary';
const seen: Seen[] = [];
const orders = new Map<string, object>();

const document = (url: string) => ({
  openapi: '3.0.3',
  info: { title: 'Shop', version: '2', description: 'Orders of a shop.' },
  servers: [{ url: '{origin}/v2', variables: { origin: { default: url } } }],
  components: {
    schemas: {
      Order: {
        type: 'object',
        required: ['item'],
        properties: {
          id: { type: 'string', readOnly: true },
          item: { type: 'string' },
          count: { type: 'integer', minimum: 0, exclusiveMinimum: true, nullable: true },
          replaces: { $ref: '#/components/schemas/Order' },
        },
      },
    },
    parameters: { Id: { name: 'id', in: 'path', required: true, schema: { type: 'string' } } },
  },
  paths: {
    '/orders': {
      get: {
        operationId: 'orders.list',
        summary: 'List orders',
        parameters: [
          { name: 'state', in: 'query', schema: { type: 'array', items: { type: 'string' } } },
          { name: 'X-Region', in: 'header', schema: { type: 'string' } },
        ],
      },
      post: {
        operationId: 'makeOrder',
        requestBody: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/Order' } } } },
      },
    },
    '/orders/{id}': {
      parameters: [{ $ref: '#/components/parameters/Id' }],
      get: { operationId: 'getOrder' },
      delete: { operationId: 'deleteOrder', tags: ['dangerous'] },
    },
    '/logo': { get: { operationId: 'logo' } },
    '/everything': { get: { operationId: 'everything' } },
    '/upload': { post: { operationId: 'upload', requestBody: { content: { 'multipart/form-data': {} } } } },
  },
});

function answer(request: IncomingMessage, body: string, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://api');
  const say = (status: number, value: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  if (pathname === '/openapi.json') return void say(200, document(`http://${request.headers.host}`));
  if (request.headers['x-shop-key'] !== API_KEY) return void say(401, { error: 'who?' });
  if (pathname === '/v2/logo') return void response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([137, 80, 78, 71]));
  if (pathname === '/v2/everything') return void say(200, { all: 'x'.repeat(5_000_000) });
  if (pathname === '/v2/orders' && request.method === 'GET') return void say(200, { items: [...orders.values()], internal: { rack: 7 } });
  if (pathname === '/v2/orders') {
    const order = { id: `o${orders.size + 1}`, ...(JSON.parse(body) as object) };
    orders.set(order.id, order);
    return void say(201, order);
  }
  const id = decodeURIComponent(pathname.slice('/v2/orders/'.length));
  const order = orders.get(id);
  if (order === undefined) return void say(404, { error: `no order ${id}` });
  if (request.method === 'DELETE') {
    orders.delete(id);
    return void response.writeHead(204).end();
  }
  say(200, order);
}

const api = createServer((request, response) => {
  let body = '';
  request.on('data', (piece: Buffer) => {
    body += piece.toString();
  });
  request.on('end', () => {
    seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
    answer(request, body, response);
  });
});

let gateway: McpGateway;
let origin: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  gateway = await startMcpGateway();
  const credential = { key: { value: API_KEY }, header: 'X-Shop-Key' };
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      routes: [
        {
          name: 'shop',
          kind: 'mcp',
          sources: [
            { kind: 'openapi', prefix: '', document: document(origin), ...credential, keep: { orders_list: ['items.id', 'items.item'] } },
          ],
        },
        {
          name: 'fetched',
          kind: 'mcp',
          sources: [{ kind: 'openapi', prefix: 'shop', documentUrl: `${origin}/openapi.json`, ...credential, exclude: ['tag:dangerous'] }],
        },
        { name: 'refused', kind: 'mcp', sources: [{ kind: 'openapi', prefix: '', document: document(origin), key: { value: 'wrong' } }] },
      ],
    }),
  });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
});
afterAll(async () => {
  await gateway?.stop();
  api.close();
});

async function client(route: string): Promise<Client> {
  const made = new Client({ name: 'test', version: '1' });
  await made.connect(
    new StreamableHTTPClientTransport(new URL(gateway.mcp(route)), { requestInit: { headers: { authorization: `Bearer ${KEY}` } } }),
  );
  return made;
}

const call = async (route: string, name: string, args: { readonly [name: string]: unknown } = {}) => {
  const made = await client(route);
  const result = await made.callTool({ name, arguments: args });
  await made.close();
  return result;
};

describe('an API that a document describes', () => {
  it('has a tool for each operation that can be called, typed, with what is known of its effects', async () => {
    const made = await client('shop');
    const { tools, _meta } = await made.listTools();
    expect(_meta?.['weir/omitted']).toEqual([
      { source: 'source1', operation: 'POST /upload', why: expect.stringContaining('multipart/form-data') },
    ]);
    expect(tools.map(({ name }) => name)).toEqual(['orders_list', 'makeOrder', 'getOrder', 'deleteOrder', 'logo', 'everything']);
    const [list, make, , remove] = tools;
    expect(list).toMatchObject({ title: 'List orders', annotations: { readOnlyHint: true } });
    expect(list?.inputSchema.properties).toMatchObject({ state: { type: 'array' }, 'X-Region': { type: 'string' } });
    expect(make?.inputSchema).toMatchObject({
      required: ['body'],
      properties: { body: { $ref: '#/$defs/Order' } },
      $defs: { Order: { properties: { count: { type: ['integer', 'null'], exclusiveMinimum: 0 }, replaces: { $ref: '#/$defs/Order' } } } },
    });
    expect(JSON.stringify(make?.inputSchema)).not.toContain('"id"');
    expect(remove).toMatchObject({ annotations: { destructiveHint: true, idempotentHint: true } });
    await made.close();
  });

  it('is called with arguments in their places and the operator’s credential, never the caller’s', async () => {
    const made = await call('shop', 'makeOrder', { body: { item: 'tea', count: 2 } });
    expect(made.structuredContent).toMatchObject({ id: 'o1', item: 'tea' });
    const listed = await call('shop', 'orders_list', { state: ['open', 'paid'], 'X-Region': 'eu' });
    expect(listed.structuredContent).toEqual({ items: [{ id: 'o1', item: 'tea' }] });
    const asked = seen.at(-1);
    expect(asked).toMatchObject({ method: 'GET', url: '/v2/orders?state=open&state=paid' });
    expect(asked?.headers).toMatchObject({ 'x-region': 'eu', 'x-shop-key': API_KEY });
    expect(JSON.stringify(seen)).not.toContain(KEY);
  });

  it('tells what went wrong so that a model can do better', async () => {
    expect(await call('shop', 'getOrder', { id: 'none' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/404[\s\S]*no order none/) }],
    });
    expect(await call('shop', 'getOrder', {})).toMatchObject({ isError: true, content: [{ text: 'Missing arguments: id.' }] });
    expect(await call('shop', 'everything')).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('more than 2097152 bytes') }],
    });
    expect(await call('refused', 'getOrder', { id: 'o1' })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('401') }],
    });
  });

  it('stays within its paths whatever a model says', async () => {
    await call('shop', 'getOrder', { id: '../../admin?x=#y' });
    expect(seen.at(-1)?.url).toBe('/v2/orders/..%2F..%2Fadmin%3Fx%3D%23y');
    const before = seen.length;
    expect(await call('shop', 'getOrder', { id: '..' })).toMatchObject({ isError: true });
    expect(seen).toHaveLength(before);
  });

  it('gives pictures as pictures, and says when there is nothing to give', async () => {
    expect(await call('shop', 'logo')).toMatchObject({ content: [{ type: 'image', mimeType: 'image/png', data: 'iVBORw==' }] });
    expect(await call('shop', 'deleteOrder', { id: 'o1' })).toMatchObject({ content: [{ type: 'text' }] });
    expect(orders.size).toBe(0);
  });

  it('is found by its address, its names behind a prefix, without what is left out', async () => {
    const made = await client('fetched');
    const { tools } = await made.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'shop__orders_list',
      'shop__makeOrder',
      'shop__getOrder',
      'shop__logo',
      'shop__everything',
    ]);
    expect(await made.callTool({ name: 'shop__makeOrder', arguments: { body: { item: 'jam' } } })).toMatchObject({
      structuredContent: { item: 'jam' },
    });
    await expect(made.callTool({ name: 'shop__deleteOrder', arguments: { id: 'o1' } })).rejects.toThrow(/Unknown tool/);
    await made.close();
  });
});
