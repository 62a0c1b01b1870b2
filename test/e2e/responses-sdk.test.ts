import { createOpenAI } from '@ai-sdk/openai';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import OpenAI, { APIError, BadRequestError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANT_KEY, KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { PERSON } from '../upstream/answer.ts';

let gateway: TestGateway;
let client: OpenAI;
beforeAll(async () => {
  gateway = await startTestGateway();
  await configure([]);
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
});
afterAll(() => gateway?.stop());

async function configure(policies: readonly object[]): Promise<void> {
  const { origin } = gateway.upstream;
  const openai = (dialect: string) => ({ like: 'openai', baseUrl: `${origin}/v1`, key: { secret: 'UP_KEY' }, dialects: [dialect] });
  const document = {
    policies,
    providers: {
      res: openai('openai-responses'),
      chat: openai('openai-chat'),
      ant: { like: 'anthropic', baseUrl: origin, key: { value: ANT_KEY } },
    },
    models: {
      one: { strategy: 'failover', targets: ['chat/fault/status?code=429&retry-after=7'], retry: { attempts: 1 } },
    },
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
}

let marks = 0;
/** A model of the scripted vendor, and the bodies that vendor got. */
function marked(provider: string, content: string) {
  const mark = `id=sdk-${marks++}`;
  return {
    model: `${provider}/${content}${content.includes('?') ? '&' : '?'}${mark}`,
    sent: () => gateway.upstream.journal.of(mark).map(({ body }) => JSON.parse(body.toString())),
  };
}

const WEATHER = {
  type: 'function' as const,
  name: 'get_weather',
  description: 'The weather of a city',
  strict: false,
  parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city', 'days'] },
};
const CALLS = [
  { city: 'Zürich', days: 1 },
  { city: 'Oslo', days: 2 },
  { city: 'Lima', days: 3 },
];

/** An item of an answer, as history: the SDK's type of the one is not that of the other. */
const asInput = (item: OpenAI.Responses.ResponseOutputItem) => item as OpenAI.Responses.ResponseInputItem;

/** A stream as its events, each of which must be where and what the one before lets expect. */
async function stream(params: OpenAI.Responses.ResponseCreateParamsNonStreaming) {
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const event of await client.responses.create({ ...params, stream: true })) events.push(event);
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
  const last = events.at(-1);
  const response = last !== undefined && 'response' in last ? last.response : undefined;
  return {
    events,
    types: events.map(({ type }) => type),
    response,
    text: events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join(''),
  };
}

// The same questions to a vendor of the caller's own dialect and to those of others: a client cannot tell them apart.
describe.each(['res', 'chat', 'ant'])('openai, by an upstream of %s', (provider) => {
  it('answers at once', async () => {
    const { data, response } = await client.responses.create({ model: `${provider}/ok/text?words=5`, input: 'Hello' }).withResponse();
    expect(data).toMatchObject({ object: 'response', status: 'completed', output_text: 'w0 w1 w2 w3 w4', error: null });
    expect(data.usage).toMatchObject({ input_tokens: 11, output_tokens: 5, total_tokens: 16 });
    expect(data.id).toMatch(/^resp_/);
    expect(response.headers.get('x-weir-loss')).toBeNull();
  });

  it('streams text, and ends in the response that the events add up to', async () => {
    const { types, text, response, events } = await stream({ model: `${provider}/ok/multibyte`, input: 'Hello' });
    expect(text).toBe('Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done');
    expect(types.slice(0, 4)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
    ]);
    expect(types.slice(-4)).toEqual([
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(response?.output).toMatchObject([{ type: 'message', status: 'completed', content: [{ type: 'output_text', text }] }]);
    expect(response?.usage?.input_tokens).toBe(11);
    const id = 'response' in (events[0] ?? {}) ? (events[0] as { response: { id: string } }).response.id : '';
    expect(response?.id).toBe(id);
  });

  it('calls tools in parallel, and goes on with their results', async () => {
    const { model, sent } = marked(provider, 'ok/tools?calls=3');
    const runner = client.responses.stream({ model, input: 'Weather?', tools: [WEATHER] });
    const response = await runner.finalResponse();
    const calls = response.output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
    expect(calls.map((call) => [call.name, JSON.parse(call.arguments)])).toEqual(CALLS.map((args) => ['get_weather', args]));
    const results = calls.map(({ call_id }) => ({ type: 'function_call_output' as const, call_id, output: `rain-${call_id}` }));
    const next = await client.responses.create({
      model,
      tools: [WEATHER],
      input: [{ role: 'user', content: 'Weather?' }, ...response.output.map(asInput), ...results],
    });
    expect(next.status).toBe('completed');
    const last = JSON.stringify(sent().at(-1));
    for (const { call_id } of calls) expect(last).toContain(`rain-${call_id}`);
  });

  it('gives structured output', async () => {
    const { model, sent } = marked(provider, 'ok/json');
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' } },
      required: ['name', 'age'],
      additionalProperties: false,
    };
    const answer = await client.responses.parse({
      model,
      input: 'Who?',
      text: { format: { type: 'json_schema', name: 'person', schema, strict: true } },
    });
    expect(answer.output_parsed).toEqual(PERSON);
    expect(JSON.stringify(sent()[0])).toContain('"additionalProperties":false');
  });

  it('says that it was cut off', async () => {
    const { response, types } = await stream({ model: `${provider}/ok/length`, input: 'Hello' });
    expect(types.at(-1)).toBe('response.incomplete');
    expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
  });

  it('shows what was thought', async () => {
    const { response } = await stream({ model: `${provider}/ok/thinking`, input: 'Hello' });
    const [thought, message] = response?.output ?? [];
    expect(thought).toMatchObject({ type: 'reasoning', summary: [{ type: 'summary_text', text: 'First this, then that.' }] });
    expect(message).toMatchObject({ type: 'message', content: [{ text: 'The answer.' }] });
  });

  it('breaks off in an error that clients understand', async () => {
    const { events, response } = await stream({ model: `${provider}/fault/reset?n=8`, input: 'Hello' }).catch((error: unknown) => {
      // The SDK throws on an error event in some of its modes: what it throws must say why.
      if (!(error instanceof APIError)) throw error;
      return { events: [], response: { status: 'failed' as const, error: { message: error.message } } };
    });
    expect(response?.status).toBe('failed');
    if (events.length > 0) expect(events.at(-2)?.type).toBe('error');
  });
});

describe('openai, refused', () => {
  it('gets the errors of its own API', async () => {
    await expect(client.responses.create({ model: 'chat/ok/text', input: 7 as unknown as string })).rejects.toThrow(BadRequestError);
    const limited = await client.responses.create({ model: 'one', input: 'Hello' }).catch((error: unknown) => error);
    expect(limited).toBeInstanceOf(APIError);
    expect((limited as APIError).status).toBe(429);
  });
});

describe('what only this dialect knows', () => {
  it('reaches an upstream of its own as it was, and is named elsewhere', async () => {
    const params = { input: 'Hello', prompt_cache_key: 'k', store: false, include: ['reasoning.encrypted_content' as const] };
    const native = marked('res', 'ok/text');
    await client.responses.create({ model: native.model, ...params });
    expect(native.sent()[0]).toMatchObject(params);
    const { response } = await client.responses.create({ model: 'ant/ok/text', ...params }).withResponse();
    expect(response.headers.get('x-weir-loss')).toBe('prompt_cache_key');
  });
});

// Calls of the other dialects, answered by a vendor that speaks Responses.
describe('a vendor of Responses, asked in other dialects', () => {
  it('keeps nothing, and seals its reasoning for the next turn', async () => {
    const { model, sent } = marked('res', 'ok/thinking');
    const ask = (messages: readonly object[]) =>
      fetch(`${gateway.url}/v1/messages`, {
        method: 'POST',
        headers: { 'x-api-key': KEY, 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
        body: JSON.stringify({ model, max_tokens: 99, messages }),
      }).then(async (response) => (await response.json()) as { readonly content: readonly { readonly type: string }[] });
    const first = await ask([{ role: 'user', content: 'Hello' }]);
    expect(first.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
    await ask([
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: first.content },
      { role: 'user', content: 'Go on.' },
    ]);
    expect(sent()[0]).toMatchObject({ store: false, include: ['reasoning.encrypted_content'], max_output_tokens: 99 });
    expect(sent()[1].input[1]).toMatchObject({
      type: 'reasoning',
      encrypted_content: 'c2lnbmVk',
      summary: [{ text: 'First this, then that.' }],
    });
  });

  it('answers chat completions, streamed', async () => {
    const chunks = await client.chat.completions.create({
      model: 'res/ok/tools?calls=2',
      messages: [{ role: 'user', content: 'Weather?' }],
      stream: true,
      stream_options: { include_usage: true },
    });
    const seen: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of chunks) seen.push(chunk);
    expect(seen.flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason)).filter(Boolean)).toEqual(['tool_calls']);
    expect(
      seen.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls?.map(({ id }) => id) ?? [])).filter(Boolean),
    ).toEqual(['call_1', 'call_2']);
    expect(seen.at(-1)?.usage?.prompt_tokens).toBe(11);
  });
});

describe.each(['res', 'chat', 'ant'])('ai, by an upstream of %s', (provider) => {
  const model = (name: string) => createOpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY })(`${provider}/${name}`);
  const weather = tool({
    description: 'The weather of a city',
    inputSchema: jsonSchema<{ city: string; days: number }>({ ...WEATHER.parameters, type: 'object' } as const),
    execute: async ({ city }) => `rain in ${city}`,
  });

  it('generates text', async () => {
    const { text, usage, finishReason } = await generateText({ model: model('ok/text?words=4'), prompt: 'Hello', maxRetries: 0 });
    expect(text).toBe('w0 w1 w2 w3');
    expect(finishReason).toBe('stop');
    expect(usage.inputTokens).toBe(11);
  });

  it('streams text and reasoning', async () => {
    const { textStream, reasoningText, finishReason } = streamText({ model: model('ok/thinking'), prompt: 'Hello', maxRetries: 0 });
    let text = '';
    for await (const piece of textStream) text += piece;
    expect(text).toBe('The answer.');
    expect(await reasoningText).toBe('First this, then that.');
    expect(await finishReason).toBe('stop');
  });

  it('runs tools, and sends their results back', async () => {
    const { model: name, sent } = marked(provider, 'ok/tools?calls=2');
    const { steps } = await generateText({
      model: model(name.slice(provider.length + 1)),
      prompt: 'Weather?',
      tools: { get_weather: weather },
      stopWhen: stepCountIs(2),
      maxRetries: 0,
    });
    expect(steps[0]?.toolResults.map(({ output }) => output)).toEqual(['rain in Zürich', 'rain in Oslo']);
    expect(sent()).toHaveLength(2);
    expect(JSON.stringify(sent()[1])).toContain('rain in Oslo');
  });
});

describe('a policy that masks what models say', () => {
  beforeAll(() => configure([{ use: 'terms', entries: [{ action: 'mask', in: 'answers', terms: ['w1 w2'], replacement: '***' }] }]));

  it.each(['res', 'chat'])('masks every event that says it, by an upstream of %s', async (provider) => {
    const { text, response, events, types } = await stream({ model: `${provider}/ok/text?words=4`, input: 'Hello' });
    expect(text).toBe('w0 *** w3');
    expect(response?.output).toMatchObject([{ content: [{ text: 'w0 *** w3' }] }]);
    expect(JSON.stringify(events)).not.toContain('w1');
    expect(types.lastIndexOf('response.output_text.delta')).toBeLessThan(types.indexOf('response.output_text.done'));
    const whole = await client.responses.create({ model: `${provider}/ok/text?words=4`, input: 'Hello' });
    expect(whole.output_text).toBe('w0 *** w3');
  });
});
