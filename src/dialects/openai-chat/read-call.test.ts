import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { openaiChat } from './index.ts';

const read = (fields: JsonObject) => openaiChat.readCall({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...fields });
const contents = (...messages: JsonObject[]) => read({ messages }).messages.map(({ role, content }) => ({ role, content }));

describe('an OpenAI chat call', () => {
  it('is read with its settings', () => {
    const chat = read({
      messages: [
        { role: 'developer', content: 'Be brief.' },
        { role: 'user', name: 'ann', content: [{ type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }] },
      ],
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      stop: 'END',
      n: 2,
      seed: 7,
      presence_penalty: 1,
      frequency_penalty: -1,
      reasoning_effort: 'high',
      parallel_tool_calls: false,
      user: 'u1',
      response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: { type: 'object' } } },
    });
    expect(chat).toEqual({
      model: 'm',
      messages: [
        { role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] },
        { role: 'user', name: 'ann', content: [{ type: 'text', text: 'Hi', cache: { type: 'ephemeral' } }] },
      ],
      tools: [],
      stream: true,
      maxTokens: 100,
      temperature: 0.5,
      topP: 0.9,
      stop: ['END'],
      choices: 2,
      seed: 7,
      presencePenalty: 1,
      frequencyPenalty: -1,
      reasoning: { effort: 'high' },
      parallelToolCalls: false,
      user: 'u1',
      responseFormat: { type: 'schema', name: 'x', strict: true, schema: { type: 'object' } },
      extra: {},
    });
  });

  it('has the marks of caches beside a content and beside a tool call', () => {
    const cache_control = { type: 'ephemeral' };
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };
    const messages = contents(
      { role: 'system', content: 'Be brief.', cache_control },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'text', text: 'Two' },
        ],
        cache_control,
      },
      { role: 'assistant', content: null, tool_calls: [{ ...call, cache_control }] },
      { role: 'assistant', content: 'Three', tool_calls: [call], cache_control },
    );
    const cache = cache_control;
    const called = { type: 'tool-call', id: 'c1', name: 'f', input: '{}' };
    expect(messages).toEqual([
      { role: 'system', content: [{ type: 'text', text: 'Be brief.', cache }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'text', text: 'Two', cache },
        ],
      },
      { role: 'assistant', content: [{ ...called, cache }] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Three' },
          { ...called, cache },
        ],
      },
    ]);
  });

  it('keeps what it has no place for, and takes null for absent', () => {
    const fields = {
      logit_bias: { '50256': -100 },
      store: true,
      tool_choice: { type: 'allowed_tools' },
      response_format: { type: 'grammar' },
    };
    const chat = read({ ...fields, temperature: null, stop: null, metadata: null, stream_options: { include_obfuscation: false } });
    expect(chat.extra).toEqual({ 'openai-chat': { ...fields, stream_options: { include_obfuscation: false } } });
    expect(chat).not.toHaveProperty('temperature');
    expect(read({ response_format: { type: 'text' } }).extra).toEqual({});
  });

  it('takes the older name of the output limit, and the newer where both stand', () => {
    expect(read({ max_tokens: 5 }).maxTokens).toBe(5);
    expect(read({ max_tokens: 5, max_completion_tokens: 6 }).maxTokens).toBe(6);
  });

  it('holds media as it came', () => {
    const data = (text: string) => `data:image/png;base64,${text}`;
    expect(
      contents({
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: data('QUJD'), detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://a.example/b.png' } },
          { type: 'image_url', image_url: { url: 'data:image/svg+xml,<svg/>' } },
          { type: 'input_audio', input_audio: { data: 'QQ==', format: 'wav' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' } },
          { type: 'file', file: { file_id: 'file-1' } },
          { type: 'video_url', video_url: { url: 'https://a.example/b.mp4' } },
        ],
      })[0]?.content,
    ).toEqual([
      { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'QUJD' }, detail: 'low' },
      { type: 'image', source: { kind: 'url', url: 'https://a.example/b.png' } },
      { type: 'image', source: { kind: 'url', url: 'data:image/svg+xml,<svg/>' } },
      { type: 'audio', data: 'QQ==', format: 'wav' },
      { type: 'file', name: 'a.pdf', source: { kind: 'base64', mediaType: 'application/pdf', data: 'QQ==' } },
      { type: 'file', source: { kind: 'file', id: 'file-1' } },
      { type: 'raw', dialect: 'openai-chat', value: { type: 'video_url', video_url: { url: 'https://a.example/b.mp4' } } },
    ]);
  });

  it('reads parallel calls and their results', () => {
    expect(
      contents(
        {
          role: 'assistant',
          content: null,
          refusal: 'Not that.',
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
            { id: 'b', type: 'custom', custom: { name: 'sh', input: 'ls' } },
            { id: 'c', function: { name: 'g', arguments: { y: 2 } } },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: 'one' },
        { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'two' }] },
      ),
    ).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'refusal', text: 'Not that.' },
          { type: 'tool-call', id: 'a', name: 'f', input: '{"x":1}' },
          { type: 'tool-call', id: 'b', name: 'sh', input: 'ls', custom: true },
          { type: 'tool-call', id: 'c', name: 'g', input: '{"y":2}' },
        ],
      },
      { role: 'tool', content: [{ type: 'tool-result', callId: 'a', content: [{ type: 'text', text: 'one' }] }] },
      { role: 'tool', content: [{ type: 'tool-result', callId: 'b', content: [{ type: 'text', text: 'two' }] }] },
    ]);
  });

  it('reads the older functions as tools, and pairs their results by name', () => {
    const chat = read({
      functions: [{ name: 'f', parameters: { type: 'object' } }],
      function_call: { name: 'f' },
      messages: [
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        { role: 'function', name: 'f', content: 'done' },
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        { role: 'function', name: 'f', content: 'again' },
      ],
    });
    const ids = chat.messages.flatMap(({ content }) =>
      content.map((part) => (part.type === 'tool-call' ? part.id : part.type === 'tool-result' ? part.callId : undefined)),
    );
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).toBe(ids[3]);
    expect(ids[0]).not.toBe(ids[2]);
    expect(chat.tools).toEqual([{ type: 'function', name: 'f', parameters: { type: 'object' } }]);
    expect(chat.toolChoice).toEqual({ mode: 'tool', name: 'f' });
  });

  it('takes thinking back, signatures before plain text', () => {
    const blocks = [
      { type: 'thinking', thinking: 'Hm.', signature: 'sig==' },
      { type: 'redacted_thinking', data: 'xyz' },
    ];
    expect(
      contents(
        { role: 'assistant', content: 'A', reasoning_content: 'Hm.', thinking_blocks: blocks },
        { role: 'assistant', content: 'B', reasoning_content: 'Plain.' },
        { role: 'assistant', content: 'C', reasoning: 'Other.', thinking_blocks: [] },
        { role: 'assistant', content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'Mistral.' }] }] },
      ).map(({ content }) => content.filter(({ type }) => type !== 'text')),
    ).toEqual([
      [
        { type: 'thinking', text: 'Hm.', signature: 'sig==', issuer: 'other' },
        { type: 'redacted-thinking', data: 'xyz', issuer: 'other' },
      ],
      [{ type: 'thinking', text: 'Plain.' }],
      [{ type: 'thinking', text: 'Other.' }],
      [{ type: 'thinking', text: 'Mistral.' }],
    ]);
  });

  it.each([
    [{ model: 1 }, 'model'],
    [{ messages: [] }, 'messages'],
    [{ messages: ['Hi'] }, 'messages[0]'],
    [{ messages: [{ role: 'wizard', content: '' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages[0].content[0].text'],
    [{ messages: [{ role: 'tool', content: '' }] }, 'messages[0].tool_call_id'],
    [{ messages: [{ role: 'assistant', tool_calls: [{ id: 'a', function: {} }] }] }, 'messages[0].tool_calls[0].function.name'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ stop: [1] }, 'stop[0]'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function'],
    [{ stream: 'yes' }, 'stream'],
    [{ stream_options: 1 }, 'stream_options'],
  ])('names the field at fault: %j', (fields, param) => {
    expect(() => read(fields)).toThrow(expect.objectContaining({ code: 'invalid_request', details: { param } }));
  });
});
