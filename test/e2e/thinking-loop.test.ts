import Anthropic from '@anthropic-ai/sdk';
import { createGateway, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dialects } from '../../src/dialects/index.ts';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { ANSWER, type Body, type Reasoner, type ReasonerWire, startReasoner, TOOL_TURNS, WITHOUT_IDS } from '../upstream/reasoner.ts';
import { anthropicReasoner, bedrockReasoner, geminiReasoner, responsesReasoner } from '../upstream/reasoner-wires.ts';

// An agent's loop of five tool calls, with a model that thinks before each and whose vendor refuses every call that does
// not bring its signatures back. Every client dialect against every vendor that signs; clients that send back all that
// they were told, and clients that keep nothing but what the dialect documents.

interface Vendor {
  readonly dialect: string;
  readonly wire: ReasonerWire;
  /** The provider as a configuration writes it. */
  provider(origin: string): object;
}

const every: readonly Vendor[] = [
  { dialect: 'anthropic', wire: anthropicReasoner, provider: (origin) => ({ like: 'anthropic', baseUrl: origin, key: { value: 'k' } }) },
  {
    dialect: 'gemini',
    wire: geminiReasoner,
    provider: (origin) => ({ like: 'google', baseUrl: `${origin}/v1beta`, dialects: { gemini: `${origin}/v1beta` }, key: { value: 'k' } }),
  },
  {
    dialect: 'bedrock',
    wire: bedrockReasoner,
    provider: (origin) => ({ like: 'openai', baseUrl: origin, dialects: ['bedrock'], key: { value: 'k' } }),
  },
  {
    dialect: 'openai-responses',
    wire: responsesReasoner,
    provider: (origin) => ({ like: 'openai', baseUrl: `${origin}/v1`, dialects: ['openai-responses'], key: { value: 'k' } }),
  },
];
const vendors = every.filter(({ dialect }) => dialects.some(({ id }) => id === dialect));

/** Runs the loop to its end, and returns the answer and how many tool calls were made on the way. */
type Loop = (url: string, model: string, stream: boolean) => Promise<{ readonly answer: string; readonly results: number }>;

const PROMPT = 'Take five steps.';
const SCHEMA = { type: 'object' as const, properties: { step: { type: 'integer' }, of: { type: 'string' } }, required: ['step', 'of'] };
const resultOf = (args: string) => `done ${JSON.parse(args).step}`;

interface Client {
  readonly name: string;
  readonly dialect: string;
  readonly loop: Loop;
}

/** Chat Completions; `keep` is what the client holds of a message when it sends it back. */
const chatLoop =
  (keep: (message: Body) => Body): Loop =>
  async (url, model, stream) => {
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });
    const messages: Body[] = [{ role: 'user', content: PROMPT }];
    const tools = [{ type: 'function' as const, function: { name: 'step', parameters: SCHEMA } }];
    let results = 0;
    for (let turn = 0; turn < 10; turn++) {
      const params = { model, messages, tools, reasoning_effort: 'medium' as const, max_completion_tokens: 4096 };
      const message: Body = stream
        ? await streamedMessage(openai, params)
        : (await openai.chat.completions.create(params)).choices[0]?.message;
      if (!message.tool_calls?.length) return { answer: message.content, results };
      messages.push(keep(message));
      for (const call of message.tool_calls) {
        results++;
        messages.push({ role: 'tool', tool_call_id: call.id, content: resultOf(call.function.arguments) });
      }
    }
    throw new Error('the loop does not end');
  };

/** Deltas put together as agents do it that know no more than the dialect: unknown fields are kept where they stand whole. */
async function streamedMessage(openai: OpenAI, params: Body): Promise<Body> {
  const message: Body = { role: 'assistant', content: '' };
  const calls: Body[] = [];
  const chunks: AsyncIterable<OpenAI.ChatCompletionChunk> = await openai.chat.completions.create({
    ...(params as OpenAI.ChatCompletionCreateParamsNonStreaming),
    stream: true,
  });
  for await (const { choices } of chunks) {
    const delta: Body = choices[0]?.delta ?? {};
    message.content += delta.content ?? '';
    for (const { index, function: called, ...call } of delta.tool_calls ?? []) {
      calls[index] ??= { function: { name: '', arguments: '' } };
      Object.assign(calls[index], call);
      calls[index].function.name += called?.name ?? '';
      calls[index].function.arguments += called?.arguments ?? '';
    }
    if (delta.thinking_blocks) message.thinking_blocks = [...(message.thinking_blocks ?? []), ...delta.thinking_blocks];
  }
  return { ...message, content: message.content || null, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
}

const documented = ({ role, content, tool_calls }: Body): Body => ({
  role,
  content,
  tool_calls: tool_calls.map(({ id, type, function: { name, arguments: args } }: Body) => ({
    id,
    type,
    function: { name, arguments: args },
  })),
});

const messagesLoop: Loop = async (url, model, stream) => {
  const anthropic = new Anthropic({ baseURL: url, apiKey: KEY, maxRetries: 0 });
  const messages: Body[] = [{ role: 'user', content: PROMPT }];
  const tools = [{ name: 'step', input_schema: SCHEMA }];
  let results = 0;
  for (let turn = 0; turn < 10; turn++) {
    const params = { model, messages, tools, max_tokens: 4096, thinking: { type: 'enabled' as const, budget_tokens: 2048 } };
    const message = stream ? await anthropic.messages.stream(params).finalMessage() : await anthropic.messages.create(params);
    const calls = message.content.filter((block) => block.type === 'tool_use');
    if (calls.length === 0)
      return { answer: message.content.flatMap((block) => (block.type === 'text' ? block.text : [])).join(''), results };
    results += calls.length;
    messages.push({ role: 'assistant', content: message.content });
    messages.push({
      role: 'user',
      content: calls.map(({ id, input }) => ({ type: 'tool_result', tool_use_id: id, content: resultOf(JSON.stringify(input)) })),
    });
  }
  throw new Error('the loop does not end');
};

/** Responses; `chained` leaves the history to the gateway. */
const responsesLoop =
  (chained: boolean): Loop =>
  async (url, model, stream) => {
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });
    const history: Body[] = [];
    let input: Body[] = [{ role: 'user', content: PROMPT }];
    let previous: string | undefined;
    let results = 0;
    for (let turn = 0; turn < 10; turn++) {
      history.push(...input);
      const params: Body = {
        model,
        input: chained ? input : history,
        tools: [{ type: 'function', name: 'step', parameters: SCHEMA, strict: false }],
        reasoning: { effort: 'medium' },
        include: ['reasoning.encrypted_content'],
        store: chained,
        ...(previous === undefined ? {} : { previous_response_id: previous }),
      };
      const response: Body = stream ? await openai.responses.stream(params).finalResponse() : await openai.responses.create(params);
      const calls = response.output.filter(({ type }: Body) => type === 'function_call');
      if (calls.length === 0) return { answer: response.output_text, results };
      results += calls.length;
      if (chained) previous = response.id;
      history.push(...response.output);
      input = calls.map((call: Body) => ({ type: 'function_call_output', call_id: call.call_id, output: resultOf(call.arguments) }));
    }
    throw new Error('the loop does not end');
  };

/** The AI SDK runs the loop itself, and keeps a part's metadata to send it back as the part's options. */
const aiSdkLoop: Loop = async (url, model, stream) => {
  let results = 0;
  const step = tool({
    inputSchema: jsonSchema<Body>(SCHEMA),
    execute: (input) => {
      results++;
      return resultOf(JSON.stringify(input));
    },
  });
  const models = createGateway({ baseURL: `${url}/v4/ai`, apiKey: KEY });
  const options = {
    model: models(model),
    prompt: PROMPT,
    tools: { step },
    stopWhen: stepCountIs(10),
    reasoning: 'medium',
    maxRetries: 0,
  } as const;
  const answer = await (stream ? streamText(options).text : (await generateText(options)).text);
  return { answer, results };
};

/** One call without an SDK; `pieces` are the JSON texts of a stream's lines or events. */
async function post(url: string, body: object): Promise<readonly Body[]> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  const pieces = text.split('\n').map((line) => line.replace(/^data: ?/, ''));
  return pieces.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Body);
}

/** Ollama's documented messages: text, and calls of a name with arguments. They have no ids, and nothing for signatures. */
const ollamaLoop: Loop = async (url, model, stream) => {
  const messages: Body[] = [{ role: 'user', content: PROMPT }];
  const tools = [{ type: 'function', function: { name: 'step', parameters: SCHEMA } }];
  let results = 0;
  for (let turn = 0; turn < 10; turn++) {
    const lines = await post(`${url}/api/chat`, { model, messages, tools, think: true, stream });
    const content = lines.map(({ message }) => message?.content ?? '').join('');
    const calls = lines.flatMap(({ message }) => message?.tool_calls ?? []);
    if (calls.length === 0) return { answer: content, results };
    results += calls.length;
    const kept = calls.map(({ function: { name, arguments: args } }: Body) => ({ function: { name, arguments: args } }));
    messages.push({ role: 'assistant', content, tool_calls: kept });
    for (const { function: called } of calls) {
      messages.push({ role: 'tool', tool_name: called.name, content: resultOf(JSON.stringify(called.arguments)) });
    }
  }
  throw new Error('the loop does not end');
};

/** Cohere's documented messages: text, plan and calls. */
const cohereLoop: Loop = async (url, model) => {
  const messages: Body[] = [{ role: 'user', content: PROMPT }];
  const tools = [{ type: 'function', function: { name: 'step', parameters: SCHEMA } }];
  let results = 0;
  for (let turn = 0; turn < 10; turn++) {
    const [{ message }] = (await post(`${url}/v2/chat`, { model, messages, tools })) as [Body];
    if (!message.tool_calls?.length) {
      const texts = message.content.filter(({ type }: Body) => type === 'text').map(({ text }: Body) => text);
      return { answer: texts.join(''), results };
    }
    const said = (message.content ?? []).filter(({ type }: Body) => type === 'text');
    messages.push({ role: 'assistant', tool_calls: message.tool_calls, ...(said.length > 0 ? { content: said } : {}) });
    if (message.tool_plan) messages.at(-1).tool_plan = message.tool_plan;
    for (const call of message.tool_calls) {
      results++;
      messages.push({ role: 'tool', tool_call_id: call.id, content: resultOf(call.function.arguments) });
    }
  }
  throw new Error('the loop does not end');
};

/** Gemini's contents, sent back as they came: what Google asks of its clients. */
const geminiLoop: Loop = async (url, model, stream) => {
  const contents: Body[] = [{ role: 'user', parts: [{ text: PROMPT }] }];
  const tools = [{ functionDeclarations: [{ name: 'step', parametersJsonSchema: SCHEMA }] }];
  const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
  let results = 0;
  for (let turn = 0; turn < 10; turn++) {
    const answers = await post(`${url}/v1beta/models/${model}:${verb}`, { contents, tools });
    const parts = answers.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
    const calls = parts.filter(({ functionCall }: Body) => functionCall !== undefined);
    if (calls.length === 0) {
      const texts = parts.filter(({ thought }: Body) => thought !== true).map(({ text }: Body) => text ?? '');
      return { answer: texts.join(''), results };
    }
    results += calls.length;
    // The last event of a stream pads itself with an empty text.
    contents.push({ role: 'model', parts: parts.filter((part: Body) => part.text !== '' || part.thoughtSignature !== undefined) });
    const answered = calls.map(({ functionCall: { id, name, args } }: Body) => ({
      functionResponse: { ...(id === undefined ? {} : { id }), name, response: { output: resultOf(JSON.stringify(args)) } },
    }));
    contents.push({ role: 'user', parts: answered });
  }
  throw new Error('the loop does not end');
};

/** Converse's messages, sent back as they came. */
const converseLoop: Loop = async (url, model) => {
  const messages: Body[] = [{ role: 'user', content: [{ text: PROMPT }] }];
  const toolConfig = { tools: [{ toolSpec: { name: 'step', inputSchema: { json: SCHEMA } } }] };
  let results = 0;
  for (let turn = 0; turn < 10; turn++) {
    const [answer] = (await post(`${url}/model/${encodeURIComponent(model)}/converse`, { messages, toolConfig })) as [Body];
    const { message } = answer.output;
    const calls = message.content.flatMap(({ toolUse }: Body) => toolUse ?? []);
    if (calls.length === 0) return { answer: message.content.map(({ text }: Body) => text ?? '').join(''), results };
    results += calls.length;
    messages.push(message);
    const answered = calls.map(({ toolUseId, input }: Body) => ({
      toolResult: { toolUseId, content: [{ text: resultOf(JSON.stringify(input)) }] },
    }));
    messages.push({ role: 'user', content: answered });
  }
  throw new Error('the loop does not end');
};

const clients: readonly Client[] = [
  { name: 'chat that rebuilds its messages', dialect: 'openai-chat', loop: chatLoop(documented) },
  { name: 'chat that sends all back', dialect: 'openai-chat', loop: chatLoop((message) => message) },
  { name: 'Messages', dialect: 'anthropic', loop: messagesLoop },
  { name: 'the AI SDK', dialect: 'ai-sdk-gateway', loop: aiSdkLoop },
  { name: 'Responses, without state', dialect: 'openai-responses', loop: responsesLoop(false) },
  { name: 'Responses, chained', dialect: 'openai-responses', loop: responsesLoop(true) },
  { name: 'Ollama', dialect: 'ollama', loop: ollamaLoop },
  { name: 'Cohere', dialect: 'cohere', loop: cohereLoop },
  { name: 'Gemini', dialect: 'gemini', loop: geminiLoop },
  { name: 'Converse', dialect: 'bedrock', loop: converseLoop },
].filter(({ dialect }) => dialects.some(({ id }) => id === dialect));

let gateway: TestGateway;
let reasoner: Reasoner;
beforeAll(async () => {
  [gateway, reasoner] = await Promise.all([startTestGateway(), startReasoner(vendors.map(({ wire }) => wire))]);
  const providers = Object.fromEntries(vendors.map(({ dialect, provider }) => [dialect, provider(reasoner.origin)]));
  const published = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ providers }) });
  if (!published.ok) throw new Error(await published.text());
});
afterAll(async () => {
  await gateway?.stop();
  await reasoner?.close();
});

// A chain of a vendor's own is kept by the vendor, and this one keeps nothing.
const pairs = clients
  .flatMap((client) => vendors.map((vendor) => ({ client, vendor })))
  .filter(({ client, vendor }) => !(client.name === 'Responses, chained' && vendor.dialect === 'openai-responses'));

describe.each(pairs)('$client.name, model of $vendor.dialect', ({ client, vendor }) => {
  it.each([
    ['whole', false],
    ['streamed', true],
  ])('five tool calls, %s', async (_, stream) => {
    const before = reasoner.refusals.length;
    const mark = (client.dialect === 'ollama' ? WITHOUT_IDS : '') + Math.random().toString(36).slice(2, 10);
    const loop = client.loop(gateway.url, `${vendor.dialect}/mark-${mark}`, stream);
    await expect(
      loop.catch((error: unknown) => Promise.reject(new Error(`${error}\n${reasoner.refusals.slice(before).join('\n')}`))),
    ).resolves.toEqual({
      answer: ANSWER,
      results: TOOL_TURNS + 1,
    });
    expect(reasoner.refusals.slice(before)).toEqual([]);
  });
});

it('needs the store: a client that rebuilds its messages is refused by the vendor where nothing is kept', async () => {
  const plain = await startTestGateway({}, { WEIR_SECRET: '' });
  const [vendor] = vendors;
  try {
    const providers = { anthropic: vendor?.provider(reasoner.origin) };
    await plain.admin('/config', { method: 'PUT', body: JSON.stringify({ providers }) });
    await expect(chatLoop(documented)(plain.url, 'anthropic/mark-plain', false)).rejects.toThrow('turn 0 came back as');
    await expect(chatLoop((message) => message)(plain.url, 'anthropic/mark-plain', false)).resolves.toMatchObject({ answer: ANSWER });
  } finally {
    await plain.stop();
  }
});
