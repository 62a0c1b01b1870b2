import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { PERSON } from '../upstream/answer.ts';

let gateway: TestGateway;
let client: OpenAI;
beforeAll(async () => {
  gateway = await startTestGateway({
    models: { 'one-try': { targets: ['up/fault/status?code=429&retry-after=7'], retry: { attempts: 1 } } },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
});
afterAll(() => gateway?.stop());

const user = (content: string) => [{ role: 'user' as const, content }];
const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } }, required: ['city', 'days'] },
  },
};

async function collect(model: string, extra: Partial<OpenAI.ChatCompletionCreateParamsStreaming> = {}) {
  const stream = await client.chat.completions.create({ model, messages: user('Hello there'), stream: true, ...extra });
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  return {
    chunks,
    text: deltas.map(({ content }) => content ?? '').join(''),
    reasoning: deltas.map((delta) => ('reasoning_content' in delta ? String(delta.reasoning_content ?? '') : '')).join(''),
    finish: chunks.flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason)).filter((reason) => reason !== null),
    usage: chunks.flatMap(({ usage }) => (usage ? [usage] : [])),
    calls: gather(deltas),
  };
}

function gather(deltas: readonly OpenAI.ChatCompletionChunk.Choice.Delta[]) {
  const calls: { id: string; name: string; args: string; fragments: number }[] = [];
  for (const { tool_calls = [] } of deltas) {
    for (const call of tool_calls) {
      const known = calls[call.index] ?? { id: '', name: '', args: '', fragments: 0 };
      calls[call.index] = {
        id: known.id + (call.id ?? ''),
        name: known.name + (call.function?.name ?? ''),
        args: known.args + (call.function?.arguments ?? ''),
        fragments: known.fragments + 1,
      };
    }
  }
  return calls;
}

describe('the sandbox', () => {
  it('answers at once, and says that it is one', async () => {
    const answer = await client.chat.completions.create({ model: 'sandbox/echo', messages: user('Hello there') });
    expect(answer.object).toBe('chat.completion');
    expect(answer.choices[0]?.message.content).toContain('Hello there');
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('streams, with usage where it is asked for', async () => {
    const { text, finish, usage, chunks } = await collect('sandbox/echo', { stream_options: { include_usage: true } });
    expect(text).toContain('Hello there');
    expect(finish).toEqual(['stop']);
    expect(usage).toHaveLength(1);
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect((await collect('sandbox/echo')).usage).toEqual([]);
  });

  it('calls tools, and goes on with their results', async () => {
    const asked = await client.chat.completions.create({ model: 'sandbox/tools', messages: user('Weather?'), tools: [WEATHER] });
    const [call] = asked.choices[0]?.message.tool_calls ?? [];
    expect(asked.choices[0]?.finish_reason).toBe('tool_calls');
    if (call?.type !== 'function') throw new Error('no function call');
    expect(JSON.parse(call.function.arguments)).toMatchObject({ city: expect.any(String), days: expect.any(Number) });
    const answer = await client.chat.completions.create({
      model: 'sandbox/tools',
      tools: [WEATHER],
      messages: [
        ...user('Weather?'),
        { role: 'assistant', tool_calls: [call] },
        { role: 'tool', tool_call_id: call.id, content: 'rain-7' },
      ],
    });
    expect(answer.choices[0]?.message.content).toContain('rain-7');
  });
});

// The same questions to a vendor of the caller's own dialect and to one of the other: a client cannot tell them apart.
describe.each([
  { provider: 'up', of: 'its own dialect' },
  { provider: 'ant', of: "the other vendor's dialect" },
])('an upstream of $of', ({ provider }) => {
  it('answers at once', async () => {
    const answer = await client.chat.completions.create({ model: `${provider}/ok/text?words=5`, messages: user('Hello') });
    expect(answer.object).toBe('chat.completion');
    expect(answer.choices).toHaveLength(1);
    expect(answer.choices[0]?.message).toMatchObject({ role: 'assistant', content: 'w0 w1 w2 w3 w4' });
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 });
  });

  it('streams text', async () => {
    const { text, finish, chunks } = await collect(`${provider}/ok/multibyte`, { stream_options: { include_usage: true } });
    expect(text).toBe('Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done');
    expect(finish).toEqual(['stop']);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.every(({ object }) => object === 'chat.completion.chunk')).toBe(true);
  });

  it('reports usage in one chunk of its own, only to who asked', async () => {
    const { usage, chunks } = await collect(`${provider}/ok/text?words=7`, { stream_options: { include_usage: true } });
    expect(usage).toEqual([expect.objectContaining({ prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 })]);
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect((await collect(`${provider}/ok/text?words=7`)).usage).toEqual([]);
  });

  it('calls several tools, arguments whole', async () => {
    const answer = await client.chat.completions.create({
      model: `${provider}/ok/tools?calls=3`,
      messages: user('Weather?'),
      tools: [WEATHER],
    });
    const calls = answer.choices[0]?.message.tool_calls ?? [];
    expect(answer.choices[0]?.finish_reason).toBe('tool_calls');
    expect(
      calls.map((call) => (call.type === 'function' ? [call.id, call.function.name, JSON.parse(call.function.arguments)] : [])),
    ).toEqual([
      ['call_1', 'get_weather', { city: 'Zürich', days: 1 }],
      ['call_2', 'get_weather', { city: 'Oslo', days: 2 }],
      ['call_3', 'get_weather', { city: 'Lima', days: 3 }],
    ]);
  });

  it('streams the arguments of several tools in fragments', async () => {
    const { calls, finish, text } = await collect(`${provider}/ok/tools?calls=3`, { tools: [WEATHER] });
    expect(text).toBe('Let me look.');
    expect(finish).toEqual(['tool_calls']);
    expect(calls.map(({ id, name, args }) => [id, name, JSON.parse(args)])).toEqual([
      ['call_1', 'get_weather', { city: 'Zürich', days: 1 }],
      ['call_2', 'get_weather', { city: 'Oslo', days: 2 }],
      ['call_3', 'get_weather', { city: 'Lima', days: 3 }],
    ]);
    for (const { fragments } of calls) expect(fragments).toBeGreaterThan(2);
  });

  it('shows reasoning beside the text, never in it', async () => {
    const { text, reasoning } = await collect(`${provider}/ok/thinking`, { reasoning_effort: 'low' });
    expect(text).toBe('The answer.');
    expect(reasoning).toBe('First this, then that.');
  });

  it('parses a structured answer', async () => {
    const answer = await client.chat.completions.parse({
      model: `${provider}/ok/json`,
      messages: user('Who?'),
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'person',
          strict: true,
          schema: {
            type: 'object',
            properties: { name: { type: 'string' }, age: { type: 'integer' } },
            required: ['name', 'age'],
            additionalProperties: false,
          },
        },
      },
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual(PERSON);
  });

  it('says that the limit cut the answer', async () => {
    expect((await collect(`${provider}/ok/length`)).finish).toEqual(['length']);
  });

  it("fails with the SDK's own classes", async () => {
    const ask = (model: string) => client.chat.completions.create({ model, messages: user('Hello') });
    await expect(ask(`${provider}/fault/status?code=400&message=too+long`)).rejects.toThrow(BadRequestError);
    await expect(ask(`${provider}/fault/status?code=400&message=too+long`)).rejects.toThrow('too long');
    await expect(ask(`${provider}/ok/no-such-script`)).rejects.toThrow(NotFoundError);
    await expect(ask(`${provider}/fault/status?code=401`)).rejects.toMatchObject({ status: 502, code: 'upstream_credential' });
  });

  it('breaks off with an error that the SDK throws, after the text that came', async () => {
    const stream = await client.chat.completions.create({
      model: `${provider}/fault/reset?n=6`,
      messages: user('Hello'),
      stream: true,
    });
    let text = '';
    const reading = (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    })();
    await expect(reading).rejects.toMatchObject({ code: 'upstream_interrupted' });
    expect(text).toMatch(/^w0 w1 w2/);
  });
});

describe('errors and lists', () => {
  it('refuses a wrong key and a missing one', async () => {
    const wrong = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'weir_dev_wrong', maxRetries: 0 });
    await expect(wrong.models.list()).rejects.toThrow(AuthenticationError);
    const asking = wrong.chat.completions.create({ model: 'sandbox/echo', messages: user('Hello') });
    await expect(asking).rejects.toMatchObject({ status: 401, code: 'invalid_key', requestID: expect.stringMatching(/.+/) });
  });

  it('does not know a model that nobody configured', async () => {
    const asking = client.chat.completions.create({ model: 'nobody/nothing', messages: user('Hello') });
    await expect(asking).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  });

  it('hands on when to come back', async () => {
    const asking = client.chat.completions.create({ model: 'one-try', messages: user('Hello') });
    await expect(asking).rejects.toThrow(RateLimitError);
    const error = await asking.catch((thrown: unknown) => thrown);
    expect(error instanceof RateLimitError && error.headers?.get('retry-after')).toBe('7');
  });

  it('keeps the SDK from retrying what a retry cannot mend', async () => {
    const retrying = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 2 });
    const asking = retrying.chat.completions.create({ model: 'up/fault/status?code=401&id=sdk-retry', messages: user('Hello') });
    await expect(asking).rejects.toMatchObject({ status: 502 });
    expect(gateway.upstream.journal.of('id=sdk-retry')).toHaveLength(1);
  });

  it('lists models and shows one', async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toContain('one-try');
    expect(ids.some((id) => id.startsWith('sandbox/'))).toBe(true);
    expect(await client.models.retrieve('one-try')).toMatchObject({ id: 'one-try', object: 'model' });
  });
});
