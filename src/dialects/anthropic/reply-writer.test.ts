import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { GatewayError } from '../../core/errors.ts';
import { asString, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { FrameSplitter } from '../../core/sse.ts';
import { anthropic } from './index.ts';

const options = { id: 'req_1', model: 'asked', created: 1, wantsUsage: true };

function write(...chunks: ChatChunk[]) {
  const writer = anthropic.replyWriter(options);
  const text = chunks.map((chunk) => writer.write(chunk)).join('');
  const frames = new FrameSplitter().push(new TextEncoder().encode(text));
  const events = frames.map((frame): JsonObject => {
    const event = parseJson(frame.data ?? '');
    if (!isObject(event)) throw new Error(`no event: ${frame.text}`);
    expect(frame.event).toBe(asString(event.type));
    return event;
  });
  return { events, loss: [...writer.loss] };
}

const at = (part: number) => ({ part, choice: 0 }) as const;
const start: ChatChunk = { type: 'start', id: 'msg_1', model: 'claude' };
const done: ChatChunk[] = [{ type: 'finish', choice: 0, reason: 'stop' }, { type: 'end' }];
const types = (events: readonly JsonObject[]) => events.map(({ type, index }) => (index === undefined ? type : `${type} ${index}`));

describe('an Anthropic stream written', () => {
  it('is sequential blocks between the start and the end', () => {
    const { events, loss } = write(
      start,
      { type: 'usage', usage: { input: 12, output: 3, cacheRead: 10 } },
      { type: 'thinking', ...at(0), text: 'Hm' },
      { type: 'signature', ...at(0), signature: 'sig' },
      { type: 'redacted-thinking', ...at(1), data: 'xyz' },
      { type: 'text', ...at(2), text: 'Hel' },
      { type: 'text', ...at(2), text: 'lo' },
      { type: 'refusal', ...at(3), text: 'No.' },
      { type: 'finish', choice: 0, reason: 'stop-sequence', stopSequence: 'END' },
      { type: 'usage', usage: { input: 12, output: 8, cacheRead: 10, cacheWrite: 1, reasoning: 4 } },
      { type: 'end' },
    );
    expect(loss).toEqual([]);
    expect(events).toEqual([
      {
        type: 'message_start',
        message: {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model: 'claude',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 2, cache_creation_input_tokens: 0, cache_read_input_tokens: 10, output_tokens: 1 },
        },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'redacted_thinking', data: 'xyz' } },
      { type: 'content_block_stop', index: 1 },
      { type: 'content_block_start', index: 2, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 2, delta: { type: 'text_delta', text: 'Hel' } },
      { type: 'content_block_delta', index: 2, delta: { type: 'text_delta', text: 'lo' } },
      { type: 'content_block_stop', index: 2 },
      { type: 'content_block_start', index: 3, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 3, delta: { type: 'text_delta', text: 'No.' } },
      { type: 'content_block_stop', index: 3 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' },
        usage: {
          input_tokens: 1,
          cache_creation_input_tokens: 1,
          cache_read_input_tokens: 10,
          output_tokens: 8,
          output_tokens_details: { thinking_tokens: 4 },
        },
      },
      { type: 'message_stop' },
    ]);
  });

  it('keeps the blocks of tools open side by side, until something else begins', () => {
    const call = (part: number): ChatChunk => ({ type: 'tool-call', ...at(part), id: part === 0 ? 't0' : '', name: 'f' });
    const input = (part: number, text: string): ChatChunk => ({ type: 'tool-input', ...at(part), text });
    const { events, loss } = write(start, call(0), input(0, '{'), call(1), input(1, '{'), input(0, '}'), input(1, '}'), {
      type: 'text',
      ...at(2),
      text: 'x',
    });
    expect(types(events)).toEqual([
      'message_start',
      'content_block_start 0',
      'content_block_delta 0',
      'content_block_start 1',
      'content_block_delta 1',
      'content_block_delta 0',
      'content_block_delta 1',
      'content_block_stop 0',
      'content_block_stop 1',
      'content_block_start 2',
      'content_block_delta 2',
    ]);
    expect(events[3]).toMatchObject({ content_block: { type: 'tool_use', id: 'toolu_req_1_1', name: 'f', input: {} } });
    expect(loss).toEqual([]);
  });

  it('names arguments that come after their block had to be closed', () => {
    const { events, loss } = write(
      start,
      { type: 'tool-call', ...at(0), id: 't', name: 'f' },
      { type: 'text', ...at(1), text: 'x' },
      { type: 'tool-input', ...at(0), text: '{}' },
      ...done,
    );
    expect(events).toHaveLength(8);
    expect(loss).toEqual(['tool_calls.function.arguments']);
  });

  it("wraps a custom tool's text in an object", () => {
    const { events, loss } = write(
      start,
      { type: 'tool-call', ...at(0), id: 't', name: 'f', custom: true },
      { type: 'tool-input', ...at(0), text: 'say "h' },
      { type: 'tool-input', ...at(0), text: 'i"' },
      ...done,
    );
    expect(events[2]).toMatchObject({ delta: { type: 'input_json_delta', partial_json: '{"input":"say \\"hi\\""}' } });
    expect(loss).toEqual(['tool_calls.custom']);
  });

  it('has a start and zero usage even where nothing was said', () => {
    const { events } = write(start, ...done);
    expect(types(events)).toEqual(['message_start', 'message_delta', 'message_stop']);
    const zero = { input_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 };
    expect(events[0]).toMatchObject({ message: { usage: zero } });
    expect(events[1]).toMatchObject({ delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: zero });
    expect(write({ type: 'end' }).events[1]).toMatchObject({ delta: { stop_reason: null } });
    expect(write({ type: 'end' }).events[0]).toMatchObject({ message: { id: 'req_1', model: 'asked' } });
  });

  it.each([
    ['length', 'max_tokens', []],
    ['tool-calls', 'tool_use', []],
    ['content-filter', 'refusal', []],
    ['refusal', 'refusal', []],
    ['pause', 'pause_turn', []],
    ['context-window', 'model_context_window_exceeded', []],
    ['other', 'end_turn', ['finish_reason']],
    ['error', null, ['finish_reason']],
  ] as const)('says that the answer ended by %s', (reason, word, loss) => {
    const written = write(start, { type: 'finish', choice: 0, reason }, { type: 'end' });
    expect(written.events[1]).toMatchObject({ delta: { stop_reason: word } });
    expect(written.loss).toEqual(loss);
  });

  it('says one answer, and names what it cannot say', () => {
    const { events, loss } = write(
      start,
      { type: 'text', part: 0, choice: 1, text: 'other' },
      { type: 'raw', dialect: 'openai-chat', name: 'logprobs', value: {} },
      { type: 'finish', choice: 1, reason: 'length' },
      ...done,
      { type: 'text', ...at(5), text: 'late' },
    );
    expect(types(events)).toEqual(['message_start', 'message_delta', 'message_stop']);
    expect(events[1]).toMatchObject({ delta: { stop_reason: 'end_turn' } });
    expect(loss).toEqual(['n', 'logprobs']);
  });

  it('has an error as its last frame', () => {
    const error = new GatewayError('upstream_interrupted', 'Broken off.');
    const { events } = write(start, { type: 'text', ...at(0), text: 'x' }, { type: 'error', error }, ...done);
    expect(events.at(-1)).toEqual({
      type: 'error',
      error: { type: 'api_error', message: 'Broken off.', code: 'upstream_interrupted' },
      request_id: 'req_1',
    });
    expect(types(events)).not.toContain('message_stop');
  });

  it('hands on what this dialect alone knows, with its own numbers', () => {
    const search = { type: 'server_tool_use', id: 's', name: 'web_search', input: {} };
    const citation = { type: 'web_search_result_location', url: 'u' };
    const raw = (value: JsonObject): ChatChunk => ({ type: 'raw', dialect: 'anthropic', name: 'x', value });
    const { events, loss } = write(
      start,
      raw({ type: 'content_block_start', index: 4, content_block: search }),
      raw({ type: 'content_block_delta', index: 4, delta: { type: 'input_json_delta', partial_json: '{}' } }),
      raw({ type: 'content_block_stop', index: 4 }),
      { type: 'text', ...at(5), text: 'Look: ' },
      raw({ type: 'content_block_delta', index: 6, delta: { type: 'citations_delta', citation } }),
      { type: 'text', ...at(6), text: 'x' },
      raw({ type: 'message_delta', delta: { container: { id: 'c' } } }),
      raw({ type: 'message_delta', context_management: {} }),
      ...done,
    );
    expect(types(events.slice(1, -2))).toEqual([
      'content_block_start 0',
      'content_block_delta 0',
      'content_block_stop 0',
      'content_block_start 1',
      'content_block_delta 1',
      'content_block_stop 1',
      'content_block_start 2',
      'content_block_delta 2',
      'content_block_delta 2',
      'content_block_stop 2',
    ]);
    expect(events[1]).toMatchObject({ content_block: search });
    expect(events.at(-2)).toMatchObject({ delta: { container: { id: 'c' }, stop_reason: 'end_turn' }, context_management: {} });
    expect(loss).toEqual([]);
  });
});
