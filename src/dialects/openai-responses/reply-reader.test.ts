import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import azureToolCall from '../fixtures/openai-responses-azure-tool-call.json';
import copilot from '../fixtures/openai-responses-copilot-id-rotation.json';
import lmStudio from '../fixtures/openai-responses-lm-studio-tool-call.json';
import customTool from '../fixtures/openai-responses-openai-custom-tool.json';
import quota from '../fixtures/openai-responses-openai-error.json';
import fileSearch from '../fixtures/openai-responses-openai-file-search.json';
import localShell from '../fixtures/openai-responses-openai-local-shell.json';
import mcpApproval from '../fixtures/openai-responses-openai-mcp-approval.json';
import programmatic from '../fixtures/openai-responses-openai-programmatic-tools.json';
import encrypted from '../fixtures/openai-responses-openai-reasoning-encrypted.json';
import toolSearch from '../fixtures/openai-responses-openai-tool-search.json';
import xaiImage from '../fixtures/openai-responses-xai-image-generation.json';
import { openaiResponses } from './index.ts';

const frame = (event: JsonObject, named = true) => Frame.of(`${named ? `event: ${event.type}\n` : ''}data: ${JSON.stringify(event)}\n\n`);
const read = (...events: readonly JsonObject[]): readonly ChatChunk[] => {
  const reader = openaiResponses.replyReader();
  return events.flatMap((event) => reader.read(frame(event)));
};
const recorded = (events: Json): readonly JsonObject[] => events as readonly JsonObject[];

const text = (chunks: readonly ChatChunk[]) => chunks.map((chunk) => (chunk.type === 'text' ? chunk.text : '')).join('');
const thought = (chunks: readonly ChatChunk[]) => chunks.map((chunk) => (chunk.type === 'thinking' ? chunk.text : '')).join('');
const calls = (chunks: readonly ChatChunk[]) =>
  chunks.flatMap((chunk) =>
    chunk.type === 'tool-call'
      ? [
          {
            id: chunk.id,
            name: chunk.name,
            input: chunks.map((piece) => (piece.type === 'tool-input' && piece.part === chunk.part ? piece.text : '')).join(''),
          },
        ]
      : [],
  );
const finish = (chunks: readonly ChatChunk[]) => chunks.flatMap((chunk) => (chunk.type === 'finish' ? [chunk.reason] : []));
const raws = (chunks: readonly ChatChunk[]) => [...new Set(chunks.flatMap((chunk) => (chunk.type === 'raw' ? [chunk.name] : [])))];
const usage = (chunks: readonly ChatChunk[]) => chunks.flatMap((chunk) => (chunk.type === 'usage' ? [chunk.usage] : []));

describe('recorded streams', () => {
  const all: readonly (readonly [string, Json])[] = [
    ['Azure, a tool call', azureToolCall],
    ['GitHub Copilot, whose item ids change with every event', copilot],
    ['LM Studio, whose arguments come whole', lmStudio],
    ['a custom tool', customTool],
    ['file search', fileSearch],
    ['local shell', localShell],
    ['MCP approval', mcpApproval],
    ['programmatic tool calls', programmatic],
    ['encrypted reasoning', encrypted],
    ['tool search', toolSearch],
    ['xAI, image generation', xaiImage],
  ];

  it.each(all)('%s: say in pieces what the response says whole', (_name, events) => {
    const chunks = read(...recorded(events));
    const { response } = recorded(events).at(-1) ?? {};
    const whole = openaiResponses.readReply(response ?? null);
    expect(text(chunks)).toBe(text(whole));
    expect(calls(chunks)).toEqual(calls(whole));
    expect(thought(chunks)).toBe(thought(whole));
    expect(finish(chunks)).toEqual(finish(whole));
    expect(raws(chunks).sort()).toEqual(raws(whole).sort());
    expect(usage(chunks)).toEqual(usage(whole));
    expect(chunks[0]).toMatchObject({ type: 'start' });
    expect(chunks.filter(({ type }) => type === 'end')).toHaveLength(1);
    const { output = [] } = (response ?? {}) as { readonly output?: readonly { readonly id: string }[] };
    expect(chunks.at(-1)).toEqual({ type: 'end', items: output.map(({ id }) => id) });
  });

  it('keep what is sealed as it stands at the end of its item', () => {
    const chunks = read(...recorded(encrypted));
    const done = recorded(encrypted).find(({ type }) => type === 'response.output_item.done')?.item as JsonObject;
    expect(chunks.filter(({ type }) => type === 'signature')).toEqual([
      { type: 'signature', part: 0, choice: 0, signature: done.encrypted_content, issuer: 'openai' },
    ]);
    expect(finish(chunks)).toEqual(['tool-calls']);
  });

  it('have custom tools called with plain text', () => {
    const chunks = read(...recorded(customTool));
    expect(chunks.find(({ type }) => type === 'tool-call')).toMatchObject({ name: 'write_sql', custom: true });
    expect(calls(chunks)[0]?.input).toBe('SELECT * FROM users WHERE age > 25');
  });

  it('end in one error where a response failed', () => {
    const chunks = read(...recorded(quota));
    expect(chunks.map(({ type }) => type)).toEqual(['start', 'error']);
    expect(chunks[1]).toMatchObject({ error: { code: 'upstream_rate_limited', retryable: false } });
  });
});

const created = { type: 'response.created', response: { id: 'resp_1', model: 'm', created_at: 5, status: 'in_progress', output: [] } };
const completed = (output: Json = []) => ({
  type: 'response.completed',
  response: { id: 'resp_1', model: 'm', status: 'completed', output },
});

describe('traps', () => {
  it('an event may be named in its data only, or beside it only', () => {
    const delta = { type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'Hi.' };
    const { type, ...unnamed } = delta;
    const reader = openaiResponses.replyReader();
    const chunks = [
      ...reader.read(frame(created, false)),
      ...reader.read(frame(delta, false)),
      ...reader.read(Frame.of(`event: ${type}\ndata: ${JSON.stringify(unnamed)}\n\n`)),
      ...reader.read(frame(completed(), false)),
      ...reader.read(Frame.of('data: [DONE]\n\n')),
    ];
    expect(text(chunks)).toBe('Hi.Hi.');
    expect(chunks.at(-1)).toEqual({ type: 'end' });
  });

  it('a text may come only whole, and is then said once', () => {
    const at = { item_id: 'msg_1', output_index: 0, content_index: 0 };
    const item = { id: 'msg_1', type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hi.', annotations: [] }] };
    const done = { type: 'response.output_text.done', ...at, text: 'Hi.' };
    const itemDone = { type: 'response.output_item.done', output_index: 0, item };
    expect(text(read(created, done, itemDone, completed([item])))).toBe('Hi.');
    expect(text(read(created, itemDone, completed([item])))).toBe('Hi.');
    expect(text(read(created, completed([item])))).toBe('Hi.');
  });

  it('a call may come without its start, and its arguments as an object', () => {
    const item = { id: 'fc_1', type: 'function_call', call_id: 'c1', name: 'f', arguments: { a: 1 } };
    const delta = { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"a"' };
    expect(calls(read(created, delta, { type: 'response.output_item.done', output_index: 0, item }))).toEqual([
      { id: 'c1', name: 'f', input: '{"a":1}' },
    ]);
  });

  it('paragraphs of a summary are one thought', () => {
    const delta = (summary_index: number, said: string) => ({
      type: 'response.reasoning_summary_text.delta',
      output_index: 0,
      summary_index,
      delta: said,
    });
    const chunks = read(created, delta(0, 'One'), delta(0, '.'), delta(1, 'Two.'));
    expect(thought(chunks)).toBe('One.\n\nTwo.');
    expect(new Set(chunks.flatMap((chunk) => (chunk.type === 'thinking' ? [chunk.part] : []))).size).toBe(1);
  });

  it('what a response failed with, and why it is incomplete, are told apart', () => {
    const response = { id: 'resp_1', status: 'incomplete', output: [], incomplete_details: { reason: 'max_output_tokens' } };
    expect(finish(read({ type: 'response.incomplete', response }))).toEqual(['length']);
    const filtered = { ...response, incomplete_details: { reason: 'content_filter' } };
    expect(finish(read({ type: 'response.incomplete', response: filtered }))).toEqual(['content-filter']);
    const steered = read({ type: 'response.incomplete', response: { ...response, incomplete_details: { reason: 'steered' } } });
    expect(steered.find(({ type }) => type === 'finish')).toMatchObject({ reason: 'other', vendor: 'steered' });
    const failed = { ...response, status: 'failed', error: { code: 'server_error', message: 'Broken.' } };
    expect(read({ type: 'response.failed', response: failed })).toEqual([
      { type: 'error', error: expect.objectContaining({ code: 'upstream_error', message: 'Broken.' }) },
    ]);
    expect(() => openaiResponses.readReply(failed)).toThrow('Broken.');
    expect(() => openaiResponses.replyUsage(failed)).toThrow('Broken.');
  });

  it('an error may be flat, nested, or without any type', () => {
    const flat = { type: 'error', code: 'rate_limit_exceeded', message: 'Slow down.', param: null };
    for (const event of [flat, { type: 'error', error: { code: 'rate_limit_exceeded', message: 'Slow down.' } }]) {
      expect(read(event)).toEqual([
        { type: 'error', error: expect.objectContaining({ code: 'upstream_rate_limited', message: 'Slow down.' }) },
      ]);
    }
    expect(openaiResponses.replyReader().read(Frame.of('data: {"error":{"message":"Gone."}}\n\n'))).toMatchObject([
      { type: 'error', error: { message: 'Gone.' } },
    ]);
  });

  it('what is no event at all is refused, what is no event of ours is handed on', () => {
    expect(() => openaiResponses.replyReader().read(Frame.of('data: <html>\n\n'))).toThrow('not an event');
    expect(read({ type: 'response.audio.delta', delta: 'AA==' })).toMatchObject([{ type: 'raw', name: 'audio.delta' }]);
    expect(read({ type: 'keepalive' })).toEqual([]);
  });

  it('absurd counts are none, and reasoning that was left out is counted', () => {
    const counted = (numbers: JsonObject) => usage(read({ ...completed(), response: { ...completed().response, usage: numbers } }));
    expect(counted({ input_tokens: -1, output_tokens: 3 })).toEqual([]);
    expect(counted({ input_tokens: 5, output_tokens: 1, total_tokens: 30, output_tokens_details: { reasoning_tokens: 24 } })).toMatchObject(
      [{ input: 5, output: 25, reasoning: 24 }],
    );
    expect(counted({ input_tokens: 5, output_tokens: 1, input_tokens_details: { cached_tokens: 9 } })).toEqual([{ input: 5, output: 1 }]);
  });
});
