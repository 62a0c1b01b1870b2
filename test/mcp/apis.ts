import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, graphql } from 'graphql';

// Two APIs as teams have them, on loopback: tickets over REST with a document of what there is, a stock over GraphQL. Both
// want a credential.

export interface Api {
  readonly origin: string;
  /** What came to it: method and path. */
  readonly seen: readonly string[];
  close(): Promise<void>;
}

type Serve = (request: IncomingMessage, body: string, say: (status: number, value?: unknown) => void) => void | Promise<void>;

async function start(key: string, serve: Serve, open: readonly string[] = []): Promise<Api> {
  const seen: string[] = [];
  const http = createServer(async (request, response: ServerResponse) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    seen.push(`${request.method} ${request.url}`);
    const say = (status: number, value?: unknown) => {
      response.writeHead(status, value === undefined ? {} : { 'content-type': 'application/json' });
      response.end(value === undefined ? undefined : JSON.stringify(value));
    };
    if (!open.includes(request.url ?? '') && request.headers.authorization !== `Bearer ${key}`) return say(401, { title: 'who?' });
    await serve(request, Buffer.concat(pieces).toString(), say);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

const id = { name: 'id', in: 'path', required: true, schema: { type: 'integer' } };
const body = (properties: object, required: readonly string[] = []) => ({
  required: true,
  content: { 'application/json': { schema: { type: 'object', properties, required } } },
});
const TICKETS = {
  openapi: '3.1.0',
  info: { title: 'Tickets', version: '1' },
  servers: [{ url: '/api' }],
  security: [{ token: [] }],
  components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  paths: {
    '/tickets': {
      get: { operationId: 'listTickets', parameters: [{ name: 'state', in: 'query', schema: { enum: ['open', 'done'] } }] },
      post: { operationId: 'openTicket', requestBody: body({ title: { type: 'string' } }, ['title']) },
    },
    '/tickets/{id}': {
      parameters: [id],
      get: { operationId: 'readTicket' },
      patch: { operationId: 'changeTicket', requestBody: body({ state: { enum: ['open', 'done'] } }) },
      delete: { operationId: 'dropTicket' },
    },
    '/tickets/{id}/comments': {
      parameters: [id],
      post: { operationId: 'comment', requestBody: body({ text: { type: 'string' } }, ['text']) },
    },
    '/people/{name}': { get: { operationId: 'person', parameters: [{ ...id, name: 'name', schema: { type: 'string' } }] } },
  },
};

interface Ticket {
  readonly id: number;
  readonly title: string;
  readonly comments: string[];
  state: string;
}

/** Tickets; its document is at `/openapi.json` and needs no credential. */
export function startTickets(key: string): Promise<Api> {
  const tickets: Ticket[] = [];
  const serve: Serve = ({ method, url = '/' }, text, say) => {
    const { pathname, searchParams } = new URL(url, 'http://api');
    if (pathname === '/openapi.json') return say(200, TICKETS);
    const given = text === '' ? {} : JSON.parse(text);
    const state = searchParams.get('state');
    if (pathname === '/api/tickets' && method === 'GET')
      return say(
        200,
        tickets.filter((each) => state === null || each.state === state),
      );
    if (pathname === '/api/tickets') {
      const ticket = { id: tickets.length + 1, title: given.title, state: 'open', comments: [] };
      tickets.push(ticket);
      return say(201, ticket);
    }
    const person = /^\/api\/people\/(.+)$/.exec(pathname)?.[1];
    if (person !== undefined) return say(200, { name: decodeURIComponent(person) });
    const [, at, rest] = /^\/api\/tickets\/(\d+)(\/comments)?$/.exec(pathname) ?? [];
    const ticket = tickets.find((each) => each.id === Number(at));
    if (ticket === undefined) return say(404, { title: `no ticket ${at}` });
    if (rest !== undefined) ticket.comments.push(given.text);
    if (method === 'PATCH') ticket.state = given.state;
    if (method === 'DELETE') tickets.splice(tickets.indexOf(ticket), 1);
    say(method === 'DELETE' ? 204 : 200, method === 'DELETE' ? undefined : ticket);
  };
  return start(key, serve, ['/openapi.json']);
}

/** A stock, at `/graphql`. */
export function startStock(key: string): Promise<Api> {
  const schema = buildSchema(`
    type Query { parts(below: Int): [Part!]!  part(name: String!): Part }
    type Mutation { take(name: String!, count: Int!): Part! }
    type Part { name: String!, count: Int!, shelf: Shelf! }
    type Shelf { row: Int!, parts: [Part!]! }
  `);
  const parts = [
    { name: 'bolt', count: 40 },
    { name: 'nut', count: 7 },
  ];
  const shown = (part: { name: string; count: number }): object => ({ ...part, shelf: { row: 1, parts: () => parts.map(shown) } });
  const rootValue = {
    parts: ({ below = Number.POSITIVE_INFINITY }) => parts.filter(({ count }) => count < below).map(shown),
    part: ({ name }: { readonly name: string }) => parts.filter((each) => each.name === name).map(shown)[0],
    take({ name, count }: { readonly name: string; readonly count: number }) {
      const part = parts.find((each) => each.name === name);
      if (part === undefined || part.count < count) throw new Error(`not enough of ${name}`);
      part.count -= count;
      return shown(part);
    },
  };
  return start(key, async (_request, text, say) => {
    const { query, variables, operationName } = JSON.parse(text);
    say(200, await graphql({ schema, source: query, rootValue, variableValues: variables, operationName }));
  });
}
