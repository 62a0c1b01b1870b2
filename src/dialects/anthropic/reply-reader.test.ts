import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import { anthropic } from './index.ts';

const frame = (event: JsonObject) => Frame.of(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
const read = (...events: JsonObject[]) => {
  const reader = anthropic.replyReader();
  return events.flatMap((event) => reader.read(frame(event)));
};
const start = (usage: JsonObject = { input_tokens: 5, output_tokens: 1 }, id = 'msg_1') => ({
  type: 'message_start',
  message: { id, model: 'claude', usage },
});
const block = (index: number, content_block: JsonObject) => ({ type: 'content_block_start', index, content_block });
const delta = (index: number, fields: JsonObject) => ({ type: 'content_block_delta', index, delta: fields });
const stop = (index: number) => ({ type: 'content_block_stop', index });
const finish = (stop_reason: string, usage: JsonObject = { output_tokens: 9 }) => ({
  type: 'message_delta',
  delta: { stop_reason, stop_sequence: null },
  usage,
});
const end = { type: 'message_stop' };

describe('an Anthropic stream read', () => {
  it('is the start, the content by parts, the finish and the end', () => {
    const chunks = read(
      start(),
      { type: 'ping' },
      block(0, { type: 'thinking', thinking: '', signature: '' }),
      delta(0, { type: 'thinking_delta', thinking: 'Hm' }),
      delta(0, { type: 'signature_delta', signature: 'sig' }),
      stop(0),
      block(1, { type: 'redacted_thinking', data: 'xyz' }),
      stop(1),
      block(2, { type: 'text', text: '' }),
      delta(2, { type: 'text_delta', text: 'Hello' }),
      stop(2),
      block(3, { type: 'tool_use', id: 't1', name: 'f', input: {} }),
      delta(3, { type: 'input_json_delta', partial_json: '' }),
      delta(3, { type: 'input_json_delta', partial_json: '{"a":' }),
      delta(3, { type: 'input_json_delta', partial_json: '1}' }),
      stop(3),
      { type: 'something_new' },
      finish('tool_use'),
      end,
    );
    expect(chunks).toEqual([
      { type: 'start', id: 'msg_1', model: 'claude' },
      { type: 'usage', usage: { input: 5, output: 1 } },
      { type: 'thinking', part: 0, choice: 0, text: 'Hm' },
      { type: 'signature', part: 0, choice: 0, signature: 'sig', issuer: 'anthropic' },
      { type: 'redacted-thinking', part: 1, choice: 0, data: 'xyz', issuer: 'anthropic' },
      { type: 'text', part: 2, choice: 0, text: 'Hello' },
      { type: 'tool-call', part: 3, choice: 0, id: 't1', name: 'f' },
      { type: 'tool-input', part: 3, choice: 0, text: '{"a":' },
      { type: 'tool-input', part: 3, choice: 0, text: '1}' },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
      { type: 'usage', usage: { input: 5, output: 9 } },
      { type: 'end' },
    ]);
  });

  it.each([
    [{}, '{}'],
    [undefined, '{}'],
    [{ a: 1 }, '{"a":1}'],
    ['{"a":1}', '{"a":1}'],
  ])('takes the input %j of a tool from the start of its block where none streams', (input, text) => {
    const tool = { type: 'tool_use', id: 't1', name: 'f', input };
    for (const unstopped of [[stop(0)], []]) {
      const chunks = read(
        start(),
        block(0, tool),
        delta(0, { type: 'input_json_delta', partial_json: '' }),
        ...unstopped,
        finish('tool_use'),
      );
      expect(chunks.filter((chunk) => chunk.type === 'tool-input')).toEqual([{ type: 'tool-input', part: 0, choice: 0, text }]);
    }
  });

  it('counts usage per field with the last count, cached tokens included, and refuses what is no count', () => {
    const chunks = read(
      start({ input_tokens: 2, cache_creation_input_tokens: 30, cache_read_input_tokens: 400, output_tokens: 1 }),
      finish('end_turn', {
        input_tokens: 6,
        cache_creation_input_tokens: null,
        cache_read_input_tokens: -1,
        output_tokens: 198,
        output_tokens_details: { thinking_tokens: 150 },
      }),
      { type: 'message_delta', delta: {}, usage: { output_tokens: 1e10 } },
    );
    const usages = chunks.filter((chunk) => chunk.type === 'usage').map((chunk) => chunk.usage);
    const final = { input: 436, output: 198, cacheRead: 400, cacheWrite: 30, reasoning: 150 };
    expect(usages).toEqual([{ input: 432, output: 1, cacheRead: 400, cacheWrite: 30 }, final, final]);
  });

  it('gives no usage while one side is unknown', () => {
    expect(read(start({}), finish('end_turn', { output_tokens: 3 })).some((chunk) => chunk.type === 'usage')).toBe(false);
  });

  it.each([
    ['end_turn', { reason: 'stop' }],
    ['max_tokens', { reason: 'length' }],
    ['tool_use', { reason: 'tool-calls' }],
    ['pause_turn', { reason: 'pause' }],
    ['refusal', { reason: 'refusal' }],
    ['model_context_window_exceeded', { reason: 'context-window' }],
    ['constructor', { reason: 'other', vendor: 'constructor' }],
  ])('ends by %s', (word, reason) => {
    expect(read(start(), finish(word))).toContainEqual({ type: 'finish', choice: 0, ...reason });
  });

  it('names the stop sequence, and the facts about the whole message that only this dialect has', () => {
    const event = {
      type: 'message_delta',
      delta: { stop_reason: 'stop_sequence', stop_sequence: 'END', stop_details: { type: 'x' }, container: null },
      context_management: { applied_edits: [] },
    };
    expect(read(start(), event).slice(2)).toEqual([
      { type: 'raw', dialect: 'anthropic', name: 'stop_details', value: { type: 'message_delta', delta: { stop_details: { type: 'x' } } } },
      {
        type: 'raw',
        dialect: 'anthropic',
        name: 'context_management',
        value: { type: 'message_delta', context_management: { applied_edits: [] } },
      },
      { type: 'finish', choice: 0, reason: 'stop-sequence', stopSequence: 'END' },
    ]);
  });

  it('hands on blocks and deltas that only this dialect knows', () => {
    const search = { type: 'server_tool_use', id: 's1', name: 'web_search', input: {} };
    const cited = { type: 'citations_delta', citation: { type: 'web_search_result_location' } };
    const events = [block(0, search), delta(0, { type: 'input_json_delta', partial_json: '{}' }), stop(0)];
    const chunks = read(
      start(),
      ...events,
      block(1, { type: 'text', text: '' }),
      delta(1, cited),
      delta(1, { type: 'text_delta', text: 'x' }),
    );
    expect(chunks.slice(2)).toEqual([
      ...events.map((value) => ({ type: 'raw', dialect: 'anthropic', name: 'server_tool_use', value })),
      { type: 'raw', dialect: 'anthropic', name: 'citations', value: delta(1, cited) },
      { type: 'text', part: 1, choice: 0, text: 'x' },
    ]);
  });

  it.each([
    ['overloaded_error', 'upstream_overloaded'],
    ['rate_limit_error', 'upstream_rate_limited'],
    ['api_error', 'upstream_error'],
  ])('turns the error event %s into an error, and nothing follows it', (type, code) => {
    const chunks = read({ type: 'error', error: { type, message: 'Overloaded' } }, start(), end);
    expect(chunks).toMatchObject([{ type: 'error', error: { code, message: 'Overloaded', details: { vendorType: type } } }]);
  });

  it('understands a stream of which only the notable frames came', () => {
    const events = [
      start(),
      block(0, { type: 'tool_use', id: 't', name: 'f', input: {} }),
      delta(0, { type: 'input_json_delta', partial_json: '{}' }),
      stop(0),
      finish('tool_use'),
      end,
    ];
    const notable = events.filter((event) => anthropic.notable.test(frame(event).text));
    expect(notable.map((event) => event.type)).toEqual(['message_start', 'message_delta', 'message_stop']);
    expect(read(...notable).map((chunk) => chunk.type)).toEqual(['start', 'usage', 'finish', 'usage', 'end']);
    expect(
      read(start(), delta(0, { type: 'text_delta', text: 'x' }), delta(1, { type: 'input_json_delta', partial_json: '{' })).slice(2),
    ).toEqual([{ type: 'text', part: 0, choice: 0, text: 'x' }]);
  });

  it('does not take a quoted marker in a text for the marker', () => {
    const said = frame(delta(0, { type: 'text_delta', text: 'It ends with "message_stop", or "error".' })).text;
    expect(anthropic.notable.test(said)).toBe(false);
    expect(said).not.toContain(anthropic.terminators[0]);
    expect(frame(end).text).toContain(anthropic.terminators[0]);
  });

  it('starts once, and refuses a second answer that begins inside the first', () => {
    expect(read(start(), start()).filter((chunk) => chunk.type === 'start')).toHaveLength(1);
    const open = block(0, { type: 'text', text: 'a' });
    expect(read(start(), open, start({}, 'msg_2'), finish('end_turn'), end).slice(3)).toMatchObject([
      { type: 'error', error: { code: 'upstream_invalid' } },
    ]);
  });

  it('takes a whole message out of its start', () => {
    const whole = { id: 'm', content: [{ type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }], stop_reason: 'tool_use' };
    expect(read({ type: 'message_start', message: whole }, end)).toEqual([
      { type: 'start', id: 'm' },
      { type: 'tool-call', part: 0, choice: 0, id: 't', name: 'f' },
      { type: 'tool-input', part: 0, choice: 0, text: '{"a":1}' },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
      { type: 'end' },
    ]);
  });

  it('ends an answer that never said why', () => {
    expect(read(start(), end).slice(2)).toEqual([{ type: 'finish', choice: 0, reason: 'other' }, { type: 'end' }]);
  });

  it('says nothing of comments, empty data and a foreign end mark, and refuses what is no event', () => {
    const reader = anthropic.replyReader();
    for (const text of [': ping\n\n', 'data:\n\n', 'data: [DONE]\n\n']) expect(reader.read(Frame.of(text))).toEqual([]);
    for (const text of ['data: <html>\n\n', 'data: [1]\n\n', 'data: {"choices":[]}\n\n']) {
      expect(() => reader.read(Frame.of(text))).toThrow(expect.objectContaining({ code: 'upstream_invalid' }));
    }
  });
});
