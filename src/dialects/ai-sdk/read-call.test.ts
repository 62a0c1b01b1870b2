import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { openaiChat } from '../openai-chat/index.ts';
import { aiSdkGateway } from './index.ts';

const user = (...content: JsonObject[]): JsonObject => ({ prompt: [{ role: 'user', content }] });
const assistant = (...content: JsonObject[]): JsonObject => ({ prompt: [{ role: 'assistant', content }] });
const partsOf = (body: JsonObject) => aiSdkGateway.readCall(body).messages[0]?.content;

describe('files', () => {
  const png = 'iVBORw0KGgo=';
  it.each([
    [
      { data: { type: 'data', data: png }, mediaType: 'image/png' },
      { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: png } },
    ],
    [
      { data: { type: 'data', data: png }, mediaType: 'image' },
      { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: png } },
    ],
    [
      { data: { type: 'data', data: '/9j/4AAQ' }, mediaType: 'image/*' },
      { type: 'image', source: { kind: 'base64', mediaType: 'image/jpeg', data: '/9j/4AAQ' } },
    ],
    [
      { data: { type: 'url', url: 'https://a.example/p' }, mediaType: 'image/*' },
      { type: 'image', source: { kind: 'url', url: 'https://a.example/p' } },
    ],
    // As the versions before the current one have it.
    [
      { data: `data:image/png;base64,${png}`, mediaType: 'image/*' },
      { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: png } },
    ],
    [
      { data: 'https://a.example/p', mediaType: 'image/*' },
      { type: 'image', source: { kind: 'url', url: 'https://a.example/p' } },
    ],
    [
      { data: { type: 'data', data: 'SUQz' }, mediaType: 'audio' },
      { type: 'audio', data: 'SUQz', format: 'mp3' },
    ],
    [
      { data: { type: 'data', data: 'UklGRg' }, mediaType: 'audio' },
      { type: 'audio', data: 'UklGRg', format: 'wav' },
    ],
    [
      { data: { type: 'data', data: 'JVBERi0x' }, mediaType: 'application/pdf', filename: 'a.pdf' },
      { type: 'file', name: 'a.pdf', source: { kind: 'base64', mediaType: 'application/pdf', data: 'JVBERi0x' } },
    ],
    [
      { data: { type: 'text', text: 'Ä' }, mediaType: 'text/plain' },
      { type: 'file', source: { kind: 'text', mediaType: 'text/plain', text: 'Ä' } },
    ],
    [
      { data: { type: 'data', data: 'w4Q=' }, mediaType: 'text/csv' },
      { type: 'file', source: { kind: 'text', mediaType: 'text/csv', text: 'Ä' } },
    ],
    [
      { data: { type: 'reference', reference: { openai: 'file-1' } }, mediaType: 'application/pdf' },
      { type: 'file', source: { kind: 'file', id: 'file-1' } },
    ],
  ])('%j', (file, part) => {
    expect(partsOf(user({ type: 'file', ...file }))).toEqual([part]);
  });

  it('name the field that is wrong', () => {
    expect(() => partsOf(user({ type: 'file', data: { type: 'blob' }, mediaType: 'image/png' }))).toThrow(
      '`prompt[0].content[0].data.type`',
    );
    expect(() => aiSdkGateway.readCall({ prompt: 'Hello' })).toThrow('`prompt` must be an array');
  });
});

describe('what a vendor wants back', () => {
  it.each([
    ['anthropic', 'signature', 'anthropic'],
    ['google', 'thoughtSignature', 'gemini'],
    ['vertex', 'thoughtSignature', 'gemini'],
    ['openai', 'reasoningEncryptedContent', 'openai'],
    ['azure', 'reasoningEncryptedContent', 'openai'],
    ['bedrock', 'signature', 'bedrock'],
    ['weir', 'signature', 'other'],
  ])("stands where the SDK's provider %s keeps it", (provider, name, issuer) => {
    const providerOptions = { [provider]: { [name]: 'c2ln' } };
    expect(partsOf(assistant({ type: 'reasoning', text: 'Hm.', providerOptions }))).toEqual([
      { type: 'thinking', text: 'Hm.', signature: 'c2ln', issuer },
    ]);
    expect(partsOf(assistant({ type: 'tool-call', toolCallId: 'a', toolName: 't', input: { n: 1 }, providerOptions }))).toEqual([
      { type: 'tool-call', id: 'a', name: 't', input: '{"n":1}', signature: 'c2ln', issuer },
    ]);
  });

  it('may be nothing, and may be all there is', () => {
    const none = { openai: { itemId: 'rs_1', reasoningEncryptedContent: null } };
    expect(partsOf(assistant({ type: 'reasoning', text: 'Hm.', providerOptions: none }))).toEqual([
      { type: 'thinking', text: 'Hm.', id: 'rs_1', summary: true },
    ]);
    const hidden = { anthropic: { redactedData: 'c2ln' } };
    expect(partsOf(assistant({ type: 'reasoning', text: '', providerOptions: hidden }))).toEqual([
      { type: 'redacted-thinking', data: 'c2ln', issuer: 'anthropic' },
    ]);
  });

  it('belongs to one item that came as several paragraphs', () => {
    const part = (text: string, sealed: string | null) => ({
      type: 'reasoning',
      text,
      providerOptions: { openai: { itemId: 'rs_1', reasoningEncryptedContent: sealed } },
    });
    expect(partsOf(assistant(part('First.', null), part('Second.', 'c2ln')))).toEqual([
      { type: 'thinking', text: 'First.\n\nSecond.', id: 'rs_1', summary: true, signature: 'c2ln', issuer: 'openai' },
    ]);
  });
});

describe('what tools answered', () => {
  const result = (output: JsonObject) => {
    const prompt = [{ role: 'tool', content: [{ type: 'tool-result', toolCallId: 'a', toolName: 't', output }] }];
    return { prompt, part: partsOf({ prompt })?.[0] };
  };
  it.each([
    [{ type: 'text', value: 'rain' }, 'rain', undefined],
    [{ type: 'json', value: { sky: 'rain' } }, '{"sky":"rain"}', undefined],
    [{ type: 'json', value: 'rain' }, '"rain"', undefined],
    [{ type: 'error-text', value: 'no' }, 'no', true],
    [{ type: 'error-json', value: [1] }, '[1]', true],
    [{ type: 'execution-denied', reason: 'Not now.' }, 'Not now.', undefined],
  ])('%j', (output, text, isError) => {
    const { prompt, part } = result(output);
    expect(part).toEqual({ type: 'tool-result', callId: 'a', content: [{ type: 'text', text }], ...(isError && { isError }) });
    const edited = aiSdkGateway.texts({ prompt }, (each) => each.replaceAll(/rain|no/gi, '*'));
    expect(partsOf(edited)?.[0]).toMatchObject({ content: [{ text: text.replaceAll(/rain|no/gi, '*') }] });
  });

  it('may be pictures, in each form that they ever had', () => {
    const picture = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } };
    const linked = { type: 'image', source: { kind: 'url', url: 'https://a.example/p' } };
    const value = [
      { type: 'text', text: 'See:' },
      { type: 'file', data: { type: 'data', data: 'AAAA' }, mediaType: 'image/png' },
      { type: 'media', data: 'AAAA', mediaType: 'image/png' },
      { type: 'image-data', data: 'AAAA', mediaType: 'image/png' },
      { type: 'image-url', url: 'https://a.example/p' },
    ];
    expect(result({ type: 'content', value }).part).toMatchObject({ content: [{ text: 'See:' }, picture, picture, picture, linked] });
  });
});

describe('options by provider', () => {
  const prompt = [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }];
  const call = (fields: JsonObject) => aiSdkGateway.readCall({ prompt, ...fields });

  it('are understood where they mean the same everywhere', () => {
    expect(call({ reasoning: 'high' }).reasoning).toEqual({ effort: 'high' });
    expect(call({ reasoning: 'provider-default' }).reasoning).toBeUndefined();
    expect(call({ providerOptions: { anthropic: { thinking: { type: 'enabled', budgetTokens: 2000 } } } }).reasoning).toEqual({
      mode: 'enabled',
      budgetTokens: 2000,
    });
    expect(call({ providerOptions: { google: { thinkingConfig: { thinkingBudget: 0 } } } }).reasoning).toEqual({ mode: 'disabled' });
    expect(call({ providerOptions: { openai: { reasoningEffort: 'low', parallelToolCalls: false, store: false } } })).toMatchObject({
      reasoning: { effort: 'low' },
      parallelToolCalls: false,
      store: false,
    });
    expect(call({ providerOptions: { gateway: { user: 'u1' } } }).user).toBe('u1');
  });

  it('become fields of the dialect that has them, and are named where it has none', () => {
    const chat = call({
      providerOptions: { openai: { serviceTier: 'flex' }, gateway: { order: ['a'] } },
      includeRawChunks: false,
      headers: { 'user-agent': 'ai' },
    });
    const { body, loss } = openaiChat.writeCall({ ...chat, model: 'm' }, {});
    expect(body.service_tier).toBe('flex');
    expect(loss).toEqual(['providerOptions.gateway.order']);
  });

  it('put breakpoints of a cache on the last part of a message', () => {
    const providerOptions = { anthropic: { cacheControl: { type: 'ephemeral' } } };
    const { messages } = aiSdkGateway.readCall({
      prompt: [
        { role: 'system', content: 'Be brief.', providerOptions },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
          providerOptions,
        },
      ],
    });
    expect(messages.map(({ content }) => content)).toEqual([
      [{ type: 'text', text: 'Be brief.', cache: { type: 'ephemeral' } }],
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b', cache: { type: 'ephemeral' } },
      ],
    ]);
  });
});
