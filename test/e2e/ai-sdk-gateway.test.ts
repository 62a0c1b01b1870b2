import { GatewayInvalidRequestError, GatewayModelNotFoundError, GatewayRateLimitError } from '@ai-sdk/gateway';
import { createGateway, embedMany, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANT_KEY, KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { PERSON } from '../upstream/answer.ts';
import { type OperationsUpstream, startOperationsUpstream } from '../upstream/operations.ts';
import { vectorOf } from '../upstream/operations-wire.ts';

// The AI SDK with plain model ids: its own gateway protocol, onto upstreams that speak others, and onto one that speaks
// it too, which is this gateway itself.

let at: TestGateway;
let vendor: OperationsUpstream;
let models: ReturnType<typeof createGateway>;
const sdk = (apiKey = KEY) => createGateway({ baseURL: `${at.url}/v4/ai`, apiKey });

beforeAll(async () => {
  [at, vendor] = await Promise.all([startTestGateway(), startOperationsUpstream()]);
  const { origin } = at.upstream;
  const document = {
    providers: {
      up: { like: 'openai', baseUrl: `${origin}/v1`, key: { secret: 'UP_KEY' } },
      ant: { like: 'anthropic', baseUrl: origin, key: { value: ANT_KEY } },
      self: { baseUrl: `${at.url}/v4/ai`, dialects: ['ai-sdk-gateway'], key: { value: KEY } },
      vectors: { like: 'openai', baseUrl: `${vendor.origin}/v1`, key: { value: 'k' } },
    },
    models: {
      limited: { strategy: 'failover', targets: ['up/fault/status?code=429'], retry: { attempts: 1 } },
      refused: { strategy: 'failover', targets: ['up/fault/status?code=400'], retry: { attempts: 1 } },
    },
  };
  const response = await at.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
  models = sdk();
});
afterAll(async () => {
  await at?.stop();
  await vendor?.close();
});

const weather = (seen: unknown[] = []) =>
  tool({
    description: 'The weather of a city',
    inputSchema: jsonSchema<{ city: string; days: number }>({
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer' } },
      required: ['city', 'days'],
    }),
    execute: async (input) => {
      seen.push(input);
      return { sky: 'rain', ...input };
    },
  });

describe.each(['up', 'ant', 'self/up', 'self/ant'])('models of %s', (provider) => {
  const model = (name: string) => models(`${provider}/${name}`);
  const sent = (id: string) => at.upstream.journal.of(`id=${id}`)[0]?.body.toString() ?? '';
  const mark = provider.replace('/', '-');

  it('answer at once', async () => {
    const result = await generateText({ model: model('ok/text?words=5'), prompt: 'Hello', maxRetries: 0 });
    expect(result.text).toBe('w0 w1 w2 w3 w4');
    expect(result.finishReason).toBe('stop');
    expect(result.usage).toMatchObject({ inputTokens: 11, outputTokens: 5, totalTokens: 16 });
  });

  it('stream', async () => {
    const result = streamText({ model: model('ok/multibyte'), prompt: 'Hello', maxRetries: 0 });
    const deltas: string[] = [];
    for await (const delta of result.textStream) deltas.push(delta);
    expect(deltas.join('')).toBe('Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done');
    expect(deltas.length).toBeGreaterThan(2);
    expect(await result.finishReason).toBe('stop');
    expect((await result.usage).inputTokens).toBe(11);
    expect((await result.response).modelId).toBeTruthy();
  });

  it('make objects', async () => {
    const schema = jsonSchema<typeof PERSON>({
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' } },
      required: ['name', 'age'],
      additionalProperties: false,
    });
    const { object } = await generateObject({ model: model(`ok/json?id=object-${mark}`), schema, prompt: 'Who?', maxRetries: 0 });
    expect(object).toEqual(PERSON);
    expect(sent(`object-${mark}`)).toContain('"age":{"type":"integer"}');
  });

  it.each([
    ['whole', false],
    ['streamed', true],
  ])('call tools, %s, and hear their answers', async (_, stream) => {
    const seen: unknown[] = [];
    const id = `tools-${mark}-${stream}`;
    const options = {
      model: model(`ok/tools?calls=3&id=${id}`),
      prompt: 'Weather?',
      tools: { get_weather: weather(seen) },
      stopWhen: stepCountIs(2),
      maxRetries: 0,
    } as const;
    const steps = await (stream ? streamText(options).steps : (await generateText(options)).steps);
    expect(seen.slice(0, 3)).toEqual([
      { city: 'Zürich', days: 1 },
      { city: 'Oslo', days: 2 },
      { city: 'Lima', days: 3 },
    ]);
    expect(steps[0]?.text).toBe('Let me look.');
    expect(steps[0]?.finishReason).toBe('tool-calls');
    expect(steps).toHaveLength(2);
    const [, second] = at.upstream.journal.of(`id=${id}`);
    const body = second?.body.toString() ?? '';
    expect(body).toContain('{\\"sky\\":\\"rain\\",\\"city\\":\\"Zürich\\",\\"days\\":1}');
    expect(body.match(/call_2/g)?.length).toBe(2);
  });

  it('are told of pictures, settings and the choice of a tool', async () => {
    const id = `said-${mark}`;
    await generateText({
      model: model(`ok/tools?calls=1&id=${id}`),
      system: 'Be brief.',
      temperature: 0.5,
      maxOutputTokens: 99,
      tools: { get_weather: weather() },
      toolChoice: { type: 'tool', toolName: 'get_weather' },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'file', data: new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), mediaType: 'image' },
          ],
        },
      ],
      maxRetries: 0,
    });
    const body = JSON.parse(sent(id));
    const isChat = provider.endsWith('up');
    expect(body.temperature).toBe(0.5);
    expect(isChat ? body.max_completion_tokens : body.max_tokens).toBe(99);
    expect(body.tool_choice).toEqual(
      isChat ? { type: 'function', function: { name: 'get_weather' } } : { type: 'tool', name: 'get_weather' },
    );
    expect(JSON.stringify(isChat ? body.messages[0].content : body.system)).toContain('Be brief.');
    expect(JSON.stringify(body.messages)).toContain(
      isChat ? 'data:image/png;base64,iVBORw0KGgo=' : '"media_type":"image/png","data":"iVBORw0KGgo="',
    );
  });
});

describe('what stands behind the words', () => {
  it('is in the headers and the log', async () => {
    const { response } = await generateText({ model: models('ant/ok/text?words=2'), prompt: 'Hello', maxRetries: 0 });
    expect(response.headers).toMatchObject({ 'x-weir-model': 'ant/ok/text?words=2' });
    expect(response.headers?.['x-weir-loss']).toBeUndefined();
    const row = await at.row(response.headers?.['x-weir-request-id'] ?? null);
    expect(row).toMatchObject({
      dialect: 'ai-sdk-gateway',
      askedModel: 'ant/ok/text?words=2',
      stream: false,
      usage: { input: 11, output: 2 },
    });
  });

  it('is thinking, signed as the vendor of the model signs it', async () => {
    const whole = await generateText({ model: models('ant/ok/thinking'), prompt: 'Hello', maxRetries: 0 });
    const streamed = streamText({ model: models('ant/ok/thinking'), prompt: 'Hello', maxRetries: 0 });
    for (const { reasoning, reasoningText } of [
      whole,
      { reasoning: await streamed.reasoning, reasoningText: await streamed.reasoningText },
    ]) {
      expect(reasoningText).toBe('First this, then that.');
      expect(reasoning[0]).toMatchObject({ providerMetadata: { anthropic: { signature: 'c2lnbmVk' } } });
    }
    await generateText({
      model: models('ant/ok/text?id=signed-again'),
      messages: [{ role: 'user', content: 'Hello' }, ...whole.response.messages, { role: 'user', content: 'Go on.' }],
      maxRetries: 0,
    });
    const { messages } = JSON.parse(at.upstream.journal.of('id=signed-again')[0]?.body.toString() ?? '{}');
    expect(messages[1].content[0]).toEqual({ type: 'thinking', thinking: 'First this, then that.', signature: 'c2lnbmVk' });
  });
});

describe('errors', () => {
  const failing = (model: string, apiKey = KEY) =>
    generateText({ model: sdk(apiKey)(model), prompt: 'Hello', maxRetries: 0 }).then(
      () => undefined,
      (error: unknown) => error,
    );

  it('are of the classes of the SDK', async () => {
    // Of this one the SDK keeps the name alone, and says how to log in to its maker's own service.
    expect(await failing('up/ok/text', 'wrong')).toMatchObject({ name: 'GatewayAuthenticationError' });
    expect(GatewayModelNotFoundError.isInstance(await failing('no-such-model'))).toBe(true);
    expect(GatewayRateLimitError.isInstance(await failing('limited'))).toBe(true);
    expect(GatewayInvalidRequestError.isInstance(await failing('refused'))).toBe(true);
  });

  it('end a stream that had begun', async () => {
    const result = streamText({
      model: models('up/fault/reset?n=5&content=text'),
      prompt: 'Hello',
      maxRetries: 0,
      onError: () => undefined,
    });
    const parts: { type: string; error?: unknown }[] = [];
    for await (const part of result.fullStream) parts.push(part);
    expect(parts.filter(({ type }) => type === 'text-delta').length).toBeGreaterThan(0);
    const errors = parts.filter(({ type }) => type === 'error');
    expect(errors).toEqual([expect.objectContaining({ error: expect.objectContaining({ type: 'internal_server_error' }) })]);
    expect(parts.at(-1)).toMatchObject({ type: 'finish', finishReason: 'error' });
  });

  it('say where a call without a model is wrong', async () => {
    const response = await fetch(`${at.url}/v4/ai/language-model`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: '{"prompt":[]}',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error', param: 'ai-language-model-id' } });
  });
});

describe('beside chat', () => {
  it('other methods and paths are refused in the same form', async () => {
    const get = (path: string, method = 'GET') => fetch(at.url + path, { method, headers: { authorization: `Bearer ${KEY}` } });
    const wrong = await get('/v4/ai/language-model');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await wrong.json()).toMatchObject({ error: { type: 'invalid_request_error', message: expect.any(String) } });
    const none = await get('/v4/ai/video-model', 'POST');
    expect(none.status).toBe(404);
    expect(await none.json()).toMatchObject({ error: { type: 'not_found' }, generationId: none.headers.get('x-weir-request-id') });
  });

  it('models are listed', async () => {
    const { models: listed } = await models.getAvailableModels();
    expect(listed).toContainEqual(expect.objectContaining({ id: 'limited', modelType: 'language' }));
    expect(listed.find(({ id }) => id === 'sandbox/echo')?.specification).toEqual({
      specificationVersion: 'v4',
      provider: 'sandbox',
      modelId: 'sandbox/echo',
    });
  });

  it('texts are embedded', async () => {
    const { embeddings, usage } = await embedMany({
      model: models.embeddingModel('vectors/embed'),
      values: ['one', 'three'],
      maxRetries: 0,
    });
    expect(embeddings).toEqual([vectorOf('one'), vectorOf('three')]);
    expect(usage.tokens).toBe(7);
  });
});
