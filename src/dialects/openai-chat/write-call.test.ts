import { describe, expect, it } from 'vitest';
import type { Chat, Message, Part, Tool } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import { isArray } from '../../core/json.ts';
import { openaiChat } from './index.ts';

const text = (value: string): Part => ({ type: 'text', text: value });
const user = (...content: Part[]): Message => ({ role: 'user', content });
const assistant = (...content: Part[]): Message => ({ role: 'assistant', content });
const result = (callId: string, ...content: Part[]): Part => ({ type: 'tool-result', callId, content });
const image: Part = { type: 'image', source: { kind: 'url', url: 'https://a.example/b.png' } };
const f: Tool = { type: 'function', name: 'f' };

const write = (chat: Partial<Chat>, quirks: Quirks = {}) =>
  openaiChat.writeCall({ model: 'm', messages: [user(text('Hi'))], tools: [], stream: false, extra: {}, ...chat }, quirks);
const messagesOf = (chat: Partial<Chat>, quirks?: Quirks) => write(chat, quirks).body.messages;

describe('a call written for OpenAI chat', () => {
  it('is what was read, where it came in this dialect', () => {
    const body = {
      model: 'm',
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          name: 'ann',
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,QQ==' } },
          ],
        },
        {
          role: 'assistant',
          content: 'Sure.',
          audio: { id: 'audio_1' },
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } },
            { id: 'b', type: 'custom', custom: { name: 'sh', input: 'ls' } },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: 'one' },
        { role: 'tool', tool_call_id: 'b', content: 'two' },
      ],
      tools: [
        { type: 'function', function: { name: 'f', description: 'd', strict: true, parameters: { type: 'object' } } },
        { type: 'custom', custom: { name: 'sh' } },
      ],
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto' } },
      parallel_tool_calls: false,
      stream: true,
      stream_options: { include_obfuscation: false, include_usage: true },
      max_completion_tokens: 10,
      stop: ['END'],
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' }, strict: true } },
      reasoning_effort: 'low',
      verbosity: 'low',
      logprobs: true,
    };
    const { body: written, loss } = openaiChat.writeCall(openaiChat.readCall(body), {});
    expect(JSON.parse(JSON.stringify(written))).toEqual(body);
    expect(loss).toEqual([]);
  });

  it('puts the results of a turn first, one message each', () => {
    expect(messagesOf({ messages: [user(text('Also'), result('a', text('1')), result('b', text('2'), text('3')))] })).toEqual([
      { role: 'tool', tool_call_id: 'a', content: '1' },
      {
        role: 'tool',
        tool_call_id: 'b',
        content: [
          { type: 'text', text: '2' },
          { type: 'text', text: '3' },
        ],
      },
      { role: 'user', content: 'Also' },
    ]);
  });

  it('shows the images of results after all results, without a loss', () => {
    const messages: Message[] = [
      { role: 'tool', content: [result('a', text('shot'), image)] },
      { role: 'tool', content: [result('b', text('2'))] },
      assistant(text('Nice')),
      { role: 'tool', content: [result('c', image)] },
    ];
    const picture = { type: 'image_url', image_url: { url: 'https://a.example/b.png' } };
    expect(messagesOf({ messages })).toEqual([
      { role: 'tool', tool_call_id: 'a', content: 'shot' },
      { role: 'tool', tool_call_id: 'b', content: '2' },
      { role: 'user', content: [picture] },
      { role: 'assistant', content: 'Nice' },
      { role: 'tool', tool_call_id: 'c', content: '' },
      { role: 'user', content: [picture] },
    ]);
    expect(write({ messages }).loss).toEqual([]);
  });

  it('sends thinking back only where a provider expects it', () => {
    const messages = [assistant({ type: 'thinking', text: 'Hm.', signature: 's' }, { type: 'redacted-thinking', data: 'x' }, text('A'))];
    expect(write({ messages }).body.messages).toEqual([{ role: 'assistant', content: 'A' }]);
    expect(write({ messages }).loss).toEqual(['messages.thinking', 'thinking.signature']);
    const quirks = { reasoningField: 'reasoning_content' } as const;
    expect(write({ messages }, quirks).body.messages).toEqual([{ role: 'assistant', content: 'A', reasoning_content: 'Hm.' }]);
    expect(write({ messages: [assistant({ type: 'thinking', text: 'Hm.' }, text('A'))] }, quirks).loss).toEqual([]);
  });

  it('follows the quirks of a provider', () => {
    const chat: Partial<Chat> = {
      messages: [{ role: 'developer', content: [text('Be brief.')] }],
      stream: true,
      maxTokens: 9,
      responseFormat: { type: 'schema', schema: {} },
    };
    const quirks = { maxTokensField: 'max_tokens', streamUsage: false, developerRole: 'system', jsonSchema: false } as const;
    expect(write(chat, quirks)).toEqual({
      body: {
        model: 'm',
        messages: [{ role: 'system', content: 'Be brief.' }],
        stream: true,
        max_tokens: 9,
        response_format: { type: 'json_object' },
      },
      loss: ['response_format.json_schema'],
    });
  });

  it('names what it cannot carry', () => {
    const { body, loss } = write({
      messages: [
        {
          role: 'user',
          extra: { anthropic: { weight: 1 } },
          content: [
            { type: 'text', text: 'Hi', cache: { type: 'ephemeral' }, citations: [{}] },
            { type: 'file', source: { kind: 'url', url: 'https://a.example/b.pdf' } },
            { type: 'raw', dialect: 'anthropic', value: { type: 'container_upload' } },
            { type: 'tool-result', callId: 'a', content: [], isError: true },
          ],
        },
      ],
      tools: [{ type: 'raw', dialect: 'anthropic', value: { type: 'bash_20250124' } }],
      toolChoice: { mode: 'auto' },
      parallelToolCalls: true,
      topK: 5,
      reasoning: { mode: 'enabled', budgetTokens: 2000 },
      extra: { anthropic: { container: 'c' } },
    });
    expect(new Set(loss)).toEqual(
      new Set([
        'container',
        'top_k',
        'reasoning.budget_tokens',
        'reasoning.mode',
        'tools.bash_20250124',
        'tool_choice',
        'parallel_tool_calls',
        'messages.weight',
        'cache_control',
        'messages.citations',
        'messages.file',
        'messages.container_upload',
        'messages.tool_result.is_error',
      ]),
    );
    expect(Object.keys(body)).toEqual(['model', 'messages']);
  });

  it('says a document that is plain text as text, and names files without a name', () => {
    const { body, loss } = write({
      messages: [
        user(
          { type: 'file', source: { kind: 'text', mediaType: 'text/plain', text: 'Once' } },
          { type: 'file', source: { kind: 'base64', mediaType: 'application/pdf', data: 'QQ==' } },
        ),
      ],
    });
    expect(isArray(body.messages) && body.messages[0]).toEqual({
      role: 'user',
      content: [
        { type: 'text', text: 'Once' },
        { type: 'file', file: { filename: 'file.pdf', file_data: 'data:application/pdf;base64,QQ==' } },
      ],
    });
    expect(loss).toEqual(['messages.file']);
  });

  it('gives a call without input an empty object', () => {
    const call: Part = { type: 'tool-call', id: 'a', name: 'f', input: '' };
    expect(messagesOf({ messages: [assistant(call)], tools: [f] })).toEqual([
      { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    ]);
  });
});
