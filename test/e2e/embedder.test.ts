import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

// Embedders as calls meet them: the one in the isolate, and models of providers that speak the embeddings API, asked by
// a virtual model that goes by what the user means.

interface Asked {
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly body: { readonly model: string; readonly input: readonly string[] };
}

const asked: Asked[] = [];
let server: Server;
let gateway: TestGateway;

/** Three directions: bills, code, and anything else. */
const directionOf = (text: string) => (/bill|invoice|charged/.test(text) ? [9, 0, 1] : /code|bug/.test(text) ? [0, 9, 1] : [0, 0, 1]);

async function read(request: IncomingMessage): Promise<Asked['body']> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString()) as Asked['body'];
}

function startVendor(): Promise<Server> {
  const vendor = createServer(async (request, response) => {
    const body = await read(request);
    asked.push({ url: request.url, authorization: request.headers.authorization, body });
    if (body.model === 'slow') return;
    const data = body.input.map((text, index) => ({ index, embedding: directionOf(text) }));
    const answer = { data: body.model === 'short' ? data.slice(1) : data, usage: { prompt_tokens: 5, total_tokens: 5 } };
    response.writeHead(body.model === 'down' ? 500 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  return new Promise((resolve) => vendor.listen(0, '127.0.0.1', () => resolve(vendor)));
}

beforeAll(async () => {
  [server, gateway] = await Promise.all([startVendor(), startTestGateway()]);
  const { origin } = gateway.upstream;
  const meant = (settings: object) => ({
    strategy: 'semantic',
    targets: ['up/ok/text?id=bills', 'up/ok/text?id=code', 'up/ok/text?id=rest'],
    settings: {
      routes: [
        { name: 'bills', examples: ['I was charged twice', 'where is my invoice', 'question about my bill'], use: 'up/ok/text?id=bills' },
        { name: 'code', examples: ['there is a bug in my code', 'write code that sorts a list'], use: 'up/ok/text?id=code' },
      ],
      otherwise: 'up/ok/text?id=rest',
      ...settings,
    },
  });
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: { like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' } },
        vectors: {
          like: 'openai',
          baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
          key: { value: 'key-of-the-embedder' },
          prices: { three: { input: 2 } },
        },
      },
      models: {
        own: meant({ threshold: 0.5 }),
        elsewhere: meant({ threshold: 0.5, embedding: 'vectors/three', wait: 10_000 }),
        slow: meant({ threshold: 0.5, embedding: 'vectors/slow', wait: 100 }),
        down: meant({ threshold: 0.5, embedding: 'vectors/down' }),
        short: meant({ threshold: 0.5, embedding: 'vectors/short' }),
        unknown: meant({ threshold: 0.5, embedding: 'nobody/here' }),
      },
    }),
  });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
});
afterAll(async () => {
  await gateway?.stop();
  server?.closeAllConnections();
  server?.close();
});
beforeEach(() => {
  asked.length = 0;
});

interface Facts {
  readonly facts?: { readonly embedding?: unknown; readonly intent?: unknown };
}

async function ask(model: string, text: string) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: text }] }),
  });
  await response.text();
  const { facts } = (await gateway.row(response.headers.get('x-weir-request-id'))) as unknown as Facts;
  return { status: response.status, to: /id=(\w+)/.exec(response.headers.get('x-weir-model') ?? '')?.[1], facts };
}

describe('the embedder in the isolate', () => {
  it('asks nobody', async () => {
    expect(await ask('own', 'Why was I charged twice this month?')).toMatchObject({ status: 200, to: 'bills' });
    expect(await ask('own', 'please fix the bug in this code')).toMatchObject({ status: 200, to: 'code' });
    expect(await ask('own', 'Wie wird das Wetter morgen in Zürich?')).toMatchObject({ status: 200, to: 'rest' });
    expect(asked).toEqual([]);
  });
});

describe('an embedder elsewhere', () => {
  it('is asked at its provider’s address, with its credential, for many texts at once', async () => {
    const first = await ask('elsewhere', 'a question about a bill');
    expect(first).toMatchObject({ status: 200, to: 'bills' });
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(2);
    for (const { url, authorization, body } of asked) {
      expect({ url, authorization, model: body.model }).toEqual({
        url: '/v1/embeddings',
        authorization: 'Bearer key-of-the-embedder',
        model: 'three',
      });
    }
    expect(asked.flatMap(({ body }) => body.input)).toContain('a question about a bill');
    expect(asked.flatMap(({ body }) => body.input)).toContain('there is a bug in my code');

    asked.length = 0;
    const second = await ask('elsewhere', 'another bug');
    expect(second).toMatchObject({ status: 200, to: 'code' });
    // The examples are known by now.
    expect(asked.map(({ body }) => body.input)).toEqual([['another bug']]);
    // Five tokens at two dollars a million, in nano-dollars.
    expect(second.facts?.embedding).toEqual({ model: 'vectors/three', calls: 1, texts: 1, tokens: 5, cost: 10_000 });
  });

  it.each(['slow', 'down', 'short', 'unknown'])('that is %s makes no call fail', async (model) => {
    const { facts, ...answer } = await ask(model, 'a question about a bill');
    expect(answer).toEqual({ status: 200, to: 'rest' });
    // It never answers: who waits for it longer than the model says waits for ever.
    if (model === 'slow') expect(facts?.intent).toMatchObject({ reason: expect.stringContaining('within 100 ms') });
  });
});
