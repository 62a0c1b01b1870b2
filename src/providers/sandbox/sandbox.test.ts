import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../core/json.ts';
import { FrameSplitter } from '../../core/sse.ts';
import { sandbox } from './index.ts';
import { LABEL } from './schema.ts';

const clock = { now: () => 1_700_000_000_500 };
const never = new AbortController().signal;

type Options = { readonly path?: string; readonly signal?: AbortSignal; readonly method?: 'GET' | 'POST' };

const call = async (model: string, body: Json, { path = '/chat/completions', signal = never, method = 'POST' }: Options = {}) =>
  sandbox.respond({ url: sandbox.baseUrl + path, method, headers: {}, body: JSON.stringify(body), signal }, model, clock);

/** The SDKs' own way into the sandbox: what they parse is what a vendor would have sent. */
const viaSandbox: typeof fetch = async (input, init) => {
  const { model } = JSON.parse(String(init?.body)) as { model: string };
  const request = {
    url: String(input),
    method: 'POST' as const,
    headers: {},
    body: String(init?.body),
    signal: init?.signal ?? never,
  };
  return sandbox.respond(request, model, clock);
};
const openai = new OpenAI({ apiKey: 'x', baseURL: sandbox.baseUrl, fetch: viaSandbox, maxRetries: 0 });
const anthropic = new Anthropic({ apiKey: 'x', baseURL: 'https://sandbox.invalid', fetch: viaSandbox, maxRetries: 0 });

const hello = [{ role: 'user' as const, content: 'good  morning\nto you' }];
const weather = {
  type: 'object' as const,
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 2 } },
  required: ['city', 'days'],
};
const openaiTool = (name: string) => ({ type: 'function' as const, function: { name, parameters: weather } });
const anthropicTool = (name: string) => ({ name, input_schema: weather });

const eventsOf = async (response: Response) =>
  new FrameSplitter().push(await response.bytes()).map(({ event, data }) => (event === undefined ? (data ?? '') : `${event}`));

it('answers with every model it lists', async () => {
  expect(sandbox.models).toContain('echo');
  for (const model of sandbox.models) expect((await call(model, { messages: hello })).status).toBe(model === 'error' ? 500 : 200);
});

describe('sandbox/echo', () => {
  it('says the last message back, word by word, in OpenAI form', async () => {
    const stream = await openai.chat.completions.create({
      model: 'echo',
      messages: hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const pieces = chunks.map((chunk) => chunk.choices[0]?.delta.content).filter((piece) => piece);
    expect(pieces).toEqual([`${LABEL} `, 'good  ', 'morning\n', 'to ', 'you']);
    expect(chunks.at(-1)).toMatchObject({
      model: 'sandbox/echo',
      created: 1_700_000_000,
      choices: [],
      usage: { prompt_tokens: 4, completion_tokens: 5, total_tokens: 9 },
    });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
  });

  it('says it in Anthropic form', async () => {
    const message = await anthropic.messages.stream({ model: 'echo', max_tokens: 100, messages: hello, system: 'be kind' }).finalMessage();
    expect(message).toMatchObject({
      model: 'sandbox/echo',
      stop_reason: 'end_turn',
      content: [{ type: 'text', text: `${LABEL} good  morning\nto you` }],
    });
    expect(message.usage).toMatchObject({ input_tokens: 6, output_tokens: 5 });
  });

  it('answers without a stream exactly what it streams', async () => {
    const chat = await openai.chat.completions.create({ model: 'echo', messages: hello });
    expect(chat.choices[0]?.message).toMatchObject({ role: 'assistant', content: `${LABEL} good  morning\nto you`, refusal: null });
    expect(chat.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 5 });
    const message = await anthropic.messages.create({ model: 'echo', max_tokens: 100, messages: hello });
    expect(message.content).toEqual([{ type: 'text', text: `${LABEL} good  morning\nto you` }]);
  });

  it('is the same every time and says where it comes from', async () => {
    const ask = { stream: true, messages: hello };
    const [one, two] = [await call('sandbox/echo', ask), await call('echo', ask)];
    expect(one.headers.get('x-weir-sandbox')).toBe('echo');
    expect(one.headers.get('content-type')).toBe('text/event-stream');
    expect(await one.text()).toBe(await two.text());
  });

  it('ends an OpenAI stream with [DONE] and no usage nobody asked for', async () => {
    const text = await (await call('echo', { stream: true, messages: hello })).text();
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(text).not.toContain('"usage"');
  });

  it('reports cached input where it is asked to, in each form’s own counting', async () => {
    const chat = await openai.chat.completions.create({ model: 'echo?cached=3', messages: hello });
    expect(chat.usage).toMatchObject({ prompt_tokens: 4, prompt_tokens_details: { cached_tokens: 3 } });
    const message = await anthropic.messages.create({ model: 'echo?cached=99', max_tokens: 9, messages: hello });
    expect(message.usage).toMatchObject({ input_tokens: 0, cache_read_input_tokens: 4 });
  });

  it('stops at max_tokens, and length at exactly that', async () => {
    const chat = await openai.chat.completions.create({ model: 'echo', messages: hello, max_completion_tokens: 2 });
    expect(chat.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: `${LABEL} good  ` } });
    const message = await anthropic.messages.create({ model: 'length', max_tokens: 7, messages: hello });
    expect(message).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 7 } });
    const long = await openai.chat.completions.create({ model: 'long?words=1000', messages: hello });
    expect(long.usage?.completion_tokens).toBe(1001);
  });
});

describe('sandbox/tools', () => {
  it('calls two tools at once, in fragments, in both forms', async () => {
    const messages = [{ role: 'user' as const, content: 'weather?' }];
    const stream = openai.chat.completions.stream({ model: 'tools', messages, tools: [openaiTool('a'), openaiTool('b'), openaiTool('c')] });
    const { choices } = await stream.finalChatCompletion();
    const calls = choices[0]?.message.tool_calls ?? [];
    expect(choices[0]?.finish_reason).toBe('tool_calls');
    expect(calls.map((each) => each.type === 'function' && [each.function.name, JSON.parse(each.function.arguments)])).toEqual([
      ['a', { city: LABEL, days: 2 }],
      ['b', { city: LABEL, days: 2 }],
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    const tools = [anthropicTool('a'), anthropicTool('b')];
    const message = await anthropic.messages.stream({ model: 'tools', max_tokens: 200, messages, tools }).finalMessage();
    expect(message.stop_reason).toBe('tool_use');
    expect(message.content).toMatchObject([
      { type: 'text', text: `${LABEL} calls a, b` },
      { type: 'tool_use', name: 'a', input: { city: LABEL, days: 2 } },
      { type: 'tool_use', name: 'b', input: { city: LABEL, days: 2 } },
    ]);
    const whole = await anthropic.messages.create({ model: 'tools', max_tokens: 200, messages, tools });
    expect(whole.content).toEqual(message.content);
  });

  it('obeys the choice of tools', async () => {
    const names = async (more: object) => {
      const response = await call('tools', { messages: hello, tools: [openaiTool('a'), openaiTool('b')], ...more });
      const body = (await response.json()) as OpenAI.ChatCompletion;
      return (body.choices[0]?.message.tool_calls ?? []).map((each) => (each.type === 'function' ? each.function.name : ''));
    };
    expect(await names({ parallel_tool_calls: false })).toEqual(['a']);
    expect(await names({ tool_choice: { type: 'function', function: { name: 'b' } } })).toEqual(['b']);
    expect(await names({ tool_choice: 'none' })).toEqual([]);
    const one = await anthropic.messages.create({
      model: 'tools',
      max_tokens: 99,
      messages: hello,
      tools: [anthropicTool('a'), anthropicTool('b')],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    });
    expect(one.content.filter(({ type }) => type === 'tool_use')).toHaveLength(1);
  });

  it('quotes the results when the conversation ends with them', async () => {
    const turn = { id: 'call_1', type: 'function' as const, function: { name: 'a', arguments: '{}' } };
    const chat = await openai.chat.completions.create({
      model: 'tools',
      tools: [openaiTool('a')],
      messages: [
        ...hello,
        { role: 'assistant', tool_calls: [turn, { ...turn, id: 'call_2' }] },
        { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
        { role: 'tool', tool_call_id: 'call_2', content: '"12"' },
      ],
    });
    expect(chat.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: `${LABEL} The tools answered: "sunny", "\\"12\\""` },
    });
    const message = await anthropic.messages.create({
      model: 'tools',
      max_tokens: 99,
      tools: [anthropicTool('a')],
      messages: [
        ...hello,
        { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'a', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'rain' }] }] },
      ],
    });
    expect(message.content).toEqual([{ type: 'text', text: `${LABEL} The tools answered: "rain"` }]);
  });
});

describe('sandbox/think', () => {
  const ask = { model: 'think', max_tokens: 100, messages: hello };

  it('thinks, signs, speaks, and knows its own thinking again', async () => {
    const first = await anthropic.messages.stream(ask).finalMessage();
    expect(first.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
    expect((await anthropic.messages.create(ask)).content).toEqual(first.content);
    const back = await anthropic.messages.create({
      ...ask,
      messages: [...hello, { role: 'assistant', content: first.content }, { role: 'user', content: 'and?' }],
    });
    expect(JSON.stringify(back.content)).toContain('1 earlier thinking came back unchanged');
    const changed = [{ type: 'thinking' as const, thinking: 'forged', signature: 'x' }];
    await expect(
      anthropic.messages.create({ ...ask, messages: [...hello, { role: 'assistant', content: changed }] }),
    ).rejects.toMatchObject({ status: 400 });
  });

  it('does not think when told not to', async () => {
    const quiet = await anthropic.messages.create({ ...ask, thinking: { type: 'disabled' } });
    expect(quiet.content.map(({ type }) => type)).toEqual(['text']);
  });

  it('counts thinking apart, and sends it as reasoning_content', async () => {
    const response = await call('think', { messages: hello });
    const body = (await response.json()) as OpenAI.ChatCompletion;
    expect(body.usage?.completion_tokens_details?.reasoning_tokens).toBeGreaterThan(5);
    expect(body.choices[0]?.message).toMatchObject({
      reasoning_content: expect.stringContaining(LABEL),
      content: expect.stringContaining('morning'),
    });
  });
});

describe('sandbox/json and sandbox/refuse', () => {
  it('answers with JSON of the schema', async () => {
    const chat = await openai.chat.completions.create({
      model: 'json',
      messages: hello,
      response_format: { type: 'json_schema', json_schema: { name: 'weather', schema: weather } },
    });
    expect(JSON.parse(chat.choices[0]?.message.content ?? '')).toEqual({ city: LABEL, days: 2 });
    const message = await anthropic.messages.create({
      model: 'json',
      max_tokens: 99,
      messages: hello,
      output_config: { format: { type: 'json_schema', schema: weather } },
    });
    expect(message.content[0]).toMatchObject({ type: 'text', text: JSON.stringify({ city: LABEL, days: 2 }) });
  });

  it('refuses as each vendor does', async () => {
    const chat = await openai.chat.completions.create({ model: 'refuse', messages: hello });
    expect(chat.choices[0]?.message).toMatchObject({ content: null, refusal: expect.stringContaining(LABEL) });
    const message = await anthropic.messages.stream({ model: 'refuse', max_tokens: 99, messages: hello }).finalMessage();
    expect(message).toMatchObject({ stop_reason: 'refusal', content: [{ type: 'text', text: expect.stringContaining(LABEL) }] });
  });
});

describe('sandbox/error', () => {
  it('answers with the status, the type and retry-after in the dialect’s own shape', async () => {
    const openaiError = await call('error?status=429&retry=7', { messages: hello });
    expect([openaiError.status, openaiError.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await openaiError.json()).toMatchObject({ error: { type: 'requests', code: 'rate_limit_exceeded' } });
    await expect(anthropic.messages.create({ model: 'error?status=529', max_tokens: 9, messages: hello })).rejects.toMatchObject({
      status: 529,
      error: { type: 'error', error: { type: 'overloaded_error' } },
    });
    await expect(openai.chat.completions.create({ model: 'error?status=418&type=teapot', messages: hello })).rejects.toMatchObject({
      status: 418,
      type: 'teapot',
    });
  });

  it('breaks a stream in the middle', async () => {
    const response = await call('error?after=2&mode=cut', { stream: true, messages: hello });
    const reader = response.body?.getReader();
    let text = '';
    const drained = (async () => {
      for (;;) {
        const next = await reader?.read();
        if (next?.done !== false) return;
        text += new TextDecoder().decode(next.value);
      }
    })();
    await expect(drained).rejects.toThrow(/broke the connection/);
    expect(text).toContain('"good  "');
    expect(text).not.toContain('morning');
    expect(text).not.toContain('[DONE]');
  });

  it('sends a typed error event, or just stops', async () => {
    const anthropicBody = { max_tokens: 99, stream: true, messages: hello };
    const typed = await eventsOf(await call('error?after=2&mode=event&status=529', anthropicBody, { path: '/messages' }));
    expect(typed.at(-1)).toBe('error');
    expect(typed).not.toContain('message_stop');
    const ended = await eventsOf(await call('error?after=2&mode=end', anthropicBody, { path: '/messages' }));
    expect(ended.at(-1)).toBe('content_block_delta');
    const openaiTyped = await (await call('error?after=1&mode=event', { stream: true, messages: hello })).text();
    expect(openaiTyped.split('\n\n').at(-2)).toMatch(/^data: \{"error":/);
    expect(openaiTyped).not.toContain('[DONE]');
  });

  it('cuts a JSON answer in two', async () => {
    const ended = await (await call('error?after=2&mode=end', { messages: hello })).text();
    expect(() => JSON.parse(ended)).toThrow();
    await expect((await call('error?after=2&mode=cut', { messages: hello })).text()).rejects.toThrow();
    expect((await call('error?after=2&mode=event&status=503', { messages: hello })).status).toBe(503);
  });
});

describe('sandbox/slow', () => {
  it('waits before the first word and between words', async () => {
    const start = performance.now();
    await (await call('slow?delay=20&first=60', { stream: true, messages: [{ role: 'user', content: 'a b' }] })).text();
    const streamed = performance.now();
    await (await call('slow?delay=20&first=60', { messages: [{ role: 'user', content: 'a b' }] })).text();
    const whole = performance.now();
    for (const took of [streamed - start, whole - streamed]) expect(took).toBeGreaterThanOrEqual(95);
  });

  it('sends the first word before the last is made', async () => {
    const response = await call('slow?delay=60000', { stream: true, messages: hello });
    const reader = response.body?.getReader();
    await reader?.read();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain(LABEL);
    await reader?.cancel();
  });

  it('stops at once when the request is aborted, while it streams and before', async () => {
    const controller = new AbortController();
    const reason = new Error('the caller left');
    const streaming = await call('slow?first=60000', { stream: true, messages: hello }, { signal: controller.signal });
    const reader = streaming.body?.getReader();
    await reader?.read();
    const waiting = reader?.read();
    const whole = call('slow?first=60000', { messages: hello }, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 10);
    await expect(waiting).rejects.toBe(reason);
    await expect(whole).rejects.toBe(reason);
  });
});

describe('what the sandbox refuses', () => {
  it.each([
    ['nope', { messages: hello }, 404],
    ['constructor', { messages: hello }, 404],
    ['echo?colour=red', { messages: hello }, 400],
    ['slow?delay=-1', { messages: hello }, 400],
    ['slow?delay=1e3', { messages: hello }, 400],
    ['error?mode=loud', { messages: hello }, 400],
    ['error?status=200', { messages: hello }, 400],
    ['echo', { messages: [] }, 400],
    ['echo', { messages: ['x'] }, 400],
    ['echo', { messages: hello, max_tokens: 0 }, 400],
    ['echo', [], 400],
    ['tools', { messages: hello, tools: [{ type: 'function' }] }, 400],
  ])('%s with %j is a %i', async (model, body, status) => {
    for (const path of ['/chat/completions', '/messages']) {
      const withLimit = Array.isArray(body) || path === '/chat/completions' ? body : { max_tokens: 9, ...body };
      const response = await call(model, withLimit, { path });
      // The Anthropic form has no function tools: what it does not know it does not call.
      expect(response.status).toBe(model === 'tools' && path === '/messages' ? 200 : status);
      if (response.status === 404) expect(await response.text()).toContain('sandbox/echo');
    }
  });

  it('wants max_tokens in Anthropic form, and only its two paths', async () => {
    expect(await (await call('echo', { messages: hello }, { path: '/messages' })).json()).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', message: 'max_tokens: Field required' },
    });
    expect((await call('echo', { messages: hello }, { path: '/embeddings' })).status).toBe(404);
    expect((await call('echo', { messages: hello }, { method: 'GET' })).status).toBe(404);
  });
});
