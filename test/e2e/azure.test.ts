import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { AzureOpenAI, BadRequestError } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

// Azure OpenAI on both sides: as the provider, in both its APIs, and as what clients think they talk to.

interface Asked {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly model?: string; readonly stream?: boolean; readonly messages?: readonly { readonly content: unknown }[] };
}

const SAFE = { hate: { filtered: false, severity: 'safe' }, violence: { filtered: false, severity: 'safe' } };
const USAGE = { prompt_tokens: 8, completion_tokens: 2, total_tokens: 10 };
const head = { id: 'chatcmpl-azure', created: 1_800_000_000, model: 'gpt-4o-2024-08-06' };

const WHOLE = {
  ...head,
  object: 'chat.completion',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'Good day.' }, finish_reason: 'stop', logprobs: null, content_filter_results: SAFE },
  ],
  prompt_filter_results: [{ prompt_index: 0, content_filter_results: SAFE }],
  usage: USAGE,
};

const piece = (choice: object) => ({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, finish_reason: null, ...choice }] });
/** The first says nothing but what was found in the prompt, and has neither id nor model. */
const PIECES = [
  { choices: [], created: 0, id: '', model: '', object: '', prompt_filter_results: [{ prompt_index: 0, content_filter_results: SAFE }] },
  piece({ delta: { role: 'assistant', content: '' }, content_filter_results: {} }),
  piece({ delta: { content: 'Good' }, content_filter_results: SAFE }),
  piece({ delta: { content: ' day.' }, content_filter_results: SAFE }),
  piece({ delta: {}, finish_reason: 'stop', content_filter_results: {} }),
  { ...head, object: 'chat.completion.chunk', choices: [], usage: USAGE },
];

const FILTERED = {
  error: {
    message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    type: null,
    param: 'prompt',
    code: 'content_filter',
    status: 400,
    innererror: { code: 'ResponsibleAIPolicyViolation', content_filter_result: { violence: { filtered: true, severity: 'high' } } },
  },
};

let vendor: Server;
let at: TestGateway;
let asked: Asked[] = [];
beforeEach(() => {
  asked = [];
});

beforeAll(async () => {
  vendor = createServer(async (request, response) => {
    const bytes: Buffer[] = [];
    for await (const each of request) bytes.push(each as Buffer);
    const body = JSON.parse(Buffer.concat(bytes).toString()) as Asked['body'];
    asked.push({ url: request.url ?? '', headers: request.headers, body });
    const isBad = JSON.stringify(body).includes('violent');
    response.statusCode = isBad ? 400 : 200;
    response.setHeader('content-type', body.stream === true && !isBad ? 'text/event-stream' : 'application/json');
    if (isBad) response.end(JSON.stringify(FILTERED));
    else if (request.url?.includes('/embeddings'))
      response.end(
        JSON.stringify({ object: 'list', data: [{ object: 'embedding', index: 0, embedding: [0.5] }], model: 'e', usage: USAGE }),
      );
    else if (body.stream !== true) response.end(JSON.stringify(WHOLE));
    else response.end(`${PIECES.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('')}data: [DONE]\n\n`);
  });
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/openai/v1`;
  at = await startTestGateway();
  const provider = (apiVersion: string, key: string) => ({
    like: 'azure',
    baseUrl,
    key: { value: key },
    settings: { resource: 'r', ...(apiVersion !== '' && { apiVersion }) },
  });
  const document = {
    providers: {
      azure: provider('', 'azure-key'),
      classic: provider('2024-10-21', 'azure-key'),
      entra: provider('', 'eyJhbGciOiJub25lIn0.e30.x'),
    },
    models: { deployed: { strategy: 'failover', targets: ['azure/gpt-4o'] } },
  };
  const response = await at.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
});
afterAll(async () => {
  await at?.stop();
  await new Promise((resolve) => vendor?.close(resolve));
});

const messages = [{ role: 'user' as const, content: 'Hello' }];
const openai = () => new OpenAI({ baseURL: `${at.url}/v1`, apiKey: KEY, maxRetries: 0 });

describe('the provider', () => {
  it.each([
    ['azure', '/openai/v1/chat/completions', { 'api-key': 'azure-key' }],
    ['classic', '/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21', { 'api-key': 'azure-key' }],
    ['entra', '/openai/v1/chat/completions', { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.x' }],
  ])('%s is asked at %s', async (provider, url, header) => {
    const answer = await openai().chat.completions.create({ model: `${provider}/gpt-4o`, messages });
    expect(answer.choices[0]?.message.content).toBe('Good day.');
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ url, headers: header, body: { model: 'gpt-4o' } });
    expect(asked[0]?.headers['api-key'] === undefined).not.toBe(asked[0]?.headers.authorization === undefined);
  });

  it('says what its filter found, to clients of its own dialect', async () => {
    const answer = await openai().chat.completions.create({ model: 'azure/gpt-4o', messages });
    expect(answer).toMatchObject({ prompt_filter_results: WHOLE.prompt_filter_results });
    const chunks: object[] = [];
    for await (const chunk of await openai().chat.completions.create({ model: 'azure/gpt-4o', messages, stream: true })) chunks.push(chunk);
    // All but the usage, which was not asked for.
    expect(chunks).toEqual(PIECES.slice(0, -1));
  });

  it.each([false, true])('is understood where the dialect changes (stream: %s)', async (stream) => {
    const anthropic = new Anthropic({ baseURL: at.url, apiKey: KEY, maxRetries: 0 });
    const params = { model: 'azure/gpt-4o', max_tokens: 9, messages };
    const message = stream ? await anthropic.messages.stream(params).finalMessage() : await anthropic.messages.create(params);
    expect(message.content).toMatchObject([{ type: 'text', text: 'Good day.' }]);
    expect(message).toMatchObject({ model: head.model, stop_reason: 'end_turn', usage: { input_tokens: 8, output_tokens: 2 } });
  });

  it('refuses what its filter caught, as the caller sent it', async () => {
    const refused = await openai()
      .chat.completions.create({ model: 'azure/gpt-4o', messages: [{ role: 'user', content: 'violent' }] })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BadRequestError);
    expect(refused).toMatchObject({ status: 400, code: 'content_filter', message: expect.stringContaining('content management policy') });
  });
});

describe('a client of Azure', () => {
  const azure = () => new AzureOpenAI({ endpoint: at.url, apiKey: KEY, apiVersion: '2024-10-21', maxRetries: 0 });

  it('names the deployment in the path', async () => {
    const { data, response } = await azure().chat.completions.create({ model: 'deployed', messages }).withResponse();
    expect(data.choices[0]?.message.content).toBe('Good day.');
    expect(response.headers.get('x-weir-model')).toBe('azure/gpt-4o');
    expect(await at.row(response.headers.get('x-weir-request-id'))).toMatchObject({
      dialect: 'openai-chat',
      askedModel: 'deployed',
      status: 'complete',
    });
  });

  it('streams', async () => {
    let text = '';
    for await (const { choices } of await azure().chat.completions.create({ model: 'deployed', messages, stream: true }))
      text += choices[0]?.delta.content ?? '';
    expect(text).toBe('Good day.');
  });

  it('has the last word in the path, not in the body', async () => {
    for (const body of [{ messages }, { messages, model: 'other' }]) {
      const response = await fetch(`${at.url}/openai/deployments/azure%2Fgpt-4o/chat/completions?api-version=2024-10-21`, {
        method: 'POST',
        headers: { 'api-key': KEY, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(response.status).toBe(200);
    }
    expect(asked.map(({ body }) => body.model)).toEqual(['gpt-4o', 'gpt-4o']);
  });

  it('may use a deployment of its own for all calls, and the v1 API', async () => {
    const fixed = new AzureOpenAI({ endpoint: at.url, apiKey: KEY, apiVersion: '2024-10-21', deployment: 'deployed', maxRetries: 0 });
    await fixed.chat.completions.create({ model: 'whatever', messages });
    await new OpenAI({ baseURL: `${at.url}/openai/v1/`, apiKey: KEY, maxRetries: 0 }).chat.completions.create({
      model: 'deployed',
      messages,
    });
    expect(asked.map(({ body }) => body.model)).toEqual(['gpt-4o', 'gpt-4o']);
  });

  it('embeds', async () => {
    const { data } = await azure().embeddings.create({ model: 'deployed', input: 'Hello', encoding_format: 'float' });
    expect(data[0]?.embedding).toEqual([0.5]);
    expect(asked[0]).toMatchObject({ url: '/openai/v1/embeddings', headers: { 'api-key': 'azure-key' }, body: { model: 'gpt-4o' } });
  });

  it('reads errors', async () => {
    const refused = await azure()
      .chat.completions.create({ model: 'nobody', messages })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 404, code: 'model_not_found' });
  });
});
