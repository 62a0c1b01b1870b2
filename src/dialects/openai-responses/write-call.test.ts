import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat, Message, Part } from '../../core/chat.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { openaiResponses } from './index.ts';

const hi: Message = { role: 'user', content: [{ type: 'text', text: 'Hi.' }] };
const write = (chat: Partial<Chat>, quirks = {}) =>
  openaiResponses.writeCall({ model: 'gpt-5', messages: [hi], tools: [], stream: false, extra: {}, ...chat }, quirks);
const input = (...content: readonly Part[]) => write({ messages: [{ role: 'assistant', content }] });

describe('a call that was read and is written again', () => {
  const calls: readonly JsonObject[] = [
    { model: 'gpt-5', input: [{ type: 'message', role: 'user', content: 'Hi.' }], instructions: 'Be brief.', store: true },
    { model: 'gpt-4o', input: [], store: false, tools: [{ type: 'function', name: 'f', parameters: { type: 'object' } }] },
    { model: 'gpt-5', input: [], store: false, include: ['reasoning.encrypted_content'] },
    {
      model: 'gpt-5',
      stream: true,
      input: [
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'gAAA' },
        { type: 'reasoning', id: 'rs_2', summary: [], content: [{ type: 'reasoning_text', text: 'R' }] },
        { type: 'message', role: 'assistant', phase: 'commentary', content: [{ type: 'output_text', text: 'One.' }] },
        { type: 'message', role: 'assistant', phase: 'final_answer', content: [{ type: 'output_text', text: 'Two.' }] },
        { type: 'web_search_call', id: 'ws_1', status: 'completed' },
        { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}', namespace: 'n' },
        { type: 'custom_tool_call', call_id: 'c2', name: 'sql', input: 'select 1' },
        { type: 'function_call_output', call_id: 'c1', output: 'done' },
        { type: 'custom_tool_call_output', call_id: 'c2', output: 'one' },
        { type: 'custom_tool_call_output', call_id: 'c0', output: 'kept by the provider' },
        { type: 'item_reference', id: 'msg_0' },
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'See', prompt_cache_breakpoint: { mode: 'explicit' } },
            { type: 'input_image', image_url: 'https://a.example/i.png', detail: 'low' },
            { type: 'input_file', file_id: 'file-1' },
            { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
            { type: 'input_video', video_url: 'https://a.example/v' },
          ],
        },
      ],
      tools: [
        { type: 'custom', name: 'sql' },
        { type: 'function', name: 'f', parameters: {}, strict: true, defer_loading: true },
      ],
      tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [] },
      max_output_tokens: 9,
      metadata: { a: 'b' },
      previous_response_id: 'resp_1',
      include: ['reasoning.encrypted_content'],
      reasoning: { effort: 'low', summary: 'auto' },
      text: { verbosity: 'low', format: { type: 'json_schema', name: 'n', schema: {}, strict: true } },
      truncation: 'auto',
      background: true,
      safety_identifier: 's',
      conversation: { id: 'conv_1' },
    },
  ];

  it.each(calls.map((call) => [call]))('is the same call', (call) => {
    const { body, loss } = openaiResponses.writeCall(openaiResponses.readCall(call), {});
    expect(loss).toEqual([]);
    expect(body).toEqual(call);
  });
});

describe('a call of another dialect', () => {
  it('is kept by nobody, and gets its reasoning encrypted where the model reasons', () => {
    expect(write({}).body).toMatchObject({ store: false, include: ['reasoning.encrypted_content'] });
    for (const model of ['gpt-4o', 'gpt-4.1-mini', 'openai/gpt-4o', 'gpt-5-chat-latest', 'chatgpt-4o-latest']) {
      const { body } = write({ model });
      expect(body.store).toBe(false);
      expect(body.include).toBeUndefined();
    }
  });

  it('says that schemas are not strict, which here alone is not the default', () => {
    const parameters = { type: 'object' };
    expect(write({ tools: [{ type: 'function', name: 'f', parameters }] }).body.tools).toEqual([
      { type: 'function', name: 'f', parameters, strict: false },
    ]);
  });

  it('has what OpenAI says alike in both dialects, and names the rest', () => {
    const extra = { metadata: { a: 'b' }, verbosity: 'low', service_tier: 'flex', logprobs: true, store: false, logit_bias: {} };
    const { body, loss } = write({ extra: { 'openai-chat': extra } });
    expect(body).toMatchObject({ metadata: { a: 'b' }, text: { verbosity: 'low' }, service_tier: 'flex' });
    expect(loss.toSorted()).toEqual(['logit_bias', 'logprobs']);
    expect(write({ extra: { 'openai-chat': { store: true } } }).loss).toEqual(['store']);
  });

  it('names settings that have no counterpart', () => {
    const { loss } = write({
      stop: ['x'],
      choices: 2,
      seed: 1,
      topK: 3,
      presencePenalty: 1,
      frequencyPenalty: 1,
      reasoning: { budgetTokens: 5, mode: 'enabled' },
      toolChoice: { mode: 'required' },
    });
    expect(loss.toSorted()).toEqual([
      'frequency_penalty',
      'n',
      'presence_penalty',
      'reasoning.budget_tokens',
      'reasoning.mode',
      'seed',
      'stop',
      'tool_choice',
      'top_k',
    ]);
  });

  it('keeps the custom tools of OpenAI’s chat', () => {
    const grammar = { syntax: 'regex', definition: 'a+' };
    const value: Json = { type: 'custom', custom: { name: 'sql', description: 'd', format: { type: 'grammar', grammar } } };
    expect(write({ tools: [{ type: 'raw', dialect: 'openai-chat', value }] })).toMatchObject({
      body: { tools: [{ type: 'custom', name: 'sql', description: 'd', format: { type: 'grammar', ...grammar } }] },
      loss: [],
    });
    expect(write({ tools: [{ type: 'raw', dialect: 'anthropic', value: { type: 'bash_20250124' } }] }).loss).toEqual([
      'tools.bash_20250124',
    ]);
  });

  it('puts instructions apart only where they are one text that comes first', () => {
    const system = (...texts: readonly string[]): Message => ({ role: 'system', content: texts.map((text) => ({ type: 'text', text })) });
    expect(write({ messages: [system('A'), system('B'), hi] }).body).toMatchObject({
      instructions: 'A',
      input: [{ role: 'system', content: 'B' }, { role: 'user' }],
    });
    expect(write({ messages: [system('A', 'B'), hi] }).body.instructions).toBeUndefined();
    const developer: Message = { ...system('D'), role: 'developer' };
    expect(write({ messages: [developer] }, { developerRole: 'system' }).body.input).toMatchObject([{ role: 'system' }]);
  });

  it('sends back only reasoning that OpenAI has sealed, or a provider keeps', () => {
    expect(input({ type: 'thinking', text: 'Hm.', signature: 'gA', issuer: 'openai' })).toMatchObject({
      body: { input: [{ type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'gA' }] },
      loss: [],
    });
    expect(input({ type: 'thinking', text: 'Hm.', signature: 's', issuer: 'anthropic' })).toMatchObject({
      body: { input: [] },
      loss: ['thinking.signature'],
    });
    expect(input({ type: 'redacted-thinking', data: 'd', issuer: 'anthropic' }).loss).toEqual(['thinking.signature']);
    expect(input({ type: 'thinking', text: 'Hm.' }).loss).toEqual(['messages.thinking']);
    const call: Part = { type: 'tool-call', id: 'c1', name: 'f', input: '', signature: 's', issuer: 'gemini' };
    expect(input(call)).toMatchObject({ body: { input: [{ type: 'function_call', arguments: '{}' }] }, loss: ['thinking.signature'] });
  });

  it('puts results before what else was said in their turn, with their pictures', () => {
    const result: Part = {
      type: 'tool-result',
      callId: 'c1',
      isError: true,
      content: [
        { type: 'text', text: 'See' },
        { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA==' } },
      ],
    };
    const { body, loss } = write({ messages: [{ role: 'user', content: [{ type: 'text', text: 'And?' }, result] }] });
    expect(body.input).toEqual([
      {
        type: 'function_call_output',
        call_id: 'c1',
        output: [
          { type: 'input_text', text: 'See' },
          { type: 'input_image', image_url: 'data:image/png;base64,AA==' },
        ],
      },
      { type: 'message', role: 'user', content: 'And?' },
    ]);
    expect(loss).toEqual(['messages.tool_result.is_error']);
  });

  it('never writes a message that says nothing, which the API refuses', () => {
    fc.assert(
      fc.property(fc.constantFrom('user', 'system', 'developer', 'assistant'), (role) => {
        expect(write({ messages: [{ role, content: [] }] }).body.input).toEqual([]);
      }),
    );
  });
});
