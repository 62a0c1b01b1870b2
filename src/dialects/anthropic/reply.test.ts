import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { GatewayError } from '../../core/errors.ts';
import { anthropic } from './index.ts';

const options = { id: 'req_1', model: 'asked', created: 1, wantsUsage: true };

const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [
    { type: 'thinking', thinking: 'Hm', signature: 'sig' },
    { type: 'redacted_thinking', data: 'xyz' },
    { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'q' } },
    { type: 'web_search_tool_result', tool_use_id: 's', content: [{ type: 'web_search_result', url: 'u' }] },
    { type: 'text', text: 'Look', citations: [{ type: 'web_search_result_location', url: 'u' }] },
    { type: 'tool_use', id: 't', name: 'f', input: { a: [1] } },
    { type: 'tool_use', id: 't2', name: 'g', input: {} },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  container: { id: 'c' },
  context_management: { applied_edits: [] },
  usage: {
    input_tokens: 2,
    cache_creation_input_tokens: 3,
    cache_read_input_tokens: 5,
    output_tokens: 7,
    output_tokens_details: { thinking_tokens: 4 },
  },
};

describe('a JSON answer of Anthropic', () => {
  it('is read as the chunks of its stream', () => {
    const chunks = anthropic.readReply(message).filter((chunk) => chunk.type !== 'raw');
    expect(chunks).toEqual([
      { type: 'start', id: 'msg_1', model: 'claude' },
      { type: 'usage', usage: { input: 10, output: 7, cacheRead: 5, cacheWrite: 3, reasoning: 4 } },
      { type: 'thinking', part: 0, choice: 0, text: 'Hm' },
      { type: 'signature', part: 0, choice: 0, signature: 'sig', issuer: 'anthropic' },
      { type: 'redacted-thinking', part: 1, choice: 0, data: 'xyz', issuer: 'anthropic' },
      { type: 'text', part: 4, choice: 0, text: 'Look' },
      { type: 'tool-call', part: 5, choice: 0, id: 't', name: 'f' },
      { type: 'tool-input', part: 5, choice: 0, text: '{"a":[1]}' },
      { type: 'tool-call', part: 6, choice: 0, id: 't2', name: 'g' },
      { type: 'tool-input', part: 6, choice: 0, text: '{}' },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
      { type: 'end' },
    ]);
  });

  it('is written as it was read', () => {
    expect(anthropic.writeReply(anthropic.readReply(message), options)).toEqual({ body: message, loss: [] });
  });

  it.each([[null], ['x'], [[]], [{}], [{ choices: [] }], [{ content: 'x' }]])('is not %j', (body) => {
    expect(() => anthropic.readReply(body)).toThrow(expect.objectContaining({ code: 'upstream_invalid' }));
  });

  it('may be an error in disguise', () => {
    const body = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    expect(() => anthropic.readReply(body)).toThrow(expect.objectContaining({ code: 'upstream_overloaded', message: 'Overloaded' }));
  });

  it('has arguments that are no object in one, named as a loss', () => {
    const chunks: ChatChunk[] = [
      { type: 'tool-call', part: 0, choice: 0, id: 't', name: 'f' },
      { type: 'tool-input', part: 0, choice: 0, text: '{"a"' },
      { type: 'end' },
    ];
    const { body, loss } = anthropic.writeReply(chunks, options);
    expect(body.content).toEqual([{ type: 'tool_use', id: 't', name: 'f', input: { input: '{"a"' } }]);
    expect(loss).toEqual(['tool_calls.function.arguments']);
  });

  it('is no answer where an error stands in it', () => {
    const error = new GatewayError('upstream_error', 'No.');
    expect(() => anthropic.writeReply([{ type: 'error', error }], options)).toThrow(error);
  });
});
