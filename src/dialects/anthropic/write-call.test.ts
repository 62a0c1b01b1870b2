import { describe, expect, it } from 'vitest';
import type { Chat, Message, Part } from '../../core/chat.ts';
import { anthropic } from './index.ts';

const user = (text: string): Message => ({ role: 'user', content: [{ type: 'text', text }] });
const assistant = (...content: Part[]): Message => ({ role: 'assistant', content });
const write = (chat: Partial<Chat>, quirks = {}) =>
  anthropic.writeCall({ model: 'claude', messages: [user('Hi')], tools: [], stream: false, extra: {}, ...chat }, quirks);
const f = { type: 'function', name: 'f' } as const;
const call = (id: string): Part => ({ type: 'tool-call', id, name: 'f', input: '{}' });
const result = (callId: string, text: string): Message => ({
  role: 'tool',
  content: [{ type: 'tool-result', callId, content: [{ type: 'text', text }] }],
});

describe('a call written for Anthropic', () => {
  it('is what was read, where it came in this dialect', () => {
    const body = {
      model: 'claude',
      max_tokens: 3000,
      stream: true,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: ' Hm.\n', signature: 'sig==' },
            { type: 'text', text: 'Searching' },
            { type: 'server_tool_use', id: 's1', name: 'web_search', input: {} },
            { type: 'thinking', thinking: 'More.', signature: 'sig2' },
            { type: 'tool_use', id: 't1', name: 'f', input: { a: [1, { b: null }] }, caller: { type: 'direct' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 't1', content: 'sunny', is_error: true },
            { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' }, transformations: { resize: 'none' } },
            { type: 'document', source: { type: 'url', url: 'https://a.example/b.pdf' }, title: 'Book', citations: { enabled: true } },
          ],
        },
        { role: 'system', content: 'Now in French.' },
        { role: 'user', content: 'Go on' },
      ],
      tools: [
        { name: 'f', description: 'd', input_schema: { type: 'object' }, strict: true, cache_control: { type: 'ephemeral' } },
        { type: 'bash_20250124', name: 'bash' },
      ],
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
      thinking: { type: 'enabled', budget_tokens: 2048, display: 'omitted' },
      output_config: { effort: 'high', format: { type: 'json_schema', schema: { type: 'object' } }, task_budget: 5 },
      metadata: { user_id: 'u1' },
      stop_sequences: ['END'],
      service_tier: 'auto',
    };
    const { body: written, loss } = anthropic.writeCall(anthropic.readCall(body), {});
    expect(written).toEqual(body);
    expect(loss).toEqual([]);
  });

  it('keeps what it does not understand of its own settings', () => {
    const body = {
      model: 'claude',
      max_tokens: 5,
      messages: [{ role: 'user', content: 'Hi' }],
      thinking: { type: 'between_tools' },
      tool_choice: { type: 'newest' },
      output_config: { effort: 'max' },
    };
    expect(anthropic.writeCall(anthropic.readCall(body), {})).toEqual({ body, loss: [] });
  });

  it('has the instructions apart, in their order', () => {
    const { body, loss } = write({
      messages: [
        { role: 'system', content: [{ type: 'text', text: 'One.' }] },
        { role: 'developer', content: [{ type: 'text', text: 'Two.' }] },
        user('Hi'),
        { role: 'system', content: [{ type: 'text', text: 'Three.' }] },
      ],
    });
    expect(body.system).toEqual(['One.', 'Two.', 'Three.'].map((text) => ({ type: 'text', text })));
    expect(body.messages).toEqual([{ role: 'user', content: 'Hi' }]);
    expect(loss).toEqual(['messages.system.order']);
  });

  it('has one turn a role, with tool results first', () => {
    const { body, loss } = write({
      tools: [f],
      messages: [user('a'), user('b'), assistant(call('t:1'), call('t2')), result('t:1', 'one'), user('c'), result('t2', 'two')],
    });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 't_1', name: 'f', input: {} },
          { type: 'tool_use', id: 't2', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't_1', content: 'one' },
          { type: 'tool_result', tool_use_id: 't2', content: 'two' },
          { type: 'text', text: 'c' },
        ],
      },
    ]);
    expect(loss).toEqual([]);
  });

  it('drops empty texts, and turns that are left empty', () => {
    const { body } = write({ messages: [user('a'), assistant({ type: 'text', text: '' }), user(' \n'), user('b')] });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ]);
  });

  it('has signed thinking first and byte for byte, and no unsigned thinking', () => {
    const { body, loss } = write({
      messages: [
        user('a'),
        assistant(
          { type: 'text', text: 'x' },
          { type: 'thinking', text: ' \u2028Hm.\n', signature: 's' },
          { type: 'thinking', text: 'unsigned' },
          { type: 'redacted-thinking', data: 'd' },
          { type: 'refusal', text: 'No.' },
        ),
      ],
    });
    expect(body.messages).toEqual([
      { role: 'user', content: 'a' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: ' \u2028Hm.\n', signature: 's' },
          { type: 'redacted_thinking', data: 'd' },
          { type: 'text', text: 'x' },
          { type: 'text', text: 'No.' },
        ],
      },
    ]);
    expect(loss).toEqual(['messages.thinking']);
  });

  it('hands over files as documents in the source that fits', () => {
    const file = (mediaType: string, data: string): Part => ({ type: 'file', source: { kind: 'base64', mediaType, data }, name: 'n' });
    const { body } = write({
      messages: [{ role: 'user', content: [file('application/pdf', 'AA=='), file('text/csv', 'w6k='), file('image/png', 'AA==')] }],
    });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AA==' }, title: 'n' },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'é' }, title: 'n' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
        ],
      },
    ]);
  });

  it.each([
    ['', {}, []],
    ['{"a":1}', { a: 1 }, []],
    ['{"a":', { input: '{"a":' }, ['messages.tool_calls.function.arguments']],
    ['[1]', { input: '[1]' }, ['messages.tool_calls.function.arguments']],
  ])('makes the arguments %j an object', (input, written, loss) => {
    const chat = write({ messages: [user('a'), assistant({ type: 'tool-call', id: 't', name: 'f', input })] });
    expect(chat.body.messages).toMatchObject([{}, { content: [{ input: written }] }]);
    expect(chat.loss).toEqual(loss);
  });

  it('gives a tool without parameters the schema of an object', () => {
    const tools = [f, { ...f, parameters: { properties: {} } }];
    const schema = { type: 'object', properties: {} };
    expect(write({ tools }).body.tools).toEqual([
      { name: 'f', input_schema: schema },
      { name: 'f', input_schema: schema },
    ]);
  });

  it.each([
    [{ toolChoice: { mode: 'required' } }, { type: 'any' }],
    [
      { toolChoice: { mode: 'tool', name: 'f' }, parallelToolCalls: true },
      { type: 'tool', name: 'f', disable_parallel_tool_use: false },
    ],
    [{ toolChoice: { mode: 'none' }, parallelToolCalls: false }, { type: 'none' }],
    [{ parallelToolCalls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [{}, undefined],
  ] satisfies [Partial<Chat>, unknown][])('says how to use tools: %j', (settings, choice) => {
    const { body, loss } = write({ tools: [f], ...settings });
    expect(body.tool_choice).toEqual(choice);
    expect(loss).toEqual([]);
  });

  it('says nothing of how to use tools where there are none', () => {
    expect(write({ toolChoice: { mode: 'auto' }, parallelToolCalls: false })).toMatchObject({ loss: [] });
    const { body, loss } = write({ toolChoice: { mode: 'required' } });
    expect(body).not.toHaveProperty('tool_choice');
    expect(loss).toEqual(['tool_choice']);
  });

  it('names every setting that has no counterpart', () => {
    const { body, loss } = write({
      choices: 2,
      seed: 1,
      presencePenalty: 0.5,
      frequencyPenalty: 0,
      temperature: 1.5,
      stop: ['\n', 'END'],
      responseFormat: { type: 'json' },
      tools: [{ type: 'raw', dialect: 'openai-chat', value: { type: 'custom' } }],
      extra: { 'openai-chat': { logit_bias: {}, store: true } },
      messages: [
        {
          role: 'user',
          name: 'Ann',
          content: [
            { type: 'text', text: 'a' },
            { type: 'audio', data: '', format: 'wav' },
            { type: 'image', source: { kind: 'url', url: 'https://a.example/b.png' }, detail: 'high' },
            { type: 'raw', dialect: 'openai-chat', value: { type: 'odd' } },
          ],
        },
      ],
    });
    expect(new Set(loss)).toEqual(
      new Set([
        'n',
        'seed',
        'presence_penalty',
        'temperature',
        'stop',
        'response_format',
        'tools.custom',
        'logit_bias',
        'store',
        'messages.name',
        'messages.content.input_audio',
        'messages.content.image_url.detail',
        'messages.content.odd',
      ]),
    );
    expect(body).toMatchObject({ temperature: 1, stop_sequences: ['END'] });
  });
});

describe('thinking', () => {
  const effort = (word: string, chat: Partial<Chat> = {}) => write({ reasoning: { effort: word }, ...chat });

  it.each([
    ['low', 1024],
    ['medium', 4096],
    ['high', 16_384],
  ])('is asked for with a budget where the effort is %s, and room for the answer above it', (word, budget) => {
    expect(effort(word)).toMatchObject({
      body: { thinking: { type: 'enabled', budget_tokens: budget }, max_tokens: budget + 4096 },
      loss: [],
    });
  });

  it.each(['none', 'minimal'])('is not asked for where the effort is %s', (word) => {
    expect(effort(word)).toEqual({ body: { model: 'claude', max_tokens: 4096, messages: [{ role: 'user', content: 'Hi' }] }, loss: [] });
  });

  it("leaves half of the caller's limit to the answer, and raises a limit that leaves no room", () => {
    expect(effort('high', { maxTokens: 8000 })).toMatchObject({ body: { thinking: { budget_tokens: 4000 }, max_tokens: 8000 }, loss: [] });
    expect(effort('high', { maxTokens: 500 })).toMatchObject({
      body: { thinking: { budget_tokens: 1024 }, max_tokens: 1524 },
      loss: ['max_tokens'],
    });
  });

  it('excludes sampling and forced tools', () => {
    const { body, loss } = effort('low', { temperature: 0.2, topP: 0.5, topK: 3, tools: [f], toolChoice: { mode: 'required' } });
    expect(new Set(loss)).toEqual(new Set(['temperature', 'top_p', 'top_k', 'tool_choice']));
    for (const field of ['temperature', 'top_p', 'top_k', 'tool_choice']) expect(body).not.toHaveProperty(field);
    expect(effort('low', { temperature: 1, topP: 0.97 })).toMatchObject({ body: { temperature: 1, top_p: 0.97 }, loss: [] });
  });

  it('does not begin after tool results in a turn that began without', () => {
    const loop = { tools: [f], messages: [user('a'), assistant(call('t')), result('t', 'x')] };
    const { body, loss } = effort('low', loop);
    expect(body).not.toHaveProperty('thinking');
    expect(loss).toEqual(['reasoning_effort']);
    const thought = { type: 'thinking', text: 'Hm', signature: 's' } as const;
    expect(effort('low', { ...loop, messages: [user('a'), assistant(thought, call('t')), result('t', 'x')] }).loss).toEqual([]);
  });

  it('is left to its own field in a call of this dialect', () => {
    expect(effort('high', { extra: { anthropic: {} } }).body).toMatchObject({ output_config: { effort: 'high' } });
    expect(effort('high', { extra: { anthropic: {} } }).body).not.toHaveProperty('thinking');
    expect(write({ reasoning: { mode: 'adaptive', effort: 'max' } }).body).toMatchObject({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'max' },
    });
    expect(write({ reasoning: { mode: 'disabled' } }).body).toMatchObject({ thinking: { type: 'disabled' } });
  });
});
