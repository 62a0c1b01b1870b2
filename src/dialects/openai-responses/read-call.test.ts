import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../core/json.ts';
import { openaiResponses } from './index.ts';
import { sealCall, sealRedacted, sealText, sealThinking } from './sealed.ts';

const read = (fields: JsonObject) => openaiResponses.readCall({ model: 'm', ...fields });
const messages = (...input: readonly Json[]) => read({ input }).messages;
const raw = (value: Json) => ({ type: 'raw', dialect: 'openai-responses', value });
const extra = (fields: JsonObject) => ({ extra: { 'openai-responses': fields } });

describe('input', () => {
  it('is a text, or items, of which instructions come first', () => {
    expect(read({ input: 'Hi.', instructions: 'Be brief.' }).messages).toEqual([
      { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
      { role: 'user', content: [{ type: 'text', text: 'Hi.' }] },
    ]);
    expect(read({ instructions: null }).messages).toEqual([]);
  });

  it('has messages with and without a type, and parts of every kind', () => {
    const content = [
      { type: 'input_text', text: 'See' },
      { type: 'input_image', image_url: 'https://a.example/i.png', detail: 'low' },
      { type: 'input_image', image_url: 'data:image/png;base64,AA==' },
      { type: 'input_image', file_id: 'file-1' },
      { type: 'input_file', file_data: 'data:application/pdf;base64,AA==', filename: 'a.pdf' },
      { type: 'input_file', file_url: 'https://a.example/a.pdf' },
      { type: 'input_file', file_id: 'file-2' },
      { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
      { type: 'input_video', video_url: 'https://a.example/v' },
    ];
    expect(messages({ role: 'user', content }, { type: 'message', role: 'developer', content: 'Now.' })).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See' },
          { type: 'image', source: { kind: 'url', url: 'https://a.example/i.png' }, detail: 'low' },
          { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } },
          { type: 'image', source: { kind: 'file', id: 'file-1' } },
          { type: 'file', source: { kind: 'base64', mediaType: 'application/pdf', data: 'AA==' }, name: 'a.pdf' },
          { type: 'file', source: { kind: 'url', url: 'https://a.example/a.pdf' } },
          { type: 'file', source: { kind: 'file', id: 'file-2' } },
          { type: 'audio', data: 'AA==', format: 'wav' },
          raw(content[8] ?? null),
        ],
      },
      { role: 'developer', content: [{ type: 'text', text: 'Now.' }] },
    ]);
  });

  it('makes one turn of what the model did, results apart', () => {
    const search = { type: 'web_search_call', id: 'ws_1', status: 'completed' };
    expect(
      messages(
        {
          type: 'reasoning',
          id: 'rs_1',
          summary: [
            { type: 'summary_text', text: 'A' },
            { type: 'summary_text', text: 'B' },
          ],
          encrypted_content: 'gAAA',
        },
        search,
        {
          type: 'message',
          id: 'msg_1',
          status: 'completed',
          role: 'assistant',
          phase: 'commentary',
          content: [{ type: 'output_text', text: 'Let me see.', annotations: [], logprobs: [] }],
        },
        { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'f', arguments: '{}', status: 'completed', namespace: 'n' },
        { type: 'custom_tool_call', id: 'ctc_1', call_id: 'c2', name: 'sql', input: 'select 1' },
        { type: 'function_call_output', call_id: 'c1', output: 'done' },
        { type: 'custom_tool_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'one' }] },
        { type: 'item_reference', id: 'msg_0' },
        { id: 'msg_00' },
      ),
    ).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'thinking', text: 'A\n\nB', id: 'rs_1', summary: true, signature: 'gAAA', issuer: 'openai' },
          raw(search),
          { type: 'text', text: 'Let me see.', ...extra({ phase: 'commentary' }) },
          { type: 'tool-call', id: 'c1', name: 'f', input: '{}', ...extra({ namespace: 'n' }) },
          { type: 'tool-call', id: 'c2', name: 'sql', input: 'select 1', custom: true },
        ],
      },
      { role: 'tool', content: [{ type: 'tool-result', callId: 'c1', content: [{ type: 'text', text: 'done' }] }] },
      { role: 'tool', content: [{ type: 'tool-result', callId: 'c2', content: [{ type: 'text', text: 'one' }] }] },
      { role: 'assistant', content: [raw({ type: 'item_reference', id: 'msg_0' }), raw({ id: 'msg_00' })] },
    ]);
  });

  it('reads raw reasoning before its summary', () => {
    const item = { type: 'reasoning', summary: [{ type: 'summary_text', text: 'S' }], content: [{ type: 'reasoning_text', text: 'R' }] };
    expect(messages(item)[0]?.content).toEqual([{ type: 'thinking', text: 'R' }]);
  });

  it('puts what was sealed back where it belongs', () => {
    const sealed = (encrypted_content: string, summary: Json = []) => ({ type: 'reasoning', id: 'rs_x', summary, encrypted_content });
    const call = { type: 'function_call', call_id: 'c:1', name: 'f', arguments: '{}' };
    const said = { type: 'message', role: 'assistant', content: 'Hi.' };
    expect(
      messages(
        sealed(sealThinking('sig1', 'anthropic'), [{ type: 'summary_text', text: 'Hm.' }]),
        sealed(sealRedacted('data1', 'anthropic')),
        said,
        sealed(sealText('sig2', 'gemini')),
        sealed(sealCall('c:1', 'sig3', 'gemini')),
        call,
      )[0]?.content,
    ).toEqual([
      { type: 'thinking', text: 'Hm.', signature: 'sig1', issuer: 'anthropic' },
      { type: 'redacted-thinking', data: 'data1', issuer: 'anthropic' },
      { type: 'text', text: 'Hi.', signature: 'sig2', issuer: 'gemini' },
      { type: 'tool-call', id: 'c:1', name: 'f', input: '{}', signature: 'sig3', issuer: 'gemini' },
    ]);
    expect(messages(call, sealed(sealCall('c:1', 'sig3', 'gemini')))[0]?.content).toMatchObject([{ signature: 'sig3' }]);
  });

  it.each([
    ['input[0]', [7]],
    ['input[0].role', [{ role: 'critic', content: 'x' }]],
    ['input[0].call_id', [{ type: 'function_call', name: 'f', arguments: '{}' }]],
    ['input[0].content[0].text', [{ role: 'user', content: [{ type: 'input_text' }] }]],
    ['input', 7],
  ])('names %s where it is wrong', (param, input) => {
    expect(() => read({ input })).toThrow(expect.objectContaining({ code: 'invalid_request', details: { param } }));
  });
});

describe('settings', () => {
  it('have a place in the canonical form, or travel as extras', () => {
    const tool = { type: 'function', name: 'f', description: 'd', parameters: { type: 'object' }, strict: true, defer_loading: true };
    expect(
      read({
        input: 'Hi.',
        tools: [tool, { type: 'custom', name: 'sql' }, { type: 'web_search' }],
        tool_choice: { type: 'function', name: 'f' },
        parallel_tool_calls: false,
        max_output_tokens: 9,
        temperature: 0.5,
        top_p: 0.9,
        user: 'u',
        reasoning: { effort: 'high', summary: 'auto' },
        text: { verbosity: 'low', format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } },
        metadata: { a: 'b' },
        truncation: 'disabled',
        previous_response_id: 'resp_1',
        prompt_cache_key: null,
        include: ['reasoning.encrypted_content'],
        store: true,
        stream: true,
        stream_options: { include_obfuscation: false },
      }),
    ).toEqual({
      model: 'm',
      stream: true,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi.' }] }],
      tools: [
        { type: 'function', name: 'f', description: 'd', parameters: { type: 'object' }, strict: true, ...extra({ defer_loading: true }) },
        raw({ type: 'custom', name: 'sql' }),
        raw({ type: 'web_search' }),
      ],
      toolChoice: { mode: 'tool', name: 'f' },
      parallelToolCalls: false,
      maxTokens: 9,
      temperature: 0.5,
      topP: 0.9,
      user: 'u',
      reasoning: { effort: 'high' },
      responseFormat: { type: 'schema', name: 'n', schema: { type: 'object' }, strict: true },
      ...extra({
        metadata: { a: 'b' },
        previous_response_id: 'resp_1',
        include: ['reasoning.encrypted_content'],
        store: true,
        reasoning: { summary: 'auto' },
        text: { verbosity: 'low' },
      }),
    });
  });

  it('that every provider fulfils are no extras: they could not be lost', () => {
    const chat = read({
      input: 'Hi.',
      store: false,
      include: ['reasoning.encrypted_content'],
      background: false,
      text: { format: { type: 'text' } },
    });
    expect(chat).toMatchObject({ store: false, extra: { 'openai-responses': {} } });
    expect(Object.keys(chat.extra['openai-responses'] ?? {})).toEqual([]);
  });
});
