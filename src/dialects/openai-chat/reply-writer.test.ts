import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { GatewayError } from '../../core/errors.ts';
import { openaiChat } from './index.ts';

const options = { id: 'id-1', model: 'm', created: 1, wantsUsage: true };
const finish: ChatChunk = { type: 'finish', choice: 0, reason: 'stop' };
const end: ChatChunk = { type: 'end' };

/** The payloads of what was written, `[DONE]` among them. */
function write(chunks: readonly ChatChunk[], wantsUsage = true) {
  const writer = openaiChat.replyWriter({ ...options, wantsUsage });
  const text = chunks.map((chunk) => writer.write(chunk)).join('');
  const payloads = text.split('\n\n').filter((frame) => frame !== '');
  return { payloads: payloads.map((frame) => frame.replace(/^data: /, '')), loss: [...writer.loss] };
}

const deltas = (...chunks: ChatChunk[]) =>
  write(chunks).payloads.map((payload) => {
    const { choices } = JSON.parse(payload);
    return { index: choices[0].index, delta: choices[0].delta, reason: choices[0].finish_reason };
  });

describe('a stream written for OpenAI chat', () => {
  it('is deltas, a finish, usage, and the end', () => {
    const { payloads, loss } = write([
      { type: 'start', id: 'up-1', model: 'served' },
      { type: 'usage', usage: { input: 10, output: 0 } },
      { type: 'text', part: 0, choice: 0, text: 'Hi' },
      { type: 'text', part: 0, choice: 0, text: '' },
      { type: 'text', part: 0, choice: 0, text: ' you' },
      finish,
      { type: 'usage', usage: { input: 10, output: 2, cacheRead: 4, reasoning: 1 } },
      end,
    ]);
    const head = { id: 'up-1', object: 'chat.completion.chunk', created: 1, model: 'served' };
    const choice = (delta: object, reason: string | null = null) => ({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
    });
    expect(payloads.slice(0, -1).map((payload) => JSON.parse(payload))).toEqual([
      choice({ role: 'assistant', content: 'Hi' }),
      choice({ content: ' you' }),
      choice({}, 'stop'),
      {
        ...head,
        choices: [],
        usage: {
          prompt_tokens: 10,
          completion_tokens: 2,
          total_tokens: 12,
          prompt_tokens_details: { cached_tokens: 4 },
          completion_tokens_details: { reasoning_tokens: 1 },
        },
      },
    ]);
    expect(payloads.at(-1)).toBe('[DONE]');
    expect(loss).toEqual([]);
  });

  it('holds usage only where it was asked for', () => {
    expect(write([finish, { type: 'usage', usage: { input: 1, output: 1 } }, end], false).payloads).toHaveLength(2);
    expect(write([finish, end]).payloads).toHaveLength(2);
  });

  it('counts tool calls by choice', () => {
    const call = (part: number, choice: number, id: string): ChatChunk => ({ type: 'tool-call', part, choice, id, name: 'f' });
    const input = (part: number, choice: number, text: string): ChatChunk => ({ type: 'tool-input', part, choice, text });
    const opened = (index: number, id: string) => ({
      tool_calls: [{ index, id, type: 'function', function: { name: 'f', arguments: '' } }],
    });
    const more = (index: number, text: string) => ({ tool_calls: [{ index, function: { arguments: text } }] });
    expect(deltas(call(0, 0, 'a'), call(1, 0, 'b'), call(2, 1, 'c'), input(0, 0, '{}'), input(1, 0, '1'), input(2, 1, '2'))).toEqual(
      [
        { index: 0, delta: { role: 'assistant', ...opened(0, 'a') } },
        { index: 0, delta: opened(1, 'b') },
        { index: 1, delta: { role: 'assistant', ...opened(0, 'c') } },
        { index: 0, delta: more(0, '{}') },
        { index: 0, delta: more(1, '1') },
        { index: 1, delta: more(0, '2') },
      ].map((each) => ({ ...each, reason: null })),
    );
  });

  it('says by an empty object that a call of a function has no input', () => {
    const call = (part: number, more: object = {}): ChatChunk => ({
      type: 'tool-call',
      part,
      choice: 0,
      id: `c${part}`,
      name: 'f',
      ...more,
    });
    const input: ChatChunk = { type: 'tool-input', part: 1, choice: 0, text: '{"a":1}' };
    expect(deltas(call(0), call(1), input, call(2, { custom: true }), finish).slice(4)).toEqual([
      { index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: '{}' } }] }, reason: null },
      { index: 0, delta: {}, reason: 'stop' },
    ]);
  });

  it('has a content where nothing was said, as whole answers have', () => {
    const thinking: ChatChunk = { type: 'thinking', part: 0, choice: 0, text: 'Hm.' };
    expect(deltas(finish)).toEqual([{ index: 0, delta: { role: 'assistant', content: '' }, reason: 'stop' }]);
    expect(deltas(thinking, finish).at(-1)?.delta).toEqual({ content: '' });
    expect(deltas({ type: 'refusal', part: 0, choice: 0, text: 'No.' }, finish).at(-1)?.delta).toEqual({});
  });

  it('sends a signature with the thinking that it signs', () => {
    expect(
      deltas(
        { type: 'thinking', part: 0, choice: 0, text: 'a' },
        { type: 'thinking', part: 0, choice: 0, text: 'b' },
        { type: 'signature', part: 0, choice: 0, signature: 's' },
        { type: 'redacted-thinking', part: 1, choice: 0, data: 'x' },
      ).map(({ delta }) => delta),
    ).toEqual([
      { role: 'assistant', reasoning_content: 'a' },
      { reasoning_content: 'b' },
      { thinking_blocks: [{ index: 0, type: 'thinking', thinking: 'ab', signature: 's' }] },
      { thinking_blocks: [{ index: 1, type: 'redacted_thinking', data: 'x' }] },
    ]);
  });

  it.each([
    ['stop-sequence', 'stop', []],
    ['length', 'length', []],
    ['context-window', 'length', ['finish_reason.context-window']],
    ['tool-calls', 'tool_calls', []],
    ['content-filter', 'content_filter', []],
    ['refusal', 'stop', ['finish_reason.refusal']],
    ['pause', 'stop', ['finish_reason.pause']],
    ['error', 'error', []],
    ['other', 'stop', []],
  ] as const)('says %s as %s', (reason, word, loss) => {
    const written = write([{ type: 'finish', choice: 0, reason }]);
    expect(written.payloads.map((payload) => JSON.parse(payload).choices[0].finish_reason)).toEqual([word]);
    expect(written.loss).toEqual(loss);
  });

  it('ends in an error without the mark of a complete answer', () => {
    const { payloads } = write([
      { type: 'text', part: 0, choice: 0, text: 'Hi' },
      { type: 'error', error: new GatewayError('upstream_interrupted', 'Broken off.') },
      finish,
      end,
    ]);
    expect(payloads.slice(1).map((payload) => JSON.parse(payload))).toEqual([
      { error: { message: 'Broken off.', type: 'server_error', param: null, code: 'upstream_interrupted' }, request_id: 'id-1' },
    ]);
  });

  it('names content that only another dialect knows', () => {
    expect(write([{ type: 'raw', dialect: 'anthropic', name: 'server_tool_use', value: {} }, end])).toEqual({
      payloads: ['[DONE]'],
      loss: ['server_tool_use'],
    });
  });
});
