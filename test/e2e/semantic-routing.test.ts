import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

// Calls go where the examples are that they are most like, by the embedder in the isolate and by a provider's.

const ROUTES = [
  {
    name: 'billing',
    examples: ['I was charged twice', 'where is my invoice', 'how do I get a refund', 'change my credit card', 'cancel my subscription'],
    use: 'up/ok/text?id=cheap',
  },
  {
    name: 'travel',
    examples: [
      'book a flight to rome',
      'find me a hotel in paris',
      'when does my train leave',
      'is my flight delayed',
      'rent a car for the weekend',
    ],
    use: ['up/ok/text?id=travel'],
  },
];
const TARGETS = ['up/ok/text?id=usual', 'up/ok/text?id=cheap', 'up/ok/text?id=travel'];

let gateway: TestGateway;
let vectors: Server;
/** What the vendor of vectors was asked, and how it behaves. */
const asked: (readonly string[])[] = [];
let behaviour: 'answers' | 'fails' | 'hangs' = 'answers';

/** A vector of which words a text has: enough to tell these routes apart. */
function vectorOf(text: string): readonly number[] {
  const vector = new Array<number>(64).fill(0.01);
  for (const word of text.toLowerCase().split(/\W+/)) {
    let hash = 7;
    for (const character of word) hash = (hash * 31 + character.charCodeAt(0)) % 61;
    vector[hash] = (vector[hash] ?? 0) + 1;
  }
  return vector;
}

beforeAll(async () => {
  vectors = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { input } = JSON.parse(Buffer.concat(pieces).toString()) as { input: readonly string[] };
    asked.push(input);
    if (behaviour === 'hangs') return;
    const status = behaviour === 'fails' ? 500 : 200;
    const data = input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) }));
    const body =
      status === 200 ? { object: 'list', model: 'e', data, usage: { prompt_tokens: 9, total_tokens: 9 } } : { error: { message: 'no' } };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => vectors.listen(0, '127.0.0.1', resolve));
  gateway = await startTestGateway();
  const { port } = vectors.address() as AddressInfo;
  const settings = { routes: ROUTES, otherwise: 'up/ok/text?id=usual' };
  const model = (more: object = {}) => ({ strategy: 'semantic', targets: TARGETS, settings: { ...settings, ...more } });
  const published = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { value: 'k' } },
        vec: { like: 'openai', baseUrl: `http://127.0.0.1:${port}/v1`, key: { value: 'k' } },
      },
      models: {
        own: model(),
        remote: model({ embedding: 'vec/e', wait: 10_000 }),
        failing: model({ embedding: 'vec/fails' }),
        slow: model({ embedding: 'vec/slow', wait: 100 }),
        nobody: model({ embedding: 'absent/e' }),
      },
    }),
  });
  expect(published.status, await published.clone().text()).toBe(200);
}, 60_000);
afterAll(async () => {
  vectors?.closeAllConnections();
  vectors?.close();
  await gateway?.stop();
});

async function ask(model: string, content: string) {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
  const { response } = await client.chat.completions
    .create(
      {
        model,
        messages: [
          { role: 'system', content: 'You book flights.' },
          { role: 'user', content },
        ],
      },
      { headers: { 'x-weir-explain': '1' } },
    )
    .withResponse();
  const decision = JSON.parse(response.headers.get('x-weir-decision') ?? '{}') as { candidates?: readonly { why?: string }[] };
  return {
    served: /id=(\w+)/.exec(response.headers.get('x-weir-model') ?? '')?.[1],
    intent: response.headers.get('x-weir-intent'),
    why: decision.candidates?.[0]?.why,
    id: response.headers.get('x-weir-request-id'),
  };
}

describe('the embedder in the isolate', () => {
  it('tells what a call is about, and says so in the head, the decision and the log', async () => {
    const { served, intent, why, id } = await ask('own', 'Hello, you have charged my card twice this month!');
    expect(served).toBe('cheap');
    expect(intent).toMatch(/^billing;similarity=0\.\d+;threshold=0\.\d+$/);
    expect(why).toMatch(/^intent billing: 0\.\d+ like "I was charged twice", 0\.\d+ is enough$/);
    await gateway.row(id);
    const row = (await (await gateway.admin(`/requests/${id}`)).json()) as { facts?: { intent?: object } };
    expect(row.facts?.intent).toMatchObject({ route: 'billing', example: 'I was charged twice' });
    expect(JSON.stringify(row.facts)).not.toContain('this month');
    expect((await ask('own', 'please book me a flight from zurich to rome')).served).toBe('travel');
  });

  it('sends what is like no route to otherwise', async () => {
    const { served, intent } = await ask('own', 'write a poem about the moon and the sea');
    expect(served).toBe('usual');
    expect(intent).toMatch(/^otherwise;/);
    expect(await ask('own', '今日の天気は')).toMatchObject({
      served: 'usual',
      intent: 'otherwise',
      why: 'no intent: none of its words is known',
    });
  });

  it('is asked when a call is only explained', async () => {
    const body = { model: 'own', messages: [{ role: 'user', content: 'how can I get a refund for this?' }] };
    const answer = await gateway.admin('/explain', { method: 'POST', body: JSON.stringify({ body }) });
    const explained = (await answer.json()) as { first: string; notes?: object };
    expect(explained.first).toContain('id=cheap');
    expect(explained.notes).toMatchObject({ intent: { route: 'billing' } });
  });
});

describe("a provider's embedder", () => {
  it('is asked for the examples once, and then for each call', async () => {
    behaviour = 'answers';
    expect(await ask('remote', 'how can I get my refund')).toMatchObject({ served: 'cheap' });
    expect(await ask('remote', 'find me a hotel in rome')).toMatchObject({ served: 'travel' });
    expect(asked.map(({ length }) => length)).toEqual([10, 1, 1]);
  });

  it('is told of by its failure, and the call is answered all the same', async () => {
    behaviour = 'fails';
    const { served, intent, why } = await ask('failing', 'how do I get a refund');
    expect({ served, intent }).toEqual({ served: 'usual', intent: 'otherwise' });
    expect(why).toMatch(/^no intent: the examples could not be embedded: /);
  });

  it('is not waited for longer than the model says', async () => {
    behaviour = 'hangs';
    expect(await ask('slow', 'how do I get a refund')).toMatchObject({
      served: 'usual',
      why: 'no intent: the embedder did not answer within 100 ms',
    });
  });

  it('that is not configured is no reason to fail', async () => {
    const { served, why } = await ask('nobody', 'how do I get a refund');
    expect(served).toBe('usual');
    expect(why).toMatch(/^no intent: .*absent\/e/);
  });
});

it('a configuration that names a target which the model does not have is refused, with its place', async () => {
  const models = {
    bad: { strategy: 'semantic', targets: ['up/ok/text'], settings: { routes: [{ ...ROUTES[0], use: ['up/ok/text', 'nowhere'] }] } },
  };
  const providers = { up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { value: 'k' } } };
  const answer = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ providers, models }) });
  expect(answer.status).toBe(422);
  expect(await answer.text()).toContain('models.bad.settings.routes[0].use[1]');
});
