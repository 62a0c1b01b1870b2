import Anthropic from '@anthropic-ai/sdk';
import { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand } from '@aws-sdk/client-bedrock-runtime';
import { GoogleGenAI } from '@google/genai';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { createGateway, generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endings, post, streamed } from '../client.ts';
import { ADMIN_TOKEN, KEY, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { weirAt } from '../weir-command.ts';

const TTL = 300;
/** What the scripted vendor says under names that every client can send. */
const WORDS = {
  five: 'ok/text?words=5',
  multibyte: 'ok/multibyte?',
  tools: 'ok/tools?calls=2',
  single: 'ok/tools?calls=1',
  seven: 'ok/text?words=7',
};
let gateway: TestGateway;

const documentWith = (policies: readonly object[]) => ({
  providers: {
    up: {
      like: 'openai',
      baseUrl: `${gateway.upstream.origin}/v1`,
      key: { secret: 'UP_KEY' },
      // Whole tokens cost whole thousandths of a dollar, so that sums can be read.
      prices: { '*': { input: 1000, output: 1000 } },
    },
    ant: { like: 'anthropic', baseUrl: gateway.upstream.origin, key: { value: 'k' } },
  },
  models: {
    // Google's SDK takes no name with a question mark.
    ...Object.fromEntries(
      Object.entries(WORDS).map(([name, content]) => [name, { strategy: 'failover', targets: [`up/${content}&id=x-${name}`] }]),
    ),
    failing: { strategy: 'failover', targets: ['up/fault/status?code=500&id=fo1', 'up/ok/text?words=3&id=fo1'], retry: { attempts: 1 } },
  },
  limits: { ping: 1_000 },
  policies,
});

async function configure(policies: readonly object[]): Promise<void> {
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(documentWith(policies)) });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
}

beforeAll(async () => {
  gateway = await startTestGateway();
  await configure([{ use: 'cache', ttl: TTL }]);
});
afterAll(() => gateway?.stop());

const asked = (mark: string) => gateway.upstream.journal.of(`id=${mark}`).length;
const cacheOf = (answer: { readonly headers: Headers }) => answer.headers.get('x-weir-cache');

async function app(name: string, team = 'dev'): Promise<void> {
  const made = await gateway.admin('/apps', { method: 'POST', body: JSON.stringify({ team, name }) });
  expect(made.status, await made.clone().text()).toBe(201);
}

async function keyOf(appName: string, more: object = {}): Promise<string> {
  const made = await gateway.admin('/keys', { method: 'POST', body: JSON.stringify({ app: appName, name: crypto.randomUUID(), ...more }) });
  expect(made.status, await made.clone().text()).toBe(201);
  return ((await made.json()) as { key: string }).key;
}
const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

interface Heard {
  readonly text: string;
  readonly tools: readonly (readonly [string, unknown])[];
  readonly finish: string;
}

const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
const anthropic = () => new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
const gemini = () => new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: gateway.url } });
const aiSdk = () => createGateway({ baseURL: `${gateway.url}/v4/ai`, apiKey: KEY });
const GENERATED = { prompt: 'Hello', maxOutputTokens: 256, maxRetries: 0 };
const bedrock = () =>
  new BedrockRuntimeClient({
    region: 'eu-west-1',
    endpoint: gateway.url,
    token: { token: KEY },
    authSchemePreference: ['httpBearerAuth'],
    requestHandler: new NodeHttpHandler(),
    maxAttempts: 1,
  });
const converse = (modelId: string) => ({
  modelId,
  messages: [{ role: 'user' as const, content: [{ text: 'Hello' }] }],
  inferenceConfig: { maxTokens: 256 },
});
const SAID = [{ role: 'user' as const, content: 'Hello' }];
const parsed = (text: string): unknown => JSON.parse(text === '' ? '{}' : text);

const toolsOf = (calls: readonly OpenAI.ChatCompletionMessageToolCall[] = []) =>
  calls.flatMap((call) => (call.type === 'function' ? [[call.function.name, parsed(call.function.arguments)] as const] : []));

/** One conversation, by the official SDKs, whole and as a stream. The same words to each, so that it is the same call. */
const clients: { readonly [name: string]: (model: string) => Promise<Heard> } = {
  chat: async (model) => {
    const { choices } = await openai().chat.completions.create({ model, messages: SAID, max_completion_tokens: 256 });
    const [choice] = choices;
    const tools = toolsOf(choice?.message.tool_calls);
    return { text: choice?.message.content ?? '', tools, finish: choice?.finish_reason === 'tool_calls' ? 'tools' : 'stop' };
  },
  'chat as a stream': async (model) => {
    const runner = openai().chat.completions.stream({ model, messages: SAID, max_completion_tokens: 256 });
    const [choice] = (await runner.finalChatCompletion()).choices;
    const tools = toolsOf(choice?.message.tool_calls);
    return { text: choice?.message.content ?? '', tools, finish: choice?.finish_reason === 'tool_calls' ? 'tools' : 'stop' };
  },
  messages: async (model) => anthropicHeard(await anthropic().messages.create({ model, messages: SAID, max_tokens: 256 })),
  'messages as a stream': async (model) =>
    anthropicHeard(await anthropic().messages.stream({ model, messages: SAID, max_tokens: 256 }).finalMessage()),
  responses: async (model) =>
    responsesHeard(await openai().responses.create({ model, input: 'Hello', max_output_tokens: 256, store: false })),
  'responses as a stream': async (model) =>
    responsesHeard(await openai().responses.stream({ model, input: 'Hello', max_output_tokens: 256, store: false }).finalResponse()),
  gemini: async (model) => {
    const response = await gemini().models.generateContent({ model, contents: 'Hello', config: { maxOutputTokens: 256 } });
    const tools = (response.functionCalls ?? []).map(({ name, args }) => [name ?? '', args] as const);
    return { text: response.text ?? '', tools, finish: tools.length > 0 ? 'tools' : 'stop' };
  },
  'gemini as a stream': async (model) => {
    const stream = await gemini().models.generateContentStream({ model, contents: 'Hello', config: { maxOutputTokens: 256 } });
    let text = '';
    const tools: (readonly [string, unknown])[] = [];
    for await (const chunk of stream) {
      text += chunk.text ?? '';
      tools.push(...(chunk.functionCalls ?? []).map(({ name, args }) => [name ?? '', args] as const));
    }
    return { text, tools, finish: tools.length > 0 ? 'tools' : 'stop' };
  },
  converse: converseHeard,
  'converse as a stream': converseStreamHeard,
  'ai sdk': async (model) => {
    const { text, toolCalls, finishReason } = await generateText({ model: aiSdk()(model), ...GENERATED });
    return { text, tools: toolCalls.map(({ toolName, input }) => [toolName, input] as const), finish: finishOf(finishReason) };
  },
  'ai sdk as a stream': async (model) => {
    const streamed = streamText({ model: aiSdk()(model), ...GENERATED });
    const [text, toolCalls, finishReason] = await Promise.all([streamed.text, streamed.toolCalls, streamed.finishReason]);
    return { text, tools: toolCalls.map(({ toolName, input }) => [toolName, input] as const), finish: finishOf(finishReason) };
  },
};

/** The words of an SDK's finish, as the others say it. */
const finishOf = (reason: string | undefined) => (reason === 'tool_use' || reason === 'tool-calls' ? 'tools' : 'stop');

async function converseHeard(model: string): Promise<Heard> {
  const { output, stopReason } = await bedrock().send(new ConverseCommand(converse(model)));
  const content = output?.message?.content ?? [];
  return {
    text: content.map(({ text = '' }) => text).join(''),
    tools: content.flatMap(({ toolUse }) => (toolUse === undefined ? [] : [[toolUse.name ?? '', toolUse.input] as const])),
    finish: finishOf(stopReason),
  };
}

async function converseStreamHeard(model: string): Promise<Heard> {
  const { stream } = await bedrock().send(new ConverseStreamCommand(converse(model)));
  let [text, finish] = ['', ''];
  const tools: { name: string; input: string }[] = [];
  for await (const { contentBlockStart, contentBlockDelta, messageStop } of stream ?? []) {
    const name = contentBlockStart?.start?.toolUse?.name;
    if (name !== undefined) tools.push({ name, input: '' });
    text += contentBlockDelta?.delta?.text ?? '';
    const last = tools.at(-1);
    if (last !== undefined) last.input += contentBlockDelta?.delta?.toolUse?.input ?? '';
    finish = messageStop?.stopReason ?? finish;
  }
  return { text, tools: tools.map(({ name, input }) => [name, parsed(input)] as const), finish: finishOf(finish) };
}

function anthropicHeard({ content, stop_reason }: Anthropic.Message): Heard {
  return {
    text: content.flatMap((block) => (block.type === 'text' ? block.text : [])).join(''),
    tools: content.flatMap((block) => (block.type === 'tool_use' ? [[block.name, block.input] as const] : [])),
    finish: stop_reason === 'tool_use' ? 'tools' : 'stop',
  };
}

function responsesHeard({
  output,
  output_text,
}: {
  readonly output: readonly OpenAI.Responses.ResponseOutputItem[];
  readonly output_text: string;
}): Heard {
  const tools = output.flatMap((item) => (item.type === 'function_call' ? [[item.name, parsed(item.arguments)] as const] : []));
  return { text: output_text, tools, finish: tools.length > 0 ? 'tools' : 'stop' };
}

describe('an answer that is given again', () => {
  it.each([
    ['chat', 'five'],
    ['messages as a stream', 'multibyte'],
    ['chat as a stream', 'tools'],
    ['gemini', 'single'],
    ['responses as a stream', 'seven'],
  ])('is what %s heard of the model %s, in every dialect and mode', async (first, model) => {
    const original = await clients[first]?.(model);
    expect(original?.text.length).toBeGreaterThan(0);
    for (const [name, ask] of Object.entries(clients)) expect(await ask(model), name).toEqual(original);
    // The AI SDK says of calls without tools how they may be used: to it they are answered apart, once.
    expect(asked(`x-${model}`)).toBe(2);
  });

  it('says so, names who made it, costs nothing, and is a row of its own', async () => {
    const model = 'up/ok/text?words=4&id=row';
    const first = await post(gateway.url, 'openai', model);
    expect(cacheOf(first)).toBe('miss');
    expect(first.headers.get('x-weir-cost')).toBe('0.015');
    const { choices, usage } = (await first.json()) as OpenAI.ChatCompletion;
    const second = await post(gateway.url, 'openai', model);
    expect(cacheOf(second)).toBe('hit');
    expect(second.headers.get('age')).toMatch(/^\d$/);
    expect(second.headers.get('x-weir-model')).toBe(model);
    expect(second.headers.get('x-weir-attempts')).toBe('0');
    expect(second.headers.get('x-weir-cost')).toBe('0');
    const again = (await second.json()) as OpenAI.ChatCompletion;
    expect(again.usage).toEqual(usage);
    expect(again.choices).toMatchObject(
      choices.map(({ index, finish_reason, message: { content } }) => ({ index, finish_reason, message: { content } })),
    );
    const row = await gateway.row(second.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({
      status: 'complete',
      attempts: 0,
      servedModel: model,
      usage: { input: 0, output: 0 },
      facts: { cache: { hit: true, saved: '0.015', input: 11, output: 4 } },
    });
    const scrape = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const lines = (await scrape.text()).split('\n').filter((line) => line.includes('id=row'));
    for (const [name, value] of Object.entries({ hits_total: '1', misses_total: '1', saved_usd_total: '0.015' })) {
      const line = lines.find((each) => each.startsWith(`weir_cache_${name}{`));
      expect(line?.split(' ').at(-1), name).toBe(value);
    }
  });

  it('is a stream of frames where a stream is asked for', async () => {
    const model = 'up/ok/text?words=6&id=frames';
    await streamed(gateway.url, 'openai', model);
    const again = await streamed(gateway.url, 'openai', model);
    expect(cacheOf(again)).toBe('hit');
    expect(endings(again.bytes)).toMatchObject({ done: 1, errors: [] });
    expect(again.text.match(/"content":" ?w\d"/g)).toHaveLength(6);
  });

  it('is asked for anew with x-weir-cache: refresh, and passed over with off', async () => {
    const model = 'up/ok/text?words=2&id=wish';
    const say = async (headers: { readonly [name: string]: string }) => cacheOf(await post(gateway.url, 'openai', model, { headers }));
    expect(await say({ 'x-weir-cache': 'off' })).toBe('off');
    expect(await say({})).toBe('miss');
    expect(await say({})).toBe('hit');
    expect(await say({ 'x-weir-cache': 'off' })).toBe('off');
    expect(await say({ 'x-weir-cache': 'refresh' })).toBe('miss');
    expect(await say({ 'cache-control': 'no-cache' })).toBe('miss');
    expect(await say({ 'cache-control': 'no-store' })).toBe('off');
    expect(await say({ 'cache-control': 'max-age=60' })).toBe('hit');
    expect(asked('wish')).toBe(6);
  });

  it('is asked for anew when its time is over', async () => {
    await configure([{ use: 'cache', ttl: 4 }]);
    const model = 'up/ok/text?words=2&id=ttl';
    expect(cacheOf(await post(gateway.url, 'openai', model))).toBe('miss');
    expect(cacheOf(await post(gateway.url, 'openai', model))).toBe('hit');
    await new Promise((resolve) => setTimeout(resolve, 4_100));
    expect(cacheOf(await post(gateway.url, 'openai', model))).toBe('miss');
    await configure([{ use: 'cache', ttl: TTL }]);
  });
});

describe('an answer whose time is over', () => {
  it('is given once more at once, and made anew behind that, once', async () => {
    await configure([{ use: 'cache', ttl: 4, stale: 60 }]);
    const model = 'up/fault/late?ms=700&words=2&id=stale';
    const ask = async () => {
      const response = await post(gateway.url, 'openai', model);
      await response.arrayBuffer();
      return { cache: cacheOf(response), age: Number(response.headers.get('age')) };
    };
    expect((await ask()).cache).toBe('miss');
    await new Promise((resolve) => setTimeout(resolve, 5_100));
    const stale = await Promise.all([ask(), ask(), ask()]);
    expect(stale.map(({ cache }) => cache)).toEqual(['hit', 'hit', 'hit']);
    for (const { age } of stale) expect(age).toBeGreaterThanOrEqual(1);
    await until(() => asked('stale') === 2, 15_000, 'it is made anew');
    await until(async () => (await ask()).age === 0, 15_000, 'the new one is given');
    expect(asked('stale')).toBe(2);
    await configure([{ use: 'cache', ttl: TTL }]);
  });
});

describe('is not given again', () => {
  it.each([
    ['an error', 'up/fault/status?code=500'],
    ['a refusal of the provider', 'up/fault/status?code=400'],
    ['an answer that reached its limit', 'up/ok/length?'],
  ])('%s', async (_what, model) => {
    const mark = crypto.randomUUID();
    for (let times = 0; times < 2; times++) await (await post(gateway.url, 'openai', `${model}&id=${mark}`)).arrayBuffer();
    expect(asked(mark)).toBeGreaterThanOrEqual(2);
  });

  it.each(['reset', 'fin', 'error-mid'])('a stream that broke off: %s', async (fault) => {
    const mark = crypto.randomUUID();
    for (let times = 0; times < 2; times++) {
      const answer = await streamed(gateway.url, 'openai', `up/fault/${fault}?n=4&id=${mark}`);
      expect(cacheOf(answer)).toBe('miss');
      expect(endings(answer.bytes).done).toBe(0);
    }
    expect(asked(mark)).toBe(2);
  });

  it('what another target has answered than the one it would be kept for', async () => {
    for (let times = 0; times < 2; times++) expect((await post(gateway.url, 'openai', 'failing')).status).toBe(200);
    expect(asked('fo1')).toBeGreaterThanOrEqual(3);
  });

  it.each([
    ['logprobs', { logprobs: true }],
    ['a number that JavaScript does not hold', { seed: 1, raw: true }],
  ])('a call with %s', async (what, extra) => {
    const mark = crypto.randomUUID();
    const text = JSON.stringify({ model: `up/ok/text?words=2&id=${mark}`, messages: SAID, ...extra });
    const body = 'raw' in extra ? text.replace('"seed":1', '"seed":12345678901234567890') : text;
    for (let times = 0; times < 2; times++) {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
        body,
      });
      expect(cacheOf(response), what).toBe('off');
      await response.arrayBuffer();
    }
    expect(asked(mark)).toBe(2);
  });
});

describe('whose it is', () => {
  it('is kept apart for each app, and shared in the organisation where that is said', async () => {
    await Promise.all([app('one'), app('two')]);
    const [one, another, two] = await Promise.all([keyOf('one'), keyOf('one'), keyOf('two')]);
    const say = async (key: string, id: string) => cacheOf(await post(gateway.url, 'openai', `up/ok/text?words=2&id=${id}`, as(key)));
    expect([await say(one, 'apps'), await say(another, 'apps'), await say(two, 'apps'), await say(KEY, 'apps')]).toEqual([
      'miss',
      'hit',
      'miss',
      'miss',
    ]);
    await configure([{ use: 'cache', ttl: TTL, share: 'org' }]);
    expect([await say(one, 'orgs'), await say(another, 'orgs'), await say(two, 'orgs'), await say(KEY, 'orgs')]).toEqual([
      'miss',
      'hit',
      'hit',
      'hit',
    ]);
    await configure([{ use: 'cache', ttl: TTL }]);
  });

  it('is not given to who may not ask for it', async () => {
    await app('narrow');
    const [any, none] = await Promise.all([keyOf('narrow'), keyOf('narrow', { models: ['other/*'] })]);
    const model = 'up/ok/text?words=2&id=narrow';
    expect(cacheOf(await post(gateway.url, 'openai', model, as(any)))).toBe('miss');
    expect(cacheOf(await post(gateway.url, 'openai', model, as(any)))).toBe('hit');
    expect((await post(gateway.url, 'openai', model, as(none))).status).toBe(403);
  });

  it('is one request of the limits of who is given it, and no tokens', async () => {
    await app('limited');
    const key = await keyOf('limited', {
      limits: [
        { unit: 'requests', limit: 3, window: 'hour' },
        { unit: 'tokens', limit: 1_000, window: 'hour' },
      ],
    });
    const ask = () => post(gateway.url, 'openai', 'up/ok/text?words=2&id=limited', { ...as(key), extra: { max_completion_tokens: 50 } });
    const answers = [await ask(), await ask(), await ask(), await ask()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers.map(cacheOf)).toEqual(['miss', 'hit', 'hit', 'miss']);
    const left = answers.map(({ headers }) => headers.get('x-ratelimit-remaining-tokens'));
    expect(left[2]).toBe(left[1]);
    expect(asked('limited')).toBe(1);
  });
});

describe('is thrown away', () => {
  const purge = async (scope: object) => {
    const response = await gateway.admin('/cache', { method: 'DELETE', body: JSON.stringify(scope) });
    expect(response.status, await response.clone().text()).toBe(200);
    // Isolates hear of it within a second.
    await new Promise((resolve) => setTimeout(resolve, 1_050));
  };

  it('by its tag, its model, its app, its own key, or with all others, and only it', async () => {
    await configure([{ use: 'cache', ttl: TTL, tags: ['faq'] }]);
    const [model, other] = ['up/ok/text?words=2&id=purged', 'up/ok/text?words=2&id=stays'];
    const ask = async (each: string) => cacheOf(await post(gateway.url, 'openai', each));
    await Promise.all([ask(model), ask(other)]);
    const hit = await post(gateway.url, 'openai', model);
    expect(cacheOf(hit)).toBe('hit');
    const { facts } = (await gateway.row(hit.headers.get('x-weir-request-id'))) as unknown as { facts: { cache: { key: string } } };
    for (const scope of [{ model }, { model, tag: 'faq', app: 'app_dev', org: 'org_dev' }, { key: facts.cache.key }]) {
      await purge(scope);
      expect([await ask(model), await ask(model), await ask(other)], JSON.stringify(scope)).toEqual(['miss', 'hit', 'hit']);
    }
    for (const scope of [{ tag: 'else' }, { model, tag: 'else' }, { model: 'up/ok/text' }]) {
      await purge(scope);
      expect([await ask(model), await ask(other)], JSON.stringify(scope)).toEqual(['hit', 'hit']);
    }
    for (const scope of [{ tag: 'faq' }, { app: 'dev', org: 'org_dev' }, {}]) {
      await purge(scope);
      expect([await ask(model), await ask(other)], JSON.stringify(scope)).toEqual(['miss', 'miss']);
    }
    await configure([{ use: 'cache', ttl: TTL }]);
  }, 60_000);
});

describe('weir cache purge', () => {
  it('throws away what it is told to, and everything only where that is said', async () => {
    const model = 'up/ok/text?words=2&id=command';
    const ask = async () => cacheOf(await post(gateway.url, 'openai', model));
    expect([await ask(), await ask()]).toEqual(['miss', 'hit']);
    expect((await weirAt(gateway.url, ['cache', 'purge'])).code).toBe(2);
    expect((await weirAt(gateway.url, ['cache', 'purge', '--all', '--tag', 'faq'])).code).toBe(2);
    expect((await weirAt(gateway.url, ['cache', 'purge', '--app', 'nobody'])).code).toBe(1);
    expect(await ask()).toBe('hit');
    expect(await weirAt(gateway.url, ['cache', 'purge', '--model', model])).toMatchObject({
      code: 0,
      out: `Thrown away: model ${model}.\n`,
    });
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await ask()).toBe('miss');
    expect(await weirAt(gateway.url, ['cache', 'purge', '--all'])).toMatchObject({ code: 0, out: 'Every answer is thrown away.\n' });
  });
});
