import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import type { EgressRequest, PlatformModels } from '../../core/ports.ts';
import { FrameSplitter } from '../../core/sse.ts';
import { openaiChat } from '../../dialects/openai-chat/index.ts';
import { workersAi } from './index.ts';

const clock = { now: () => 1_800_000_000_000 };
const MODEL = '@cf/meta/llama-3.3-70b-instruct-fp8-fast';

/** A binding that answers so, and keeps what it was asked. */
function binding(answer: () => Response) {
  const asked: { model: string; inputs: JsonObject }[] = [];
  const models: PlatformModels = {
    run: async (model, inputs) => {
      asked.push({ model, inputs });
      return answer();
    },
  };
  return { asked, models };
}

async function ask(models: PlatformModels, body: object = { model: MODEL, messages: [] }): Promise<Response> {
  const request: EgressRequest = {
    url: 'https://none.example',
    method: 'POST',
    headers: {},
    body: JSON.stringify(body),
    signal: new AbortController().signal,
  };
  const respond = workersAi.bound({}, models);
  if (respond === undefined) throw new Error('not bound');
  return respond(request, MODEL, clock);
}

const sse =
  (text: string, step = text.length) =>
  () => {
    const bytes = new TextEncoder().encode(text);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += step) controller.enqueue(bytes.slice(at, at + step));
        controller.close();
      },
    });
    return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
  };

async function chunksOf(response: Response) {
  const reader = openaiChat.replyReader();
  const frames = new FrameSplitter().push(new Uint8Array(await response.arrayBuffer()));
  return frames.flatMap((frame) => reader.read(frame));
}

describe('what is bound', () => {
  it('is used unless the settings name an account, and only where there is something', () => {
    const { models } = binding(() => new Response());
    expect(workersAi.bound({}, undefined)).toBeUndefined();
    expect(workersAi.bound({ account: 'a' }, models)).toBeUndefined();
    expect(workersAi.bound({}, models)).toBeDefined();
  });

  it('is asked without what it does not know, each message as one text', async () => {
    const { models, asked } = binding(() => Response.json({ response: 'Hi.' }));
    const call = { id: 'c', type: 'function', function: { name: 't', arguments: '{}' } };
    const image = { type: 'image_url', image_url: { url: 'data:,' } };
    await ask(models, {
      model: 'x',
      stream_options: { include_usage: true },
      max_tokens: 9,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        { role: 'user', content: [{ type: 'text', text: 'a' }, image] },
        { role: 'assistant', content: null, tool_calls: [call] },
      ],
    });
    expect(asked).toEqual([
      {
        model: MODEL,
        inputs: {
          max_tokens: 9,
          messages: [
            { role: 'user', content: 'a\nb' },
            { role: 'user', content: [{ type: 'text', text: 'a' }, image] },
            { role: 'assistant', content: '', tool_calls: [call] },
          ],
        },
      },
    ]);
  });
});

describe('an answer', () => {
  it('in the older form becomes a chat completion', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    const { models } = binding(() =>
      Response.json({ response: 'Hi.', tool_calls: [{ name: 'weather', arguments: { city: 'Oslo' } }], usage }),
    );
    const body = await (await ask(models)).json<JsonObject>();
    expect(body).toMatchObject({ object: 'chat.completion', model: MODEL, created: 1_800_000_000, usage });
    expect(openaiChat.readReply(body)).toMatchObject([
      { type: 'start' },
      { type: 'text', text: 'Hi.' },
      { type: 'tool-call', name: 'weather', id: expect.stringMatching(/^call_\w+_0$/) },
      { type: 'tool-input', text: '{"city":"Oslo"}' },
      { type: 'finish', reason: 'tool-calls' },
      { type: 'usage', usage: { input: 3, output: 2 } },
      { type: 'end' },
    ]);
  });

  it('in JSON is its text, and a chat completion stays as it is', async () => {
    const whole = {
      id: 'own',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' }, finish_reason: 'stop' }],
    };
    expect(await (await ask(binding(() => Response.json(whole)).models)).json()).toEqual(whole);
    const made = await (
      await ask(binding(() => Response.json({ result: { response: { n: 1 } }, success: true })).models)
    ).json<JsonObject>();
    expect(made.choices).toMatchObject([{ message: { content: '{"n":1}' }, finish_reason: 'stop' }]);
  });

  it('that is none is refused where it is read', async () => {
    const body = await (await ask(binding(() => Response.json({ data: [] })).models)).json<JsonObject>();
    expect(() => openaiChat.readReply(body)).toThrow();
  });

  it.each([
    [
      { errors: [{ code: 3036, message: 'You have used up your daily free allocation.' }] },
      'You have used up your daily free allocation.',
      '3036',
    ],
    [{ internalCode: 5007, description: 'No such model.' }, 'No such model.', '5007'],
    [null, 'Workers AI answered with an error.', null],
  ])('of an error %j keeps its status and words', async (error, message, code) => {
    const response = await ask(binding(() => Response.json(error, { status: 429 })).models);
    expect(response.status).toBe(429);
    expect(await response.json()).toEqual({ error: { message, type: null, param: null, code } });
  });
});

describe('a stream', () => {
  const OLD = [
    { response: 'Zü', p: 'abc' },
    { response: 'rich' },
    { tool_calls: [{ name: 'weather', arguments: { city: 'Oslo' } }] },
    { tool_calls: [{ name: 'time', arguments: '{}' }] },
    { response: '', usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
  ];
  const text = `${OLD.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('')}data: [DONE]\n\n`;

  it.each([1, 7, 1000])('in the older form becomes chunks, cut every %d bytes', async (step) => {
    const chunks = await chunksOf(await ask(binding(sse(text, step)).models, { stream: true }));
    expect(chunks.filter(({ type }) => type === 'text')).toMatchObject([{ text: 'Zü' }, { text: 'rich' }]);
    const calls = chunks.flatMap((chunk) => (chunk.type === 'tool-call' ? [chunk] : []));
    expect(calls.map(({ name }) => name)).toEqual(['weather', 'time']);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    expect(chunks.flatMap((chunk) => (chunk.type === 'tool-input' ? [chunk.text] : []))).toEqual(['{"city":"Oslo"}', '{}']);
    expect(chunks.slice(-3)).toMatchObject([
      { type: 'finish', reason: 'tool-calls' },
      { type: 'usage', usage: { input: 3, output: 2 } },
      { type: 'end' },
    ]);
  });

  it('of chunks passes byte for byte', async () => {
    const own = 'data: {"id":"own","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\ndata: [DONE]\n\n';
    expect(await (await ask(binding(sse(own, 5)).models)).text()).toBe(own);
  });

  it('that is cut has no end', async () => {
    const cut = text.slice(0, text.indexOf('data: [DONE]'));
    const chunks = await chunksOf(await ask(binding(sse(cut)).models));
    expect(chunks.some(({ type }) => type === 'end' || type === 'finish')).toBe(false);
  });
});
