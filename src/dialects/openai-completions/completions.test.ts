import { describe, expect, it } from 'vitest';
import type { Chat, ChatChunk } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import { Wire } from '../../core/wire.ts';
import text from '../fixtures/openai-completions-text.json';
import stream from '../fixtures/openai-completions-text-stream.json';
import { openaiCompletions } from './index.ts';

const read = (bodies: readonly JsonObject[]): readonly ChatChunk[] => {
  const reader = openaiCompletions.replyReader();
  return [...bodies.map((body) => JSON.stringify(body)), '[DONE]'].flatMap((data) => reader.read(Frame.of(`data: ${data}\n\n`)));
};
const said = (chunks: readonly ChatChunk[]) => chunks.map((chunk) => (chunk.type === 'text' ? chunk.text : '')).join('');

describe('a recorded completion', () => {
  it('is a text with its end and its usage', () => {
    expect(openaiCompletions.readReply(text)).toEqual([
      { type: 'start', id: text.id, model: text.model, created: text.created },
      { type: 'text', part: 0, choice: 0, text: text.choices[0]?.text },
      { type: 'finish', choice: 0, reason: 'length' },
      { type: 'usage', usage: { input: 14, output: 16 } },
      { type: 'end' },
    ]);
    const chunks = read(stream);
    expect(said(chunks)).toBe('The holiday is called "Gratitude Day" and it is a day dedicated to');
    expect(chunks.slice(-3)).toEqual([
      { type: 'finish', choice: 0, reason: 'length' },
      { type: 'usage', usage: { input: 14, output: 16 } },
      { type: 'end' },
    ]);
  });
});

describe('a completion', () => {
  it('keeps choices apart, and names the tokens that others cannot show', () => {
    const logprobs = { tokens: ['a'] };
    const chunks = read([
      { id: 'i', choices: [{ index: 1, text: 'b', finish_reason: null, logprobs }] },
      { id: 'i', choices: [{ index: 0, text: 'a', finish_reason: 'stop' }] },
    ]);
    expect(chunks).toEqual([
      { type: 'start', id: 'i' },
      { type: 'text', part: 1, choice: 1, text: 'b' },
      { type: 'raw', dialect: 'openai-completions', name: 'logprobs', value: logprobs },
      { type: 'text', part: 0, choice: 0, text: 'a' },
      { type: 'finish', choice: 0, reason: 'stop' },
      { type: 'finish', choice: 1, reason: 'other' },
      { type: 'end' },
    ]);
  });

  it('has no word for thinking and calls of tools, and says so', () => {
    const writer = openaiCompletions.replyWriter({ id: 'i', model: 'm', created: 1, wantsUsage: false });
    const all: readonly ChatChunk[] = [
      { type: 'thinking', part: 0, choice: 0, text: 'Hm.' },
      { type: 'signature', part: 0, choice: 0, signature: 's', issuer: 'anthropic' },
      { type: 'tool-call', part: 1, choice: 0, id: 'a', name: 'f' },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
    ];
    const written = all.map((chunk) => writer.write(chunk)).join('');
    expect(written).not.toContain('Hm.');
    expect(JSON.parse(written.slice('data: '.length)).choices).toEqual([{ text: '', index: 0, logprobs: null, finish_reason: 'stop' }]);
    expect([...writer.loss]).toEqual(['reasoning_content', 'thinking.signature', 'tool_calls', 'finish_reason.tool-calls']);
  });

  it('is edited without the tokens that repeat its text', () => {
    const body = { choices: [{ text: 'a', logprobs: { tokens: ['a'] } }] };
    expect(openaiCompletions.replyTexts(body, (each) => each.toUpperCase())).toEqual({ choices: [{ text: 'A', logprobs: null }] });
  });
});

const call = (fields: JsonObject) => openaiCompletions.readCall({ model: 'm', prompt: 'Once', ...fields });

describe('a call for a completion', () => {
  it('is what a user says, of sixteen tokens unless it says how many', () => {
    expect(call({})).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Once' }] }],
      tools: [],
      maxTokens: 16,
      stream: false,
      extra: {},
    });
    expect(call({ prompt: ['Once'], max_tokens: 5, stop: 'x', n: 2 })).toMatchObject({ maxTokens: 5, stop: ['x'], choices: 2 });
  });

  it.each([[['a', 'b']], [[1, 2]], [[[1], [2]]], [null]])('is one text: %j', (prompt) => {
    expect(() => call({ prompt })).toThrow(expect.objectContaining({ code: 'invalid_request', details: { param: 'prompt' } }));
  });

  it('keeps what only this dialect knows, and it comes back', () => {
    const own = { suffix: 'the end', echo: true, best_of: 3, logprobs: 2, stream_options: { include_obfuscation: false } };
    const chat = call({ ...own, stream: true });
    expect(chat.extra).toEqual({ 'openai-completions': own });
    expect(openaiCompletions.writeCall(chat, {})).toEqual({
      body: {
        ...own,
        model: 'm',
        prompt: 'Once',
        max_tokens: 16,
        stream: true,
        stream_options: { include_obfuscation: false, include_usage: true },
      },
      loss: [],
    });
  });

  it('is one text of a whole conversation, and names what that loses', () => {
    const say = (role: 'system' | 'user' | 'assistant', said: string) => ({ role, content: [{ type: 'text' as const, text: said }] });
    const chat: Chat = { ...call({}), messages: [say('system', 'Be brief.'), say('user', 'Hi')], tools: [{ type: 'function', name: 'f' }] };
    expect(openaiCompletions.writeCall(chat, {})).toMatchObject({ body: { prompt: 'Be brief.\n\nHi' }, loss: ['tools', 'messages.role'] });
  });

  it('is edited before and behind the gap, and in every prompt of a list', () => {
    const edit = (body: JsonObject) => openaiCompletions.texts(body, (each) => each.toUpperCase());
    expect(edit({ prompt: 'a', suffix: 'b' })).toEqual({ prompt: 'A', suffix: 'B' });
    expect(edit({ prompt: ['a', 'b'] })).toEqual({ prompt: ['A', 'B'] });
    const tokens = { prompt: [[1, 2]] };
    expect(edit(tokens)).toBe(tokens);
  });

  it('is forwarded as it came, with usage asked for in streams', () => {
    const wire = Wire.of({ model: 'm', prompt: [[1, 2]], stream: true });
    expect(openaiCompletions.patch(openaiCompletions.head(wire.fields), 'n', {}, wire.fields)).toEqual({
      model: 'n',
      stream_options: { include_usage: true },
    });
  });
});
