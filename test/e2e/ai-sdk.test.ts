import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogle } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { PERSON } from '../upstream/answer.ts';

// The AI SDK's own providers of the vendors' dialects, each onto an upstream of OpenAI's chat and of Anthropic's.

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const clients = {
  'openai-compatible': (model: string) =>
    createOpenAICompatible({
      name: 'weir',
      baseURL: `${gateway.url}/v1`,
      apiKey: KEY,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })(model),
  anthropic: (model: string) => createAnthropic({ baseURL: `${gateway.url}/v1`, apiKey: KEY })(model),
  'openai, Responses': (model: string) => createOpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY }).responses(model),
  // It puts the model into the URL as it is.
  google: (model: string) => createGoogle({ baseURL: `${gateway.url}/v1beta`, apiKey: KEY })(encodeURIComponent(model)),
} as const;

const names = ['openai-compatible', 'anthropic', 'openai, Responses', 'google'] as const;
const pairs = names.flatMap((client) => (['up', 'ant'] as const).map((provider) => ({ client, provider })));

describe.each(pairs)("$client's provider, $provider", ({ client, provider }) => {
  const model = (name: string) => clients[client](`${provider}/${name}`);
  const mark = `${client}-${provider}`.replaceAll(/\W/g, '');

  it('answers at once', async () => {
    const { text, finishReason, usage } = await generateText({ model: model('ok/text?words=5'), prompt: 'Hello', maxRetries: 0 });
    expect(text).toBe('w0 w1 w2 w3 w4');
    expect(finishReason).toBe('stop');
    expect(usage).toMatchObject({ inputTokens: 11, outputTokens: 5 });
  });

  it('streams', async () => {
    const result = streamText({ model: model('ok/multibyte'), prompt: 'Hello', maxRetries: 0 });
    const deltas: string[] = [];
    for await (const delta of result.textStream) deltas.push(delta);
    expect(deltas.join('')).toBe('Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done');
    expect(deltas.length).toBeGreaterThan(2);
    expect(await result.finishReason).toBe('stop');
    expect((await result.usage).inputTokens).toBe(11);
  });

  it('makes objects', async () => {
    const schema = jsonSchema<typeof PERSON>({
      type: 'object',
      properties: { name: { type: 'string' }, age: { type: 'integer' } },
      required: ['name', 'age'],
      additionalProperties: false,
    });
    const { output } = await generateText({ model: model('ok/json'), output: Output.object({ schema }), prompt: 'Who?', maxRetries: 0 });
    expect(output).toEqual(PERSON);
  });

  it.each([
    ['whole', false],
    ['streamed', true],
  ])('calls tools in parallel, %s, and is told what they answered', async (_, stream) => {
    const seen: unknown[] = [];
    const id = `ai-${mark}-${stream}`;
    const getWeather = tool({
      description: 'The weather of a city',
      inputSchema: jsonSchema<{ city: string; days: number }>({
        type: 'object',
        properties: { city: { type: 'string' }, days: { type: 'integer' } },
        required: ['city', 'days'],
      }),
      execute: async (input) => {
        seen.push(input);
        return `rain in ${input.city}`;
      },
    });
    const options = {
      model: model(`ok/tools?calls=2&id=${id}`),
      prompt: 'Weather?',
      tools: { get_weather: getWeather },
      stopWhen: stepCountIs(2),
      maxRetries: 0,
    } as const;
    const steps = await (stream ? streamText(options).steps : (await generateText(options)).steps);
    expect(seen.slice(0, 2)).toEqual([
      { city: 'Zürich', days: 1 },
      { city: 'Oslo', days: 2 },
    ]);
    expect(steps[0]?.text).toBe('Let me look.');
    expect(steps[0]?.finishReason).toBe('tool-calls');
    const second = gateway.upstream.journal.of(`id=${id}`)[1]?.body.toString();
    expect(second).toContain('rain in Zürich');
    expect(second).toContain('rain in Oslo');
  });

  it('reads errors', async () => {
    const error = await generateText({ model: model('ok/nothing'), prompt: 'Hello', maxRetries: 0 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'AI_APICallError', statusCode: 404 });
  });
});

describe('thinking', () => {
  it("of Anthropic's models comes signed to its own provider, and goes back so", async () => {
    const model = clients.anthropic('ant/ok/thinking?id=ai-thinks');
    const providerOptions = { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } } as const;
    const first = await generateText({ model, prompt: 'Hello', providerOptions, maxRetries: 0 });
    expect(first.reasoningText).toBe('First this, then that.');
    const messages = [
      { role: 'user' as const, content: 'Hello' },
      ...first.response.messages,
      { role: 'user' as const, content: 'Go on.' },
    ];
    await generateText({ model, messages, providerOptions, maxRetries: 0 });
    const body = JSON.parse(gateway.upstream.journal.of('id=ai-thinks')[1]?.body.toString() ?? '{}');
    expect(body.messages[1].content[0]).toMatchObject({ type: 'thinking', thinking: 'First this, then that.', signature: 'c2lnbmVk' });
  });

  it('is told to clients of OpenAI chat', async () => {
    const { reasoningText, text } = await generateText({
      model: clients['openai-compatible']('ant/ok/thinking'),
      prompt: 'Hello',
      maxRetries: 0,
    });
    expect(reasoningText).toBe('First this, then that.');
    expect(text).toBe('The answer.');
  });
});
