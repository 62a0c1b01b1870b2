import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI as Current, type Part } from '@google/genai';
import { generateText, isStepCount, jsonSchema, streamText, tool } from 'ai';
import { GoogleGenAI as Earlier } from 'google-genai-1';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { ANSWER, type Reasoner, startReasoner, TOOL_TURNS } from '../upstream/reasoner.ts';
import { anthropicReasoner, geminiReasoner } from '../upstream/reasoner-wires.ts';

// Loops of five tool calls with a vendor that refuses every call which does not bring its signatures back as it gave them.

let gateway: TestGateway;
let reasoner: Reasoner;
let counter: Awaited<ReturnType<typeof startCounter>>;
beforeAll(async () => {
  [gateway, reasoner, counter] = await Promise.all([
    startTestGateway(),
    startReasoner([geminiReasoner, anthropicReasoner]),
    startCounter(),
  ]);
  const document = {
    providers: {
      gem: { like: 'google', baseUrl: `${reasoner.origin}/v1beta`, key: { value: 'k' } },
      ant: { like: 'anthropic', baseUrl: reasoner.origin, key: { value: 'k' } },
      counts: { like: 'google', baseUrl: `${counter.origin}/v1beta`, key: { value: 'counting-key' } },
    },
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
});
afterAll(async () => {
  await gateway?.stop();
  await reasoner?.close();
  counter?.close();
});

const STEP = {
  name: 'step',
  parametersJsonSchema: { type: 'object', properties: { step: { type: 'integer' }, of: { type: 'string' } }, required: ['step', 'of'] },
};

/** A chat as the library keeps it, every event of a stream a content of its own; it answers calls until there are none. */
async function chatLoop(client: Earlier, model: string, isStreamed: boolean): Promise<{ readonly answer: string; readonly calls: number }> {
  const config = {
    tools: [{ functionDeclarations: [STEP] }],
    thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 },
    maxOutputTokens: 4096,
  };
  const chat = client.chats.create({ model, config });
  let message: string | Part[] = 'Take five steps.';
  let calls = 0;
  for (let turn = 0; turn < 10; turn++) {
    const parts: Part[] = [];
    if (isStreamed) {
      for await (const event of await chat.sendMessageStream({ message: message as string }))
        parts.push(...((event.candidates?.[0]?.content?.parts ?? []) as Part[]));
    } else parts.push(...(((await chat.sendMessage({ message: message as string })).candidates?.[0]?.content?.parts ?? []) as Part[]));
    const called = parts.flatMap(({ functionCall }) => functionCall ?? []);
    if (called.length === 0) return { answer: parts.map(({ text, thought }) => (thought === true ? '' : (text ?? ''))).join(''), calls };
    calls += called.length;
    message = called.map((call) => ({
      functionResponse: { ...(call.id === undefined ? {} : { id: call.id }), name: call.name ?? '', response: { output: 'done' } },
    }));
  }
  throw new Error('the loop does not end');
}

let marks = 0;
const marked = (provider: string) => `${provider}/gemini-3-mark-g${marks++}`;

describe.each([
  { name: '3.x', Sdk: Current as unknown as typeof Earlier },
  { name: '1.x', Sdk: Earlier },
])('a chat of the $name library', ({ Sdk }) => {
  describe.each(['gem', 'ant'])('with a vendor that wants its signatures back: %s', (provider) => {
    it.each([false, true])('reaches its end, streamed: %s', async (isStreamed) => {
      const client = new Sdk({ apiKey: KEY, httpOptions: { baseUrl: gateway.url } });
      const before = reasoner.refusals.length;
      const { answer, calls } = await chatLoop(client, marked(provider), isStreamed);
      expect(reasoner.refusals.slice(before)).toEqual([]);
      expect(answer).toBe(ANSWER);
      expect(calls).toBe(TOOL_TURNS + 1);
    });
  });
});

describe('the AI SDK', () => {
  const tools = () => ({
    step: tool({
      description: 'A step',
      inputSchema: jsonSchema<{ step: number; of: string }>(STEP.parametersJsonSchema as object),
      execute: async () => 'done',
    }),
  });
  const google = () => createGoogleGenerativeAI({ baseURL: `${gateway.url}/v1beta`, apiKey: KEY });

  it.each(['gem', 'ant'])('generates and streams with %s', async (provider) => {
    const model = () => google()(marked(provider));
    const providerOptions = { google: { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } } };
    const common = { prompt: 'Take five steps.', stopWhen: isStepCount(10), maxRetries: 0, maxOutputTokens: 4096, providerOptions };
    const before = reasoner.refusals.length;
    const whole = await generateText({ model: model(), tools: tools(), ...common });
    expect(reasoner.refusals.slice(before)).toEqual([]);
    expect(whole.text).toBe(ANSWER);
    expect(whole.steps).toHaveLength(TOOL_TURNS + 1);
    const streamed = streamText({ model: model(), tools: tools(), ...common });
    expect(await streamed.text).toBe(ANSWER);
    expect(await streamed.finishReason).toBe('stop');
    expect(reasoner.refusals.slice(before)).toEqual([]);
  });
});

describe("Anthropic's library with a Gemini that wants its signatures back", () => {
  it.each([false, true])('reaches its end, streamed: %s', async (isStreamed) => {
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
    const tools = [{ name: 'step', input_schema: { ...STEP.parametersJsonSchema, type: 'object' as const } }];
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'Take five steps.' }];
    const model = marked('gem');
    let text: string | undefined;
    for (let turn = 0; turn < 10 && text === undefined; turn++) {
      const params = { model, messages, tools, max_tokens: 4096, thinking: { type: 'enabled' as const, budget_tokens: 2048 } };
      const message = isStreamed ? await anthropic.messages.stream(params).finalMessage() : await anthropic.messages.create(params);
      const calls = message.content.flatMap((block) => (block.type === 'tool_use' ? [block] : []));
      if (calls.length === 0) text = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
      messages.push({ role: 'assistant', content: message.content });
      messages.push({ role: 'user', content: calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'done' })) });
    }
    expect(text).toBe(ANSWER);
  });
});

/** A vendor that does nothing but count. */
async function startCounter() {
  const seen: { readonly path: string; readonly key: string | undefined; readonly body: object }[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += String(piece);
    seen.push({ path: request.url ?? '', key: request.headers['x-goog-api-key'] as string | undefined, body: JSON.parse(text) });
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"totalTokens":4711}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close: () => server.close() };
}

describe('tokens', () => {
  it.each([
    { name: '3.x', Sdk: Current as unknown as typeof Earlier },
    { name: '1.x', Sdk: Earlier },
  ])('are counted by the vendor itself: the $name library', async ({ Sdk }) => {
    const client = new Sdk({ apiKey: KEY, httpOptions: { baseUrl: gateway.url } });
    expect((await client.models.countTokens({ model: 'counts/gemini-x', contents: 'How many?' })).totalTokens).toBe(4711);
    expect(counter.seen.at(-1)).toMatchObject({ path: '/v1beta/models/gemini-x:countTokens', key: 'counting-key' });
  });

  it('are counted of a whole call, whose model is the one that is asked', async () => {
    const generateContentRequest = {
      model: 'models/alias',
      contents: [{ parts: [{ text: 'x' }] }],
      systemInstruction: { parts: [{ text: 'y' }] },
    };
    const response = await fetch(`${gateway.url}/v1beta/models/counts/gemini-x:countTokens`, {
      method: 'POST',
      headers: { 'x-goog-api-key': KEY, 'content-type': 'application/json' },
      body: JSON.stringify({ generateContentRequest }),
    });
    expect(await response.json()).toEqual({ totalTokens: 4711 });
    expect(counter.seen.at(-1)?.body).toEqual({ generateContentRequest: { ...generateContentRequest, model: 'models/gemini-x' } });
  });
});
