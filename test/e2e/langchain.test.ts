import { ChatAnthropic } from '@langchain/anthropic';
import type { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage, type AIMessageChunk, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { PERSON } from '../upstream/answer.ts';

// LangChain.js's two chat models, each onto the vendor of its own dialect and onto the one of the other.

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const chats = {
  openai: (model: string) => new ChatOpenAI({ model, apiKey: KEY, configuration: { baseURL: `${gateway.url}/v1` }, maxRetries: 0 }),
  anthropic: (model: string) => new ChatAnthropic({ model, apiKey: KEY, anthropicApiUrl: gateway.url, maxTokens: 256, maxRetries: 0 }),
};

const WEATHER_SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city', 'days'],
} as const;
const weather = tool(({ city, days }: { city: string; days: number }) => `rain in ${city} for ${days}`, {
  name: 'get_weather',
  description: 'The weather of a city',
  schema: WEATHER_SCHEMA,
});
const PERSON_SCHEMA = {
  title: 'person',
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
};
const CALLS = [
  { name: 'get_weather', args: { city: 'Zürich', days: 1 } },
  { name: 'get_weather', args: { city: 'Oslo', days: 2 } },
];

const textOf = ({ content }: AIMessage | AIMessageChunk): string =>
  typeof content === 'string'
    ? content
    : content.map((block) => ('text' in block && typeof block.text === 'string' ? block.text : '')).join('');

/** The chunks of a stream as one message. */
async function streamed(opening: Promise<AsyncIterable<AIMessageChunk>>): Promise<AIMessageChunk> {
  const chunks: AIMessageChunk[] = [];
  for await (const chunk of await opening) chunks.push(chunk);
  return chunks.reduce((whole, chunk) => whole.concat(chunk));
}

let count = 0;
const marked = (model: string) => {
  const id = `lc-${count++}`;
  return { model: `${model}${model.includes('?') ? '&' : '?'}id=${id}`, sent: () => gateway.upstream.journal.of(`id=${id}`) };
};

describe.each([
  { client: 'openai', provider: 'up' },
  { client: 'openai', provider: 'ant' },
  { client: 'anthropic', provider: 'ant' },
  { client: 'anthropic', provider: 'up' },
] as const)("$client's chat model, $provider", ({ client, provider }) => {
  const chat = (model: string): Required<Pick<BaseChatModel, 'invoke' | 'stream' | 'bindTools'>> => chats[client](`${provider}/${model}`);

  it('is answered', async () => {
    const { model, sent } = marked('ok/text?words=5');
    const message = await chat(model).invoke([new SystemMessage('Be brief.'), new HumanMessage('Hello')]);
    expect(textOf(message)).toBe('w0 w1 w2 w3 w4');
    expect(message.usage_metadata).toMatchObject({ input_tokens: 11, output_tokens: 5 });
    expect(sent()[0]?.body.toString()).toContain('Be brief.');
  });

  it('streams', async () => {
    const chunks: AIMessageChunk[] = [];
    for await (const chunk of await chat('ok/multibyte').stream('Hello')) chunks.push(chunk);
    const texts = chunks.map(textOf);
    expect(texts.join('')).toBe('Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done');
    expect(texts.filter((text) => text !== '').length).toBeGreaterThan(2);
    // Of Anthropic's stream it reads the input's count in the first event, when other vendors have not told it yet.
    const isTold = client === 'openai' || provider === 'ant';
    const whole = chunks.reduce((before, chunk) => before.concat(chunk));
    expect(whole.usage_metadata).toMatchObject({ input_tokens: isTold ? 11 : 0, output_tokens: expect.any(Number) });
  });

  it.each(['whole', 'streamed'])('calls tools in parallel, %s, and is told what they answered', async (way) => {
    const { model, sent } = marked('ok/tools?calls=2');
    const bound = chat(model).bindTools([weather]);
    const asked = new HumanMessage('Weather?');
    const answer = way === 'whole' ? await bound.invoke([asked]) : await streamed(bound.stream([asked]));
    expect(textOf(answer)).toBe('Let me look.');
    expect(answer.tool_calls).toMatchObject(CALLS);
    const results = (answer.tool_calls ?? []).map(
      ({ id = '', args }) => new ToolMessage({ tool_call_id: id, content: `rain in ${args.city} for ${args.days}` }),
    );
    await bound.invoke([asked, new AIMessage({ content: answer.content, tool_calls: answer.tool_calls ?? [] }), ...results]);
    const [first, second] = sent().map(({ body }) => body.toString());
    expect(first).toContain('"days":{"type":"integer"}');
    expect(second).toContain('rain in Zürich for 1');
    expect(second).toContain('rain in Oslo for 2');
    expect(second?.match(/call_2/g)).toHaveLength(2);
  });

  it('is told which tool to use', async () => {
    const { model, sent } = marked('ok/tools?calls=1');
    await chat(model).bindTools([weather], { tool_choice: 'get_weather' }).invoke('Weather?');
    const { tool_choice: choice } = JSON.parse(sent()[0]?.body.toString() ?? '{}');
    expect(choice).toEqual(
      provider === 'up'
        ? { type: 'function', function: { name: 'get_weather' } }
        : expect.objectContaining({ type: 'tool', name: 'get_weather' }),
    );
  });
});

describe('structured output', () => {
  it.each(['up', 'ant'])('of %s is an object', async (provider) => {
    const { model, sent } = marked(`${provider}/ok/json`);
    const person = await chats.openai(model).withStructuredOutput(PERSON_SCHEMA, { method: 'jsonSchema' }).invoke('Who?');
    expect(person).toEqual(PERSON);
    expect(sent()[0]?.body.toString()).toContain('"age":{"type":"integer"}');
  });
});

describe('thinking', () => {
  it('comes to the chat model of Anthropic, and goes back signed', async () => {
    const { model, sent } = marked('ant/ok/thinking');
    const chat = new ChatAnthropic({
      model,
      apiKey: KEY,
      anthropicApiUrl: gateway.url,
      maxTokens: 4096,
      maxRetries: 0,
      thinking: { type: 'enabled', budget_tokens: 1024 },
    });
    const answer = await chat.invoke('Hello');
    await chat.invoke([new HumanMessage('Hello'), answer, new HumanMessage('Go on.')]);
    const { messages } = JSON.parse(sent()[1]?.body.toString() ?? '{}');
    expect(messages[1].content[0]).toMatchObject({ type: 'thinking', thinking: 'First this, then that.', signature: 'c2lnbmVk' });
  });
});
