import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, type Row, until } from '../gateway.ts';
import { makeFamily, makeKey } from '../tenants.ts';
import { call, type McpGateway, modern, startMcpGateway } from './gateway.ts';
import { json, type Scripted, startScripted } from './scripted.ts';

// The gateway's own models as tools of an MCP server: each call of one is a chat call of its caller's.

let gateway: McpGateway;
let vendor: Scripted;
let url: string;
let left = 0;
afterAll(() => Promise.all([gateway?.stop(), vendor?.close()]));

const MOOD = { type: 'object', properties: { mood: { enum: ['good', 'bad'] } }, required: ['mood'] };
const tools = [
  { name: 'shout', description: 'Says it loudly.', model: 'loud', system: 'Shout.', maxTokens: 50, temperature: 0.5 },
  { name: 'mood', description: 'Says how a text is meant.', model: 'up/m', output: MOOD },
  { name: 'ask', title: 'Anything', description: 'Answers.', model: 'up/m', output: 'asked' },
  { name: 'slow', description: 'Takes its time.', model: 'up/slow' },
];

/** A vendor that says what the prompt says it should. */
const startVendor = () =>
  startScripted(async ({ body }, response) => {
    const prompt: string = body.messages.at(-1).content;
    if (body.model === 'slow') {
      response.on('close', () => {
        if (!response.writableEnded) left += 1;
      });
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }
    const message = prompt.startsWith('refuse:')
      ? { role: 'assistant', content: null, refusal: 'I will not.' }
      : { role: 'assistant', content: prompt };
    json(response, {
      ...{ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: body.model },
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    });
  });

beforeAll(async () => {
  [gateway, vendor] = await Promise.all([startMcpGateway(), startVendor()]);
  const prices = { m: { input: 100, output: 1000 }, slow: { input: 100, output: 1000 } };
  const document = {
    providers: { up: { like: 'openai', baseUrl: vendor.url, key: { secret: 'UP_KEY' }, prices } },
    models: { loud: ['up/m'] },
    routes: [
      { name: 'llm', kind: 'llm', policies: [{ use: 'terms', entries: [{ action: 'refuse', in: 'requests', terms: ['Nightjar'] }] }] },
      { name: 'models', kind: 'mcp', sources: [{ kind: 'llm', prefix: 'ai', tools }] },
      { name: 'short', kind: 'mcp', sources: [{ kind: 'llm', prefix: 'ai', tools }], limits: { timeout: 3_000 } },
    ],
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
  url = gateway.mcp('models');
});

type Full = Row & { readonly cost?: string; readonly costUsd?: unknown; readonly facts?: { readonly [fact: string]: unknown } };
const rowsOf = async (run: string, count: number) => {
  await until(async () => (await gateway.rows({ run })).length >= count, 15_000, `${count} rows of ${run}`);
  return (await gateway.rows({ run })) as readonly Full[];
};

async function old() {
  const client = new OldClient({ name: 'old', version: '1' });
  await client.connect(
    new OldTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${KEY}`, 'x-weir-run': 'run-old' } } }) as never,
  );
  return client;
}

async function fresh() {
  const client = new NewClient({ name: 'new', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(
    new NewTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${KEY}`, 'x-weir-run': 'run-new' } } }),
  );
  return client;
}

describe.each([
  { name: 'a client without sessions', connect: fresh, run: 'run-new' },
  { name: 'a client with a session', connect: old, run: 'run-old' },
])('$name', ({ connect, run }) => {
  it('lists them, and each call of one is a chat call of the same run', async () => {
    const client = await connect();
    const listed = (await client.listTools()).tools;
    expect(listed.map(({ name }) => name)).toEqual(['ai__shout', 'ai__mood', 'ai__ask', 'ai__slow']);
    expect(listed[1]).toMatchObject({ description: 'Says how a text is meant.', outputSchema: MOOD });
    expect(Object.keys(listed[0]?.inputSchema.properties ?? {})).toEqual(['prompt']);
    const result = await client.callTool({ name: 'ai__shout', arguments: { prompt: 'hello' } });
    expect(result).toMatchObject({ content: [{ type: 'text', text: 'hello' }] });
    expect(vendor.arrived.at(-1)?.body).toMatchObject({
      model: 'm',
      temperature: 0.5,
      max_completion_tokens: 50,
      messages: [
        { role: 'system', content: 'Shout.' },
        { role: 'user', content: 'hello' },
      ],
    });
    const mood = await client.callTool({ name: 'ai__mood', arguments: { prompt: '{"mood":"good"}' } });
    expect(mood.structuredContent).toEqual({ mood: 'good' });
    const rows = await rowsOf(run, 4);
    const chat = rows.find(({ dialect, askedModel }) => dialect === 'openai-chat' && askedModel === 'loud');
    expect(chat).toMatchObject({ status: 'complete', servedModel: 'up/m', usage: { input: 10, output: 5 } });
    expect(JSON.stringify(result._meta)).toContain(chat?.id);
    await client.close();
  });
});

describe('what is answered', () => {
  const ask = async (name: string, args: object, at = url) => (await call(at, 1, name, args)).messages.at(-1);

  it('fits the schema, or is told as a failure', async () => {
    expect((await ask('ai__mood', { prompt: 'no json' }))?.result).toMatchObject({ isError: true });
    const wrong = (await ask('ai__mood', { prompt: '{"mood":"so so"}' }))?.result;
    expect(wrong).toMatchObject({ isError: true });
    expect(wrong.content[0].text).toContain('does not fit the schema');
    expect(wrong.structuredContent).toBeUndefined();
  });

  it('is made as the caller wants it where the operator lets it', async () => {
    const schema = { type: 'object', properties: { n: { type: 'number' } } };
    expect((await ask('ai__ask', { prompt: '{"n":1}', schema }))?.result.structuredContent).toEqual({ n: 1 });
    expect(vendor.arrived.at(-1)?.body.response_format).toEqual({ type: 'json_schema', json_schema: { name: 'ask', schema } });
    expect((await ask('ai__ask', { prompt: 'plain' }))?.result).toMatchObject({ content: [{ text: 'plain' }] });
    expect((await ask('ai__shout', { prompt: 'x', schema }))?.result).toMatchObject({ isError: true });
  });

  it('says what is wrong with how it was called, and what the model refuses', async () => {
    for (const args of [{}, { prompt: 1 }, { prompt: 'x', other: 1 }]) expect((await ask('ai__shout', args))?.result.isError).toBe(true);
    expect((await ask('ai__shout', { prompt: 'refuse: x' }))?.result).toMatchObject({ isError: true, content: [{ text: 'I will not.' }] });
    expect((await ask('ai__nothing', {}))?.error?.code).toBe(-32602);
  });

  it('is held to the policies of the route for models', async () => {
    const before = vendor.arrived.length;
    expect((await ask('ai__shout', { prompt: 'of Nightjar' }))?.error?.data?.code).toBe('content_refused');
    expect(vendor.arrived).toHaveLength(before);
  });

  it('comes in the time that the route gives, and is not waited for by who has left', async () => {
    expect((await ask('ai__slow', { prompt: 'x' }, gateway.mcp('short')))?.error?.data?.code).toBe('upstream_timeout');
    await until(() => left === 1, 15_000, 'the vendor is told');
    const gone = new AbortController();
    const asked = vendor.arrived.length;
    const leaving = modern(url, 1, 'tools/call', { name: 'ai__slow', arguments: { prompt: 'x' } }, {}, {}, gone.signal);
    leaving.catch(() => undefined);
    await until(() => vendor.arrived.length > asked, 15_000, 'the vendor is asked');
    gone.abort();
    await expect(leaving).rejects.toThrow();
    await until(() => left === 2, 15_000, 'the vendor is told again');
  });
});

describe('who asks', () => {
  it('pays for the model and the call, and is told in the protocol where there is no room', async () => {
    const { app } = await makeFamily(gateway, 'spender');
    const { key } = await makeKey(gateway, { app, name: 'k', limits: [{ unit: 'usd', limit: 0.06, window: 'month' }] });
    const ask = async () =>
      (await call(gateway.mcp('models'), 1, 'ai__shout', { prompt: 'x' }, { authorization: `Bearer ${key}` })).messages.at(-1);
    expect((await ask())?.result.content[0].text).toBe('x');
    let over = await ask();
    for (let again = 0; again < 12 && over?.error === undefined; again++) over = await ask();
    expect(over?.error?.data?.code).toBe('budget_exceeded');
  });

  it('may ask what its key may', async () => {
    const { app } = await makeFamily(gateway, 'narrow');
    const { key } = await makeKey(gateway, { app, name: 'k', models: ['other'] });
    const answer = await call(gateway.mcp('models'), 1, 'ai__shout', { prompt: 'x' }, { authorization: `Bearer ${key}` });
    expect(answer.messages.at(-1)?.error?.data?.code).toBe('model_not_allowed');
  });
});
