import { describe, expect, it } from 'vitest';
import { compile } from '../../config/compile.ts';
import { rolls } from '../../config/rolls.ts';
import { LlmCall } from '../../core/call.ts';
import { fakeExchange, fakePorts } from '../../core/fakes.ts';
import type { PlatformModels } from '../../core/ports.ts';
import { aiSdkGateway } from '../../dialects/ai-sdk/index.ts';
import { openaiChat } from '../../dialects/openai-chat/index.ts';
import { resolveModel } from './resolve.ts';
import { prepare, send } from './upstream.ts';

const planOf = (providers: object) => compile({ providers }, { revision: 0, local: true, rolls });
const MODEL = '@cf/meta/llama-3.3-70b-instruct-fp8-fast';
const call = LlmCall.read(
  openaiChat,
  JSON.stringify({ model: `workers-ai/${MODEL}`, messages: [{ role: 'user', content: 'Hi' }] }),
  new Headers(),
);

describe('a model of Workers AI', () => {
  const target = { provider: 'workers-ai', model: MODEL };
  const signal = new AbortController().signal;

  it('is named with its provider, with or without an at sign, and alone where the provider is set up', () => {
    const plan = planOf({ 'workers-ai': { settings: { account: 'a1' }, key: { value: 'k' } } });
    for (const name of [`workers-ai/${MODEL}`, `@workers-ai/${MODEL}`, MODEL]) expect(resolveModel(plan, name).options).toEqual([target]);
    expect(() => resolveModel(plan, '@other/model')).toThrow('There is no model');
  });

  it('is asked over the network where the settings name an account', () => {
    const plan = planOf({ 'workers-ai': { settings: { account: 'a1' }, key: { value: 'k' } } });
    const ports = { ...fakePorts(), models: { run: () => Promise.reject(new Error('asked')) } };
    const { request, respond } = prepare(call, target, plan, fakeExchange({ ports }));
    expect(respond).toBeUndefined();
    expect(request).toMatchObject({
      url: 'https://api.cloudflare.com/client/v4/accounts/a1/ai/v1/chat/completions',
      headers: { authorization: 'Bearer k' },
    });
    expect(JSON.parse(String(request.body))).toMatchObject({ model: MODEL });
  });

  it('is asked through what is bound where they do not, without a key', async () => {
    const asked: unknown[] = [];
    const models: PlatformModels = {
      run: async (...given) => {
        asked.push(given);
        return Response.json({ response: 'Hello.' });
      },
    };
    const exchange = fakeExchange({ ports: { ...fakePorts(), models } });
    const dispatch = prepare(call, target, planOf({ 'workers-ai': {} }), exchange);
    expect(dispatch.request.headers).toEqual({});
    const response = await send(dispatch, target, signal, exchange);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'Hello.' } }] });
    expect(asked).toEqual([[MODEL, { messages: [{ role: 'user', content: 'Hi' }] }, signal]]);
  });

  it('is refused with what is missing where nothing is bound either', () => {
    expect(() => prepare(call, target, planOf({ 'workers-ai': {} }), fakeExchange({ ports: fakePorts() }))).toThrow('settings.account');
  });
});

describe('a dialect that names the model in its headers', () => {
  it('is spoken upstream with the headers of the target, and its body untouched', () => {
    const plan = planOf({ own: { baseUrl: 'https://gateway.example/v4/ai', dialects: ['ai-sdk-gateway'], key: { value: 'k' } } });
    const text = '{"prompt":[],"seed":12345678901234567890}';
    const asked = LlmCall.read(aiSdkGateway, text, new Headers(), 'chat', { model: 'own/a/b', stream: true });
    const { request } = prepare(asked, { provider: 'own', model: 'a/b' }, plan, fakeExchange({ ports: fakePorts() }));
    expect(request).toMatchObject({
      url: 'https://gateway.example/v4/ai/language-model',
      headers: { authorization: 'Bearer k', 'ai-language-model-id': 'a/b', 'ai-language-model-streaming': 'true' },
      body: text,
    });
  });
});

describe('a URL that names the model of a body with a place for it', () => {
  it('holds, and the body keeps the rest', () => {
    const read = LlmCall.read(openaiChat, '{"stream":true,"model":"other","seed":12345678901234567890}', new Headers(), 'chat', {
      model: 'deployed',
      stream: false,
    });
    expect(read.head).toMatchObject({ model: 'deployed', stream: true });
    expect(read.wire.text).toContain('12345678901234567890');
  });
});
