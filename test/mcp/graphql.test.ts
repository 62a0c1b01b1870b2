import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { buildSchema, type ExecutionResult, graphql, introspectionFromSchema, parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY } from '../gateway.ts';
import { type McpGateway, startMcpGateway } from './gateway.ts';

// A shop's GraphQL server: the reference implementation, which validates and executes whatever it is sent.

interface Seen {
  readonly query: string;
  readonly variables?: { readonly [name: string]: unknown };
  readonly operationName?: string;
}

const API_KEY = 'shop-credential-canary';
const seen: { readonly body: Seen; readonly headers: IncomingMessage['headers'] }[] = [];

const schema = buildSchema(`
  type Query {
    "An order by its number."
    order(id: ID!): Order
    orders(where: OrderFilter, first: Int = 10): [Order!]!
    things: [Thing!]!
    broken: Int
    half: Half
    everything: String
    slow: String
    internalReport: String
  }
  type Mutation {
    makeOrder(order: NewOrder!): Order!
    dropEverything: Boolean
  }
  "How far it is."
  enum State { "Not paid yet." OPEN PAID }
  input OrderFilter { state: State, anyOf: [OrderFilter!] }
  input NewOrder { item: String!, state: State = OPEN }
  type Order { id: ID!, item: String!, state: State!, customer: Customer, again: Order, note(key: String!): String }
  type Customer { name: String!, orders: [Order!]!, address: Address }
  type Address { city: String, customer: Customer }
  type Half { good: Int, bad: Int }
  interface Thing { id: ID! }
  type Box implements Thing { id: ID!, size: Int }
  type Tape implements Thing { id: ID!, size: String, colour: String }
`);

interface Order {
  readonly id: string;
  readonly item: string;
  readonly state: string;
}
const orders: Order[] = [];
const customer = { name: 'Ann', orders: () => orders.map(shown), address: { city: 'Graz' } };
const shown = (order: Order): object => ({ ...order, customer });
const fail = () => {
  throw new Error('the shelf is broken');
};
const rootValue = {
  order: ({ id }: { readonly id: string }) => orders.filter((each) => each.id === id).map(shown)[0],
  orders: ({ where, first }: { readonly where?: { readonly state?: string }; readonly first: number }) =>
    orders
      .filter(({ state }) => where?.state === undefined || state === where.state)
      .slice(0, first)
      .map(shown),
  things: () => [
    { __typename: 'Box', id: 'b', size: 3 },
    { __typename: 'Tape', id: 't', size: 'long', colour: 'red' },
  ],
  broken: fail,
  half: { good: 1, bad: fail },
  everything: 'x'.repeat(5_000_000),
  slow: () => new Promise(() => undefined),
  makeOrder({ order }: { readonly order: Omit<Order, 'id'> }) {
    orders.push({ id: `o${orders.length + 1}`, ...order });
    return orders.map(shown).at(-1);
  },
};

async function answer(request: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
  if (request.headers['x-shop-key'] !== API_KEY) return void response.writeHead(401, { 'content-type': 'text/plain' }).end('who?');
  const body = JSON.parse(text) as Seen;
  seen.push({ body, headers: request.headers });
  const { query, variables, operationName } = body;
  const result: ExecutionResult = await graphql({
    schema,
    source: query,
    rootValue,
    ...(variables === undefined ? {} : { variableValues: variables }),
    ...(operationName === undefined ? {} : { operationName }),
  });
  // GraphQL over HTTP (draft): what never ran is refused with a status too.
  const status = 'data' in result ? 200 : 400;
  response.writeHead(status, { 'content-type': 'application/graphql-response+json' }).end(JSON.stringify(result));
}

const api = createServer((request, response) => {
  let body = '';
  request.on('data', (piece: Buffer) => {
    body += piece.toString();
  });
  request.on('end', () => void answer(request, body, response));
});

let gateway: McpGateway;
beforeAll(async () => {
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/graphql`;
  gateway = await startMcpGateway();
  const shop = { kind: 'graphql', prefix: '', url, key: { value: API_KEY }, header: 'X-Shop-Key' };
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      routes: [
        { name: 'shop', kind: 'mcp', limits: { timeout: 5_000 }, sources: [{ ...shop, exclude: ['mutation.drop*', 'query.internal*'] }] },
        {
          name: 'inline',
          kind: 'mcp',
          sources: [{ ...shop, prefix: 'shop', schema: introspectionFromSchema(schema), include: ['query.order'], tools: 'both' }],
        },
        { name: 'free', kind: 'mcp', sources: [{ ...shop, tools: 'generic', exclude: ['query.internal*'], maxDepth: 4, maxCost: 100 }] },
        { name: 'writing', kind: 'mcp', sources: [{ ...shop, tools: 'generic', exclude: ['mutation.drop*'], mutations: true }] },
        { name: 'refused', kind: 'mcp', sources: [{ ...shop, schema: introspectionFromSchema(schema), key: { value: 'wrong' } }] },
      ],
    }),
  });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
});
afterAll(async () => {
  await gateway?.stop();
  api.closeAllConnections();
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
  try {
    return await made.callTool({ name, arguments: args });
  } finally {
    await made.close();
  }
};

const introspections = () => seen.filter(({ body }) => body.query.includes('__schema'));

const execute = (route: string, document: string, more: object = {}) => call(route, 'execute', { document, ...more });

describe('queries and mutations as tools', () => {
  it('are listed, typed, with what is known of their effects', async () => {
    const made = await client('shop');
    const { tools } = await made.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['order', 'orders', 'things', 'broken', 'half', 'everything', 'slow', 'makeOrder']);
    expect(tools[0]).toMatchObject({
      description: 'An order by its number.\n\nGraphQL query that gives Order.',
      inputSchema: { properties: { id: { type: 'string' } }, required: ['id'], additionalProperties: false },
      annotations: { readOnlyHint: true },
    });
    expect(tools[1]?.inputSchema).toMatchObject({
      properties: { where: { $ref: '#/$defs/OrderFilter' }, first: { type: 'integer', default: 10 } },
      $defs: {
        OrderFilter: { properties: { anyOf: { items: { $ref: '#/$defs/OrderFilter' } } } },
        State: { enum: ['OPEN', 'PAID'], description: 'How far it is.\nOPEN: Not paid yet.' },
      },
    });
    expect(tools[7]).toMatchObject({ annotations: { readOnlyHint: false, destructiveHint: true } });
    await made.close();
  });

  it('are asked for in documents that are valid, with arguments as variables and the operator’s credential', async () => {
    const item = 'tea") { id } #';
    expect(await call('shop', 'makeOrder', { order: { item } })).toMatchObject({
      structuredContent: { makeOrder: { id: 'o1', item, state: 'OPEN', customer: { name: 'Ann', address: { city: 'Graz' } } } },
    });
    expect(await call('shop', 'orders', { where: { state: 'PAID' } })).toMatchObject({ structuredContent: { orders: [] } });
    expect((await call('shop', 'order', { id: 'o1' })).structuredContent).toMatchObject({ order: { item } });
    expect((await call('shop', 'things')).structuredContent).toEqual({
      things: [
        { __typename: 'Box', id: 'b', size: 3 },
        { __typename: 'Tape', id: 't', colour: 'red' },
      ],
    });
    for (const { body, headers } of seen) {
      expect(validate(schema, parse(body.query)), body.query).toEqual([]);
      expect(body.query).not.toContain('tea');
      expect(headers['x-shop-key']).toBe(API_KEY);
    }
    expect(JSON.stringify(seen)).not.toContain(KEY);
    // Each call was a client of its own.
    expect(introspections()).toHaveLength(1);
  });

  it('tell what went wrong so that a model can do better', async () => {
    const wrong = (text: string) => ({ isError: true, content: [{ text: expect.stringContaining(text) }] });
    expect(await call('shop', 'broken')).toMatchObject(wrong('the shelf is broken at broken'));
    expect(await call('shop', 'order', {})).toMatchObject(wrong('Missing arguments: id.'));
    expect(await call('shop', 'order', { id: 'x', key: 1 })).toMatchObject(wrong('Unknown arguments: key. There are: id.'));
    expect(await call('shop', 'orders', { where: { state: 'LOST' } })).toMatchObject(wrong('does not exist in "State" enum'));
    expect(await call('shop', 'everything')).toMatchObject(wrong('more than 2097152 bytes'));
    expect(await call('refused', 'order', { id: 'x' })).toMatchObject(wrong('The API answered 401'));
    const half = await call('shop', 'half');
    expect(half).toMatchObject({
      structuredContent: { half: { good: 1, bad: null } },
      content: [{}, { text: expect.stringContaining('half.bad') }],
    });
    expect(half.isError).not.toBe(true);
    await expect(call('shop', 'dropEverything')).rejects.toThrow(/Unknown tool/);
    await expect(call('shop', 'slow')).rejects.toThrow(/5000 ms/);
  });

  it('come of a schema in the configuration too, behind a prefix, with the free tools beside them', async () => {
    const made = await client('inline');
    const { tools } = await made.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['shop__introspect', 'shop__execute', 'shop__order']);
    expect(await made.callTool({ name: 'shop__order', arguments: { id: 'o1' } })).toMatchObject({
      structuredContent: { order: { id: 'o1' } },
    });
    await made.close();
  });
});

describe('documents that a model writes', () => {
  it('find their words in the schema, without what is left out', async () => {
    const text = async (args: object) => JSON.stringify((await call('free', 'introspect', { ...args })).content);
    expect(await text({})).toContain('Query.orders(where: OrderFilter, first: Int = 10): [Order!]!');
    expect(await text({ search: 'state order' })).toContain('Order.state: State!');
    expect(await text({ type: 'State' })).toContain('enum State {\\n  OPEN  # Not paid yet.\\n  PAID\\n}');
    expect(await text({ search: 'report' })).not.toContain('internalReport');
    expect(await text({ type: 'Nope' })).toContain('no type Nope');
  });

  it('are sent as they are, and held to the limits before', async () => {
    const document = 'query Some($n: Int) { mine: orders(first: $n) { ...F } } fragment F on Order { item note(key: "{{{") }';
    expect(await execute('free', document, { variables: { n: 5 } })).toMatchObject({ structuredContent: { mine: [{ note: null }] } });
    expect(seen.at(-1)?.body).toEqual({ query: document, variables: { n: 5 } });
    const before = seen.length;
    for (const [refused, why] of [
      ['{ internalReport }', 'not allowed by the operator'],
      ['{ ... { x: internalReport } }', 'not allowed by the operator'],
      ['mutation { makeOrder(order: {item: "x"}) { id } }', 'Mutations'],
      ['subscription { x }', 'Subscriptions'],
      ['{ orders { customer { orders { customer { name } } } } }', '5 selections deep'],
      ['{ orders(first: 100) { id item } }', '201 fields'],
      ['{ ...F } fragment F on Query { ...F }', 'contains itself'],
      ['{ orders { id }', 'its end'],
    ] as const) {
      expect(await execute('free', refused), refused).toMatchObject({ isError: true, content: [{ text: expect.stringContaining(why) }] });
    }
    expect(seen).toHaveLength(before);
  });

  it('may change things where the operator says so, and nothing that is left out', async () => {
    const made = await execute('writing', 'mutation { makeOrder(order: {item: "jam"}) { item } }');
    expect(made.structuredContent).toEqual({ makeOrder: { item: 'jam' } });
    expect(await execute('writing', 'mutation { dropEverything }')).toMatchObject({ isError: true });
    expect(orders).toHaveLength(2);
  });
});
