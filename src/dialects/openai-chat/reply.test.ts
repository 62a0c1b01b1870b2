import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { GatewayError } from '../../core/errors.ts';
import { openaiChat } from './index.ts';

const options = { id: 'id-1', model: 'm', created: 1, wantsUsage: false };
const body = {
  id: 'r1',
  object: 'chat.completion',
  created: 5,
  model: 'served',
  choices: [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        refusal: null,
        reasoning_content: 'Hm.So.',
        thinking_blocks: [
          { type: 'thinking', thinking: 'Hm.', signature: 's' },
          { type: 'redacted_thinking', data: 'x' },
          { type: 'thinking', thinking: 'So.' },
        ],
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
          { id: 'b', type: 'custom', custom: { name: 'sh', input: 'ls' } },
        ],
      },
      logprobs: null,
      finish_reason: 'tool_calls',
    },
    { index: 1, message: { role: 'assistant', content: 'Hi', refusal: null }, logprobs: null, finish_reason: 'length' },
    { index: 2, message: { role: 'assistant', content: null, refusal: 'No' }, logprobs: null, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
};
const chunks: readonly ChatChunk[] = [
  { type: 'start', id: 'r1', model: 'served', created: 5 },
  { type: 'thinking', part: 0, choice: 0, text: 'Hm.' },
  { type: 'signature', part: 0, choice: 0, signature: 's', issuer: 'other' },
  { type: 'redacted-thinking', part: 1, choice: 0, data: 'x', issuer: 'other' },
  { type: 'thinking', part: 2, choice: 0, text: 'So.' },
  { type: 'tool-call', part: 3, choice: 0, id: 'a', name: 'f' },
  { type: 'tool-input', part: 3, choice: 0, text: '{"x":1}' },
  { type: 'tool-call', part: 4, choice: 0, id: 'b', name: 'sh', custom: true },
  { type: 'tool-input', part: 4, choice: 0, text: 'ls' },
  { type: 'finish', choice: 0, reason: 'tool-calls' },
  { type: 'text', part: 5, choice: 1, text: 'Hi' },
  { type: 'finish', choice: 1, reason: 'length' },
  { type: 'refusal', part: 6, choice: 2, text: 'No' },
  { type: 'finish', choice: 2, reason: 'stop' },
  { type: 'usage', usage: { input: 1, output: 2 } },
  { type: 'end' },
];

describe('a JSON answer of OpenAI chat', () => {
  it('is read as a stream that arrives at once', () => {
    expect(openaiChat.readReply(body)).toEqual(chunks);
  });

  it('is written from the chunks of one', () => {
    expect(openaiChat.writeReply(chunks, options)).toEqual({ body, loss: [] });
  });

  it('leaves calls without ids apart', () => {
    const call = { function: { name: 'f', arguments: '{}' } };
    const read = openaiChat.readReply({ id: 'r', choices: [{ message: { tool_calls: [call, call] } }] });
    expect(read.filter(({ type }) => type === 'tool-call')).toEqual([
      { type: 'tool-call', part: 0, choice: 0, id: 'call_r_0', name: 'f' },
      { type: 'tool-call', part: 1, choice: 0, id: 'call_r_1', name: 'f' },
    ]);
    expect(read.at(-2)).toEqual({ type: 'finish', choice: 0, reason: 'other' });
  });

  it('says an empty answer as an empty text', () => {
    const { body: written } = openaiChat.writeReply([{ type: 'finish', choice: 0, reason: 'stop' }, { type: 'end' }], options);
    expect(written).toMatchObject({ id: 'id-1', choices: [{ message: { role: 'assistant', content: '' } }] });
    expect(written).not.toHaveProperty('usage');
  });

  it('is refused where it is none, and thrown where it is an error', () => {
    for (const other of ['<html>', null, [], {}, { choices: 'no' }]) {
      expect(() => openaiChat.readReply(other)).toThrow(expect.objectContaining({ code: 'upstream_invalid' }));
    }
    const error = { error: { message: 'Busy', type: 'overloaded_error' } };
    expect(() => openaiChat.readReply(error)).toThrow(expect.objectContaining({ code: 'upstream_overloaded', message: 'Busy' }));
    const failed = new GatewayError('upstream_interrupted', 'Broken off.');
    expect(() => openaiChat.writeReply([{ type: 'error', error: failed }], options)).toThrow(failed);
  });
});
