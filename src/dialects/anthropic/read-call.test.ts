import { describe, expect, it } from 'vitest';
import { Wire } from '../../core/wire.ts';
import { anthropic } from './index.ts';

const base = { model: 'claude', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }] };
const encode = (body: object) => Wire.read(JSON.stringify(body)).fields;

describe('the head of an Anthropic call', () => {
  it('is the model, whether to stream, and usage always', () => {
    expect(anthropic.head(encode({ ...base, stream: true }))).toEqual({ model: 'claude', stream: true, wantsUsage: true });
    expect(anthropic.head(encode(base)).stream).toBe(false);
  });

  it.each([
    [{ ...base, model: undefined }, 'model'],
    [{ ...base, model: '' }, 'model'],
    [{ ...base, stream: 'yes' }, 'stream'],
  ])('names the field at fault: %j', (body, param) => {
    expect(() => anthropic.head(encode(body))).toThrow(expect.objectContaining({ code: 'invalid_request', details: { param } }));
  });
});

describe('an Anthropic call read', () => {
  it('has system text, as a string or as blocks with cache breakpoints, in a leading message', () => {
    const cache = { type: 'ephemeral', ttl: '1h' };
    expect(anthropic.readCall({ ...base, system: 'Be brief.' }).messages[0]).toEqual({
      role: 'system',
      content: [{ type: 'text', text: 'Be brief.' }],
    });
    const blocks = [{ type: 'text', text: 'Be brief.', cache_control: cache }];
    expect(anthropic.readCall({ ...base, system: blocks }).messages[0]?.content).toEqual([{ type: 'text', text: 'Be brief.', cache }]);
  });

  it('has every kind of content block', () => {
    const content = [
      { type: 'tool_result', tool_use_id: 't1', content: 'sunny', is_error: false, cache_control: { type: 'ephemeral' } },
      { type: 'tool_result', tool_use_id: 't2', content: [{ type: 'text', text: 'x' }] },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
      { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
      { type: 'document', source: { type: 'file', file_id: 'file_1' }, title: 'Book', context: 'about', citations: { enabled: true } },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'long' } },
      { type: 'search_result', source: 's', title: 't', content: [] },
      { type: 'document', source: { type: 'content', content: 'x' } },
    ];
    const [message] = anthropic.readCall({ ...base, messages: [{ role: 'user', content }] }).messages;
    expect(message?.content).toEqual([
      {
        type: 'tool-result',
        callId: 't1',
        content: [{ type: 'text', text: 'sunny' }],
        isError: false,
        cache: { type: 'ephemeral' },
      },
      { type: 'tool-result', callId: 't2', content: [{ type: 'text', text: 'x' }] },
      { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } },
      { type: 'image', source: { kind: 'url', url: 'https://a.example/b.png' } },
      {
        type: 'file',
        source: { kind: 'file', id: 'file_1' },
        name: 'Book',
        extra: { anthropic: { context: 'about', citations: { enabled: true } } },
      },
      { type: 'file', source: { kind: 'text', mediaType: 'text/plain', text: 'long' } },
      { type: 'raw', dialect: 'anthropic', value: content[6] },
      { type: 'raw', dialect: 'anthropic', value: content[7] },
    ]);
  });

  it('has the assistant turn with thinking, calls and blocks that only this dialect knows', () => {
    const content = [
      { type: 'thinking', thinking: 'Hm.', signature: 'sig==' },
      { type: 'redacted_thinking', data: 'xyz' },
      { type: 'text', text: 'Calling', citations: null },
      { type: 'tool_use', id: 't1', name: 'f', input: { a: 1 }, caller: { type: 'direct' } },
      { type: 'server_tool_use', id: 's1', name: 'web_search', input: {} },
      { type: 'constructor' },
    ];
    const [message] = anthropic.readCall({ ...base, messages: [{ role: 'assistant', content }] }).messages;
    expect(message?.content).toEqual([
      { type: 'thinking', text: 'Hm.', signature: 'sig==', issuer: 'anthropic' },
      { type: 'redacted-thinking', data: 'xyz', issuer: 'anthropic' },
      { type: 'text', text: 'Calling' },
      { type: 'tool-call', id: 't1', name: 'f', input: '{"a":1}', extra: { anthropic: { caller: { type: 'direct' } } } },
      { type: 'raw', dialect: 'anthropic', value: content[4] },
      { type: 'raw', dialect: 'anthropic', value: content[5] },
    ]);
  });

  it('has tools, settings, and in `extra` what has no place', () => {
    const search = { type: 'web_search_20250305', name: 'web_search', max_uses: 5 };
    const chat = anthropic.readCall({
      ...base,
      stream: true,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 4,
      stop_sequences: ['END'],
      metadata: { user_id: 'u1', more: 1 },
      thinking: { type: 'enabled', budget_tokens: 2048, display: 'omitted' },
      output_config: { effort: 'high', format: { type: 'json_schema', schema: { type: 'object' } } },
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      tools: [{ name: 'f', description: 'd', input_schema: { type: 'object' }, strict: true, input_examples: [{ a: 1 }] }, search],
      service_tier: 'auto',
    });
    expect(chat).toEqual({
      model: 'claude',
      stream: true,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      maxTokens: 100,
      temperature: 0.5,
      topP: 0.9,
      topK: 4,
      stop: ['END'],
      user: 'u1',
      reasoning: { mode: 'enabled', budgetTokens: 2048, effort: 'high' },
      responseFormat: { type: 'schema', schema: { type: 'object' } },
      toolChoice: { mode: 'required' },
      parallelToolCalls: false,
      tools: [
        {
          type: 'function',
          name: 'f',
          description: 'd',
          parameters: { type: 'object' },
          strict: true,
          extra: { anthropic: { input_examples: [{ a: 1 }] } },
        },
        { type: 'raw', dialect: 'anthropic', value: search },
      ],
      extra: { anthropic: { service_tier: 'auto', thinking: { display: 'omitted' }, metadata: { more: 1 } } },
    });
  });

  it.each([
    [{ messages: 'Hi' }, 'messages'],
    [{ messages: [1] }, 'messages.0'],
    [{ messages: [{ role: 'tool', content: '' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user', content: 5 }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages.0.content.0.text'],
    [{ messages: [{ role: 'user', content: [{ text: 'x' }] }] }, 'messages.0.content.0.type'],
    [{ messages: [{ role: 'user', content: [{ type: 'image', source: 'x' }] }] }, 'messages.0.content.0.source'],
    [{ messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 't' }] }] }, 'messages.0.content.0.name'],
    [{ max_tokens: '100' }, 'max_tokens'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ stop_sequences: [1] }, 'stop_sequences'],
    [{ tools: [{ description: 'no name' }] }, 'tools.0.name'],
    [{ tool_choice: { type: 'tool' } }, 'tool_choice.name'],
    [{ thinking: 'on' }, 'thinking'],
  ])('names the field at fault: %j', (fields, param) => {
    expect(() => anthropic.readCall({ ...base, ...fields })).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: { param } }),
    );
  });
});
