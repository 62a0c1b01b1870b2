import OpenAI, { BadRequestError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANT_KEY, KEY, startTestGateway, type TestGateway } from '../gateway.ts';

// Ollama's and Cohere's chat, and OpenAI's first API: each onto an upstream of its own, and onto the two that most
// models stand behind.

let gateway: TestGateway;
let client: OpenAI;

beforeAll(async () => {
  gateway = await startTestGateway();
  const { origin } = gateway.upstream;
  const document = {
    providers: {
      up: { like: 'openai', baseUrl: `${origin}/v1`, key: { secret: 'UP_KEY' }, dialects: ['openai-chat'] },
      legacy: { like: 'openai', baseUrl: `${origin}/v1`, key: { secret: 'UP_KEY' } },
      ant: { like: 'anthropic', baseUrl: origin, key: { value: ANT_KEY } },
      oll: { like: 'ollama', baseUrl: `${origin}/v1` },
      coh: { like: 'cohere', baseUrl: origin, key: { value: 'cohere-credential' } },
    },
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
});
afterAll(() => gateway?.stop());

const post = (path: string, body: object) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

type Json = { readonly [name: string]: unknown };
const json = async (response: Response) => (await response.json()) as Json;
const PARAMETERS = { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } };
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'The weather of a city', parameters: PARAMETERS } }];
const messages = [{ role: 'user', content: 'Hello there' }];
const CALLS = [
  ['get_weather', { city: 'Zürich', days: 1 }],
  ['get_weather', { city: 'Oslo', days: 2 }],
  ['get_weather', { city: 'Lima', days: 3 }],
];
/** The id by which the journal finds a call. */
let count = 0;
const marked = (model: string) => {
  const id = `other-${count++}`;
  return { model: `${model}${model.includes('?') ? '&' : '?'}id=${id}`, sent: () => gateway.upstream.journal.of(`id=${id}`) };
};

describe('/api/chat, as Ollama serves it', () => {
  const lines = async (body: object) => {
    const response = await post('/api/chat', body);
    const text = await response.text();
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Json & { message: Json });
  };
  const joined = (all: readonly { message: Json }[], field: string) => all.map(({ message }) => message[field] ?? '').join('');

  describe.each(['oll', 'up', 'ant'])('onto %s', (provider) => {
    it('streams unless it is told not to', async () => {
      const all = await lines({ model: `${provider}/ok/multibyte`, messages });
      expect(joined(all, 'content')).toBe('Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done');
      expect(all.slice(0, -1).every(({ done }) => done === false)).toBe(true);
      expect(all.at(-1)).toMatchObject({ done: true, done_reason: 'stop', prompt_eval_count: 11, eval_count: 6 });
    });

    it('answers at once', async () => {
      const answer = await json(await post('/api/chat', { model: `${provider}/ok/text?words=3`, messages, stream: false }));
      expect(answer).toMatchObject({
        message: { role: 'assistant', content: 'w0 w1 w2' },
        done: true,
        done_reason: 'stop',
        prompt_eval_count: 11,
        eval_count: 3,
      });
    });

    it('calls tools with objects for arguments, and goes on with their results', async () => {
      const all = await lines({ model: `${provider}/ok/tools?calls=3`, messages, tools });
      const calls = all.flatMap(
        ({ message }) => (message.tool_calls ?? []) as { id?: string; function: { name: string; arguments: unknown } }[],
      );
      expect(joined(all, 'content')).toBe('Let me look.');
      expect(calls.map((call) => [call.function.name, call.function.arguments])).toEqual(CALLS);
      const { model, sent } = marked(`${provider}/ok/text`);
      const results = [{ role: 'tool', tool_name: 'get_weather', content: 'rain' }];
      const turn = {
        role: 'assistant',
        content: 'Let me look.',
        tool_calls: calls.slice(0, 1).map(({ function: called }) => ({ function: called })),
      };
      await lines({ model, messages: [...messages, turn, ...results], tools });
      expect(String(sent()[0]?.body)).toContain('rain');
    });

    it('shows thinking beside the text, and the limit', async () => {
      const thought = await lines({ model: `${provider}/ok/thinking`, messages, think: true });
      expect([joined(thought, 'thinking'), joined(thought, 'content')]).toEqual(['First this, then that.', 'The answer.']);
      expect((await lines({ model: `${provider}/ok/length`, messages })).at(-1)).toMatchObject({ done_reason: 'length' });
    });

    it('fails in its own shape, before the answer and in it', async () => {
      const refused = await post('/api/chat', { model: `${provider}/fault/status?code=400&message=too+long`, messages });
      expect([refused.status, (await json(refused)).error]).toEqual([400, 'too long']);
      const all = await lines({ model: `${provider}/fault/reset?n=6`, messages });
      expect(all.at(-1)).toMatchObject({ error: expect.stringMatching(/./), code: 'upstream_interrupted' });
      expect(all.some(({ done }) => done === true)).toBe(false);
    });
  });

  it('sends its own options on as they came, and names what another vendor has no word for', async () => {
    const options = { num_predict: 9, top_k: 5, num_ctx: 4096 };
    const own = marked('oll/ok/text');
    await (await post('/api/chat', { model: own.model, messages, options, keep_alive: '5m' })).text();
    expect(JSON.parse(String(own.sent()[0]?.body))).toMatchObject({ options, keep_alive: '5m' });
    const other = marked('up/ok/text');
    const response = await post('/api/chat', { model: other.model, messages, options, keep_alive: '5m', stream: false });
    expect(response.headers.get('x-weir-loss')?.split(/, ?/).sort()).toEqual(['keep_alive', 'options', 'top_k']);
    expect(JSON.parse(String(other.sent()[0]?.body))).toMatchObject({ max_completion_tokens: 9 });
  });

  it('counts what it cost', async () => {
    const response = await post('/api/chat', { model: 'oll/ok/text?words=4', messages });
    await response.text();
    const row = await gateway.row(response.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ status: 'complete', dialect: 'ollama', usage: { input: 11, output: 4 } });
  });
});

describe('/v2/chat, as Cohere serves it', () => {
  const events = async (body: object) => {
    const response = await post('/v2/chat', { ...body, stream: true });
    const text = await response.text();
    return text
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map(
        (line) =>
          JSON.parse(line.slice('data: '.length)) as Json & {
            type: string;
            index?: number;
            delta?: { message?: Json; [name: string]: unknown };
          },
      );
  };
  const content = (all: Awaited<ReturnType<typeof events>>, field: string) =>
    all.map(({ delta }) => (delta?.message?.content as Json | undefined)?.[field] ?? '').join('');

  describe.each(['coh', 'up', 'ant'])('onto %s', (provider) => {
    it('streams, and answers at once', async () => {
      const all = await events({ model: `${provider}/ok/multibyte`, messages });
      expect(content(all, 'text')).toBe('Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done');
      expect([all[0]?.type, all.at(-1)?.type]).toEqual(['message-start', 'message-end']);
      expect(all.at(-1)?.delta).toMatchObject({
        finish_reason: 'COMPLETE',
        usage: { billed_units: { input_tokens: 11, output_tokens: 6 } },
      });
      const answer = await json(await post('/v2/chat', { model: `${provider}/ok/text?words=3`, messages }));
      expect(answer).toMatchObject({
        message: { role: 'assistant', content: [{ type: 'text', text: 'w0 w1 w2' }] },
        finish_reason: 'COMPLETE',
      });
    });

    it('calls tools', async () => {
      const all = await events({ model: `${provider}/ok/tools?calls=3`, messages, tools });
      const calls: { name: string; input: string }[] = [];
      for (const { type, index = 0, delta } of all) {
        const called = (delta?.message?.tool_calls as { function: { name?: string; arguments: string } } | undefined)?.function;
        if (type === 'tool-call-start') calls[index] = { name: called?.name ?? '', input: called?.arguments ?? '' };
        if (type === 'tool-call-delta')
          calls[index] = { name: calls[index]?.name ?? '', input: `${calls[index]?.input}${called?.arguments}` };
      }
      expect(calls.map(({ name, input }) => [name, JSON.parse(input)])).toEqual(CALLS);
      expect(all.at(-1)?.delta?.finish_reason).toBe('TOOL_CALL');
    });

    it('thinks', async () => {
      const all = await events({ model: `${provider}/ok/thinking`, messages, thinking: { type: 'enabled' } });
      expect([content(all, 'thinking'), content(all, 'text')]).toEqual(['First this, then that.', 'The answer.']);
    });

    it('fails in its own shape, before the answer and in it', async () => {
      const refused = await post('/v2/chat', { model: `${provider}/fault/status?code=400&message=too+long`, messages });
      expect([refused.status, (await json(refused)).message]).toEqual([400, 'too long']);
      const all = await events({ model: `${provider}/fault/reset?n=6`, messages });
      expect(all.at(-1)).toMatchObject({ type: 'error', code: 'upstream_interrupted' });
    });
  });
});

describe('/v1/completions', () => {
  const ask = (model: string, prompt: OpenAI.CompletionCreateParams['prompt'] = 'Once upon') =>
    client.completions.create({ model, prompt, max_tokens: 9 });

  describe.each(['legacy', 'up', 'ant'])('onto %s', (provider) => {
    it('answers at once', async () => {
      const answer = await ask(`${provider}/ok/text?words=5`);
      expect(answer).toMatchObject({ object: 'text_completion', usage: { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 } });
      expect(answer.choices).toMatchObject([{ text: 'w0 w1 w2 w3 w4', index: 0, logprobs: null, finish_reason: 'stop' }]);
    });

    it('streams, with usage where it is asked for', async () => {
      const model = `${provider}/ok/multibyte`;
      const all: OpenAI.Completion[] = [];
      const params = { model, prompt: 'Once', stream: true as const, stream_options: { include_usage: true } };
      for await (const chunk of await client.completions.create(params)) all.push(chunk);
      expect(all.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe('Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done');
      expect(all.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 6 } });
      const shown: OpenAI.Completion[] = [];
      for await (const chunk of await client.completions.create({ model, prompt: 'Once', stream: true })) shown.push(chunk);
      expect(shown.some(({ usage }) => usage !== undefined && usage !== null)).toBe(false);
    });

    it("fails with the SDK's own classes, and breaks off with one", async () => {
      await expect(ask(`${provider}/fault/status?code=400&message=too+long`)).rejects.toThrow(BadRequestError);
      const stream = await client.completions.create({ model: `${provider}/fault/reset?n=6`, prompt: 'Once', stream: true });
      const reading = (async () => {
        for await (const _ of stream);
      })();
      await expect(reading).rejects.toMatchObject({ code: 'upstream_interrupted' });
    });
  });

  it('sends lists and tokens on to who knows them, and refuses them clearly elsewhere', async () => {
    for (const prompt of [
      ['One', 'Two'],
      [1, 2, 3],
      [[1, 2], [3]],
    ]) {
      const own = marked('legacy/ok/text');
      await ask(own.model, prompt as OpenAI.CompletionCreateParams['prompt']);
      expect(JSON.parse(String(own.sent()[0]?.body)).prompt).toEqual(prompt);
      const asking = ask('ant/ok/text', prompt as OpenAI.CompletionCreateParams['prompt']);
      await expect(asking).rejects.toMatchObject({ status: 400, code: 'invalid_request', param: 'prompt' });
    }
  });

  it('asks another vendor with one message', async () => {
    const other = marked('ant/ok/text');
    await client.completions.create({ model: other.model, prompt: 'Once upon', suffix: 'the end', echo: true });
    expect(JSON.parse(String(other.sent()[0]?.body))).toMatchObject({ max_tokens: 16, messages: [{ role: 'user', content: 'Once upon' }] });
  });
});

// A conversation whose turns were answered by models of different families: a signature goes back to its own alone.
describe('thinking that comes back by a client of OpenAI chat', () => {
  it("is Anthropic's again at Anthropic, and stays behind elsewhere", async () => {
    const answer = await client.chat.completions.create({
      model: 'ant/ok/thinking',
      messages: [{ role: 'user', content: 'Think.' }],
      reasoning_effort: 'low',
    });
    const turn = answer.choices[0]?.message;
    if (turn === undefined) throw new Error('no message');
    const next = [{ role: 'user' as const, content: 'Think.' }, turn, { role: 'user' as const, content: 'And?' }];
    const back = marked('ant/ok/text');
    await client.chat.completions.create({ model: back.model, messages: next, reasoning_effort: 'low' });
    expect(JSON.parse(String(back.sent()[0]?.body)).messages[1].content[0]).toEqual({
      type: 'thinking',
      thinking: 'First this, then that.',
      signature: 'c2lnbmVk',
    });
    const elsewhere = marked('up/ok/text');
    await client.chat.completions.create({ model: elsewhere.model, messages: next });
    expect(String(elsewhere.sent()[0]?.body)).not.toContain('thinking_blocks');
  });
});
