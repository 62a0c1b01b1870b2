import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { GatewayError } from '../../core/errors.ts';
import { type JsonObject, parseJson } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import { aiSdkGateway } from './index.ts';

const options = { id: 'req_1', model: 'asked', created: 1_800_000_000, wantsUsage: true };
const choice = 0;

function partsOf(chunks: readonly ChatChunk[]): readonly JsonObject[] {
  const writer = aiSdkGateway.replyWriter(options);
  const lines = chunks
    .map((chunk) => writer.write(chunk))
    .join('')
    .split('\n');
  return lines.filter((line) => line.startsWith('data: ')).map((line) => parseJson(line.slice(6)) as JsonObject);
}

const read = (...parts: JsonObject[]) => {
  const reader = aiSdkGateway.replyReader();
  return parts.flatMap((part) => reader.read(Frame.of(`data: ${JSON.stringify(part)}\n\n`)));
};

describe('a stream', () => {
  it('begins with warnings and the name of what answers, and ends with usage', () => {
    const parts = partsOf([
      { type: 'start', id: 'a_1', model: 'served', created: 1_700_000_000 },
      { type: 'text', part: 0, choice, text: 'Hi' },
      { type: 'finish', choice, reason: 'stop', vendor: 'end_turn' },
      { type: 'usage', usage: { input: 10, output: 5, cacheRead: 4, cacheWrite: 1, reasoning: 2, audioInput: 3 } },
      { type: 'end' },
    ]);
    expect(parts).toEqual([
      { type: 'stream-start', warnings: [] },
      { type: 'response-metadata', id: 'a_1', modelId: 'served', timestamp: '2023-11-14T22:13:20.000Z' },
      { type: 'text-start', id: '0' },
      { type: 'text-delta', id: '0', delta: 'Hi' },
      { type: 'text-end', id: '0' },
      {
        type: 'finish',
        usage: {
          inputTokens: { total: 10, noCache: 5, cacheRead: 4, cacheWrite: 1 },
          outputTokens: { total: 5, text: 3, reasoning: 2 },
          raw: { audioInput: 3 },
        },
        finishReason: { unified: 'stop', raw: 'end_turn' },
      },
    ]);
  });

  it('tells calls that are made side by side under their own ids, whole at its end', () => {
    const parts = partsOf([
      { type: 'tool-call', part: 0, choice, id: 'a', name: 'x' },
      { type: 'tool-call', part: 1, choice, id: 'b', name: 'y' },
      { type: 'tool-input', part: 1, choice, text: '{"n":' },
      { type: 'tool-input', part: 0, choice, text: '' },
      { type: 'tool-input', part: 1, choice, text: '1}' },
      { type: 'signature', part: 0, choice, signature: 'c2ln', issuer: 'gemini' },
      { type: 'finish', choice, reason: 'tool-calls' },
      { type: 'end' },
    ]);
    expect(parts.slice(2, 6).map(({ type, id }) => [type, id])).toEqual([
      ['tool-input-start', 'a'],
      ['tool-input-start', 'b'],
      ['tool-input-delta', 'b'],
      ['tool-input-delta', 'b'],
    ]);
    expect(parts.filter(({ type }) => type === 'tool-call')).toEqual([
      { type: 'tool-call', toolCallId: 'a', toolName: 'x', input: '{}', providerMetadata: { google: { thoughtSignature: 'c2ln' } } },
      { type: 'tool-call', toolCallId: 'b', toolName: 'y', input: '{"n":1}' },
    ]);
  });

  it('ends thinking before what follows it, with its signature', () => {
    const parts = partsOf([
      { type: 'thinking', part: 0, choice, text: 'Hm.' },
      { type: 'signature', part: 0, choice, signature: 'c2ln', issuer: 'anthropic' },
      { type: 'redacted-thinking', part: 1, choice, data: 'aGlk', issuer: 'anthropic' },
      { type: 'text', part: 2, choice, text: 'So.' },
      { type: 'end' },
    ]);
    expect(parts.slice(2, -1).map(({ type, id, providerMetadata }) => [type, id, providerMetadata])).toEqual([
      ['reasoning-start', '0', undefined],
      ['reasoning-delta', '0', undefined],
      ['reasoning-end', '0', { anthropic: { signature: 'c2ln' } }],
      ['reasoning-start', '1', undefined],
      ['reasoning-end', '1', { anthropic: { redactedData: 'aGlk' } }],
      ['text-start', '2', undefined],
      ['text-delta', '2', undefined],
      ['text-end', '2', undefined],
    ]);
  });

  it('says what it cannot by name, and an error in the words of the SDK', () => {
    const writer = aiSdkGateway.replyWriter(options);
    writer.write({ type: 'raw', dialect: 'anthropic', name: 'citations', value: {} });
    writer.write({ type: 'text', part: 0, choice: 1, text: 'other' });
    expect([...writer.loss]).toEqual(['citations', 'n']);
    const frame = writer.write({ type: 'error', error: new GatewayError('upstream_rate_limited', 'Slowly.') });
    expect(parseJson(frame.slice(6))).toEqual({
      type: 'error',
      error: { message: 'Slowly.', type: 'rate_limit_exceeded', code: 'upstream_rate_limited', generationId: 'req_1' },
    });
    expect(writer.write({ type: 'end' })).toBe('');
  });
});

describe('an answer of another gateway', () => {
  it('may tell a call at once, its signatures again and again, and what only it has', () => {
    expect(
      read(
        { type: 'reasoning-start', id: 'r', providerMetadata: { openai: { itemId: 'rs_1', reasoningEncryptedContent: null } } },
        { type: 'reasoning-delta', id: 'r', delta: 'Hm.' },
        { type: 'reasoning-end', id: 'r', providerMetadata: { openai: { itemId: 'rs_1', reasoningEncryptedContent: 'c2ln' } } },
        { type: 'text-start', id: 'r', providerMetadata: { google: { thoughtSignature: 'dGV4dA' } } },
        { type: 'text-delta', id: 'r', delta: 'So.', providerMetadata: { google: { thoughtSignature: 'dGV4dA' } } },
        { type: 'tool-call', toolCallId: 'a', toolName: 'x', input: '{"n":1}' },
        { type: 'source', sourceType: 'url', id: 's', url: 'https://a.example' },
        { type: 'finish', usage: { inputTokens: { total: 3 }, outputTokens: { total: 2 } }, finishReason: { unified: 'interrupted' } },
      ),
    ).toEqual([
      { type: 'thinking', part: 0, choice, text: 'Hm.' },
      { type: 'signature', part: 0, choice, signature: 'c2ln', issuer: 'openai' },
      { type: 'signature', part: 1, choice, signature: 'dGV4dA', issuer: 'gemini' },
      { type: 'text', part: 1, choice, text: 'So.' },
      { type: 'tool-call', part: 2, choice, id: 'a', name: 'x' },
      { type: 'tool-input', part: 2, choice, text: '{"n":1}' },
      {
        type: 'raw',
        dialect: 'ai-sdk-gateway',
        name: 'source',
        value: { type: 'source', sourceType: 'url', id: 's', url: 'https://a.example' },
      },
      { type: 'usage', usage: { input: 3, output: 2 } },
      { type: 'finish', choice, reason: 'error' },
      { type: 'end' },
    ]);
  });

  it('may fail in the words of its own errors', () => {
    const error = aiSdkGateway.readError(
      404,
      { error: { message: 'No such model.', type: 'model_not_found', param: { modelId: 'x' } } },
      new Headers(),
    );
    expect(error).toMatchObject({ code: 'upstream_rejected', status: 404, message: 'No such model.' });
    expect(read({ type: 'error', error: { message: 'Slowly.', type: 'rate_limit_exceeded' } })).toMatchObject([
      { error: { code: 'upstream_rate_limited' } },
    ]);
    expect(() => aiSdkGateway.readReply({ text: 'Hello' })).toThrow(GatewayError);
  });
});
