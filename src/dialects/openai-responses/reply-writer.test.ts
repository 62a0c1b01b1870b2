import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { GatewayError } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { FrameSplitter } from '../../core/sse.ts';
import { Wire } from '../../core/wire.ts';
import { openaiResponses } from './index.ts';

const options = { id: 'req_01HZ', model: 'acme/m', created: 1_800_000_000, wantsUsage: true };
const eventsOf = (bytes: string): readonly JsonObject[] =>
  new FrameSplitter().push(new TextEncoder().encode(bytes)).map((frame) => {
    const event: JsonObject = JSON.parse(frame.data ?? '');
    expect(frame.event).toBe(event.type);
    return event;
  });

function write(chunks: readonly ChatChunk[], call?: JsonObject) {
  const writer = openaiResponses.replyWriter(call === undefined ? options : { ...options, call: Wire.of(call).fields });
  return { events: eventsOf(chunks.map((chunk) => writer.write(chunk)).join('')), loss: [...writer.loss] };
}
const types = (events: readonly JsonObject[]) => events.map(({ type }) => String(type).replace('response.', ''));
const responseOf = (event: JsonObject | undefined): JsonObject => (isObject(event?.response) ? event.response : {});

const at = (part: number) => ({ part, choice: 0 });
const answer: readonly ChatChunk[] = [
  { type: 'start', id: 'chatcmpl-1', model: 'served', created: 1_800_000_001 },
  { type: 'thinking', ...at(0), text: 'Let me' },
  { type: 'thinking', ...at(0), text: ' see.' },
  { type: 'signature', ...at(0), signature: 'c2lnbmVk', issuer: 'anthropic' },
  { type: 'text', ...at(1), text: 'Zür' },
  { type: 'text', ...at(1), text: 'ich' },
  { type: 'tool-call', ...at(2), id: 'c1', name: 'f' },
  { type: 'tool-call', ...at(3), id: 'c2', name: 'g' },
  { type: 'tool-input', ...at(2), text: '{"a"' },
  { type: 'tool-input', ...at(3), text: '{}' },
  { type: 'tool-input', ...at(2), text: ':1}' },
  { type: 'usage', usage: { input: 9, output: 7, cacheRead: 4, reasoning: 2 } },
  { type: 'finish', choice: 0, reason: 'tool-calls' },
  { type: 'end' },
];

describe('a stream', () => {
  const { events, loss } = write(answer);

  it('is a whole sequence, numbered from 0', () => {
    expect(types(events)).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.delta',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
    expect(loss).toEqual([]);
  });

  it('names every item by one id and one place, and ends with all of them', () => {
    const { output, ...response } = responseOf(events.at(-1));
    const done = events.filter(({ type }) => type === 'response.output_item.done');
    expect(output).toEqual(done.toSorted((a, b) => Number(a.output_index) - Number(b.output_index)).map(({ item }) => item));
    for (const event of events) {
      if (event.item_id === undefined) continue;
      const item = (output as readonly JsonObject[])[Number(event.output_index)];
      expect(event.item_id).toBe(item?.id);
    }
    expect(response).toMatchObject({
      id: 'resp_01HZ',
      object: 'response',
      status: 'completed',
      model: 'served',
      created_at: 1_800_000_001,
    });
    expect(response.usage).toEqual({
      input_tokens: 9,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
      output_tokens: 7,
      output_tokens_details: { reasoning_tokens: 2 },
      total_tokens: 16,
    });
    expect(output).toMatchObject([
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Let me see.' }] },
      { type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text: 'Zürich', annotations: [] }] },
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{"a":1}', status: 'completed' },
      { type: 'function_call', call_id: 'c2', name: 'g', arguments: '{}', status: 'completed' },
    ]);
  });

  it('is the same as the JSON answer', () => {
    const { body } = openaiResponses.writeReply(answer, options);
    expect(body).toEqual(responseOf(events.at(-1)));
  });

  it('keeps the id of a response of its own kind', () => {
    expect(responseOf(write([{ type: 'start', id: 'resp_abc' }, { type: 'end' }]).events[0]).id).toBe('resp_abc');
  });
});

describe('a response', () => {
  it('repeats the call that it answers', () => {
    const call = {
      model: 'm',
      input: 'Hi.',
      instructions: 'Be brief.',
      tools: [{ type: 'function', name: 'f', parameters: { type: 'object' } }, { type: 'web_search' }],
      metadata: { a: 'b' },
      store: false,
      reasoning: { effort: 'low' },
      text: { verbosity: 'low' },
      conversation: 'conv_1',
      max_output_tokens: null,
    };
    const [created] = write([{ type: 'start' }], call).events;
    expect(responseOf(created)).toMatchObject({
      status: 'in_progress',
      output: [],
      usage: null,
      instructions: 'Be brief.',
      metadata: { a: 'b' },
      store: false,
      reasoning: { effort: 'low', summary: null },
      text: { verbosity: 'low', format: { type: 'text' } },
      conversation: { id: 'conv_1' },
      max_output_tokens: null,
      tools: [{ type: 'function', name: 'f', description: null, parameters: { type: 'object' }, strict: true }, { type: 'web_search' }],
    });
    expect(responseOf(created).input).toBeUndefined();
  });
});

describe('ends', () => {
  const said: readonly ChatChunk[] = [{ type: 'text', ...at(0), text: 'Hi' }];
  const ended = (reason: (ChatChunk & { type: 'finish' })['reason']) =>
    write([...said, { type: 'finish', choice: 0, reason }, { type: 'end' }]);

  it('say why a response is incomplete, on its last item too', () => {
    for (const [reason, word] of [
      ['length', 'max_output_tokens'],
      ['content-filter', 'content_filter'],
    ] as const) {
      const { events } = ended(reason);
      expect(events.at(-1)).toMatchObject({
        type: 'response.incomplete',
        response: { status: 'incomplete', incomplete_details: { reason: word } },
      });
      expect(responseOf(events.at(-1)).output).toMatchObject([{ status: 'incomplete' }]);
    }
    expect(ended('context-window').loss).toEqual(['finish_reason.context-window']);
    expect(ended('refusal').loss).toEqual(['finish_reason.refusal']);
    expect(ended('pause').loss).toEqual(['finish_reason.pause']);
  });

  it('never call an answer complete that its provider gave up', () => {
    const { events } = ended('error');
    expect(types(events).slice(-2)).toEqual(['error', 'failed']);
    expect(responseOf(events.at(-1))).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
    expect(
      openaiResponses.writeReply([...said, { type: 'finish', choice: 0, reason: 'error' }, { type: 'end' }], options).body.status,
    ).toBe('failed');
  });

  it('in an error say it twice, as OpenAI does, and how far the answer had come', () => {
    const error = new GatewayError('upstream_interrupted', 'Broken off.');
    const { events } = write([...said, { type: 'error', error }, { type: 'text', ...at(0), text: 'more' }, { type: 'end' }]);
    expect(types(events).slice(-2)).toEqual(['error', 'failed']);
    expect(events.at(-2)).toMatchObject({
      message: 'Broken off.',
      code: 'upstream_interrupted',
      param: null,
      error: { message: 'Broken off.' },
    });
    expect(responseOf(events.at(-1))).toMatchObject({ status: 'failed', error: { code: 'server_error', message: 'Broken off.' } });
    expect(responseOf(events.at(-1)).output).toMatchObject([{ type: 'message', status: 'incomplete' }]);
    expect(() => openaiResponses.writeReply([...said, { type: 'error', error }], options)).toThrow('Broken off.');
  });

  it('are numbered after everything where the stream was not written here', () => {
    const events = eventsOf(openaiResponses.errorFrame(new GatewayError('upstream_timeout', 'Late.'), 'req_1'));
    expect(types(events)).toEqual(['error', 'failed']);
    expect(Number(events[1]?.sequence_number)).toBe(Number(events[0]?.sequence_number) + 1);
    expect(Number(events[0]?.sequence_number)).toBeGreaterThan(1e9);
  });
});

describe('odd content', () => {
  it('custom tools, refusals and other choices', () => {
    const { events, loss } = write([
      { type: 'refusal', ...at(0), text: 'No.' },
      { type: 'tool-call', ...at(1), id: 'c1', name: 'sql', custom: true },
      { type: 'tool-input', ...at(1), text: 'select 1' },
      { type: 'text', part: 2, choice: 1, text: 'another' },
      { type: 'end' },
    ]);
    expect(types(events)).toEqual(
      expect.arrayContaining(['refusal.delta', 'refusal.done', 'custom_tool_call_input.delta', 'custom_tool_call_input.done']),
    );
    expect(responseOf(events.at(-1)).output).toMatchObject([
      { type: 'message', content: [{ type: 'refusal', refusal: 'No.' }] },
      { type: 'custom_tool_call', call_id: 'c1', name: 'sql', input: 'select 1' },
    ]);
    expect(loss).toEqual(['n']);
  });

  it('events of its own kind keep their item, events of others are named', () => {
    const item = { id: 'ws_1', type: 'web_search_call', status: 'completed' };
    const raw = (name: string, value: JsonObject): ChatChunk => ({ type: 'raw', dialect: 'openai-responses', name, value });
    const { events, loss } = write([
      { type: 'text', ...at(0), text: 'See' },
      raw('annotations', {
        type: 'response.output_text.annotation.added',
        output_index: 0,
        annotation: { type: 'url_citation', url: 'https://a.example' },
      }),
      raw('web_search_call', { type: 'response.output_item.done', output_index: 7, item }),
      { type: 'raw', dialect: 'anthropic', name: 'container', value: {} },
      { type: 'end' },
    ]);
    expect(responseOf(events.at(-1)).output).toMatchObject([
      { content: [{ text: 'See', annotations: [{ url: 'https://a.example' }] }] },
      item,
    ]);
    expect(events.filter(({ item: value }) => isObject(value) && value.id === 'ws_1').map(({ type }) => type)).toEqual([
      'response.output_item.added',
      'response.output_item.done',
    ]);
    expect(loss).toEqual(['container']);
  });

  it('thoughts that nobody signed are marked, so that they are not taken for what OpenAI sealed', () => {
    const { body } = openaiResponses.writeReply([{ type: 'thinking', ...at(0), text: 'Hm.' }, { type: 'end' }], options);
    const call = { model: 'm', input: [{ role: 'user', content: 'Hi.' }, ...(body.output as readonly JsonObject[])] };
    const { fields } = Wire.of(call);
    expect(openaiResponses.patch(openaiResponses.head(fields), 'm', {}, fields)).toEqual({ input: [{ role: 'user', content: 'Hi.' }] });
    expect(openaiResponses.readCall(call).messages[1]?.content).toEqual([{ type: 'thinking', text: 'Hm.' }]);
  });
});
