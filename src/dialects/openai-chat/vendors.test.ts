import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import type { JsonObject } from '../../core/json.ts';
import { wrapSignature } from '../../core/signature.ts';
import { Frame } from '../../core/sse.ts';
import { Wire } from '../../core/wire.ts';
import { openaiChat } from './index.ts';

const read = (...bodies: readonly JsonObject[]): readonly ChatChunk[] => {
  const reader = openaiChat.replyReader();
  const frames = [...bodies.map((body) => `data: ${JSON.stringify(body)}\n\n`), 'data: [DONE]\n\n'];
  return frames.flatMap((frame) => reader.read(Frame.of(frame)));
};
const deltas = (...all: readonly JsonObject[]) => read(...all.map((delta) => ({ id: 'r', choices: [{ index: 0, delta }] })));
const content = (chunks: readonly ChatChunk[]) => chunks.filter(({ type }) => !['start', 'finish', 'end'].includes(type));
const call = (fields: JsonObject) => ({ tool_calls: [{ index: 0, ...fields }] });

describe('oddities of vendors', () => {
  it('leaves a tag in a text a text', () => {
    expect(content(deltas({ content: '<think>Hm.' }, { content: '</think>4' }))).toEqual([
      { type: 'text', part: 0, choice: 0, text: '<think>Hm.' },
      { type: 'text', part: 0, choice: 0, text: '</think>4' },
    ]);
  });

  it('reads reasoning under either name, and the padding of OpenAI not at all', () => {
    for (const name of ['reasoning', 'reasoning_content']) {
      const chunks = read({ id: 'r', choices: [{ index: 0, delta: { [name]: 'Hm.' } }], obfuscation: 'aXbYc' });
      expect(content(chunks)).toEqual([{ type: 'thinking', part: 0, choice: 0, text: 'Hm.' }]);
    }
  });

  it('adds the reasoning that is missing from a completion, and no more', () => {
    const usage = (fields: JsonObject) => read({ id: 'r', choices: [], usage: fields }).find(({ type }) => type === 'usage');
    const xai = { prompt_tokens: 12, completion_tokens: 1, total_tokens: 303, completion_tokens_details: { reasoning_tokens: 290 } };
    expect(usage(xai)).toMatchObject({ usage: { input: 12, output: 291, reasoning: 290 } });
    const openai = { prompt_tokens: 12, completion_tokens: 291, total_tokens: 303, completion_tokens_details: { reasoning_tokens: 290 } };
    expect(usage(openai)).toMatchObject({ usage: { input: 12, output: 291, reasoning: 290 } });
  });

  it('takes apart a call of several tools that is none of the caller’s', () => {
    const input = JSON.stringify({
      tool_uses: [
        { recipient_name: 'functions.weather', parameters: { city: 'Rome' } },
        { recipient_name: 'functions.time', parameters: {} },
      ],
    });
    const chunks = deltas(
      call({ id: 'call_1', type: 'function', function: { name: 'multi_tool_use.parallel', arguments: input.slice(0, 30) } }),
      call({ function: { arguments: input.slice(30) } }),
    );
    expect(content(chunks)).toEqual([
      { type: 'tool-call', part: 1, choice: 0, id: 'call_1_0', name: 'weather' },
      { type: 'tool-input', part: 1, choice: 0, text: '{"city":"Rome"}' },
      { type: 'tool-call', part: 2, choice: 0, id: 'call_1_1', name: 'time' },
      { type: 'tool-input', part: 2, choice: 0, text: '{}' },
    ]);
    const own = deltas(
      call({ id: 'call_1', function: { name: 'parallel', arguments: '{"tool_uses":' } }),
      call({ function: { arguments: '1}' } }),
    );
    expect(content(own)).toEqual([
      { type: 'tool-call', part: 0, choice: 0, id: 'call_1', name: 'parallel' },
      { type: 'tool-input', part: 0, choice: 0, text: '{"tool_uses":1}' },
    ]);
  });
});

const google = (signature: string) => ({ extra_content: { google: { thought_signature: signature } } });
const foreign = wrapSignature('c2ln', 'anthropic', 'other');

describe('signatures on tool calls', () => {
  it('are read as Google writes them, right behind the call', () => {
    const chunks = deltas(call({ id: 'c', function: { name: 'f', arguments: '{}' }, ...google('AbC=') }));
    expect(content(chunks)).toEqual([
      { type: 'tool-call', part: 0, choice: 0, id: 'c', name: 'f' },
      { type: 'signature', part: 0, choice: 0, signature: 'AbC=', issuer: 'gemini' },
      { type: 'tool-input', part: 0, choice: 0, text: '{}' },
    ]);
    expect(content(deltas({ content: 'Hi' }, google('AbC=')))).toContainEqual({
      type: 'signature',
      part: 0,
      choice: 0,
      signature: 'AbC=',
      issuer: 'gemini',
    });
  });

  it('are written in the delta that begins the call, Gemini’s as it is and others wrapped', () => {
    const writer = openaiChat.replyWriter({ id: 'i', model: 'm', created: 1, wantsUsage: false });
    const begun: ChatChunk = { type: 'tool-call', part: 0, choice: 0, id: 'c', name: 'f' };
    expect(writer.write(begun)).toBe('');
    const frame = writer.write({ type: 'signature', part: 0, choice: 0, signature: 'AbC=', issuer: 'gemini' });
    expect(JSON.parse(frame.slice('data: '.length)).choices[0].delta.tool_calls).toEqual([
      { index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' }, ...google('AbC=') },
    ]);
    const { body } = openaiChat.writeReply(
      [begun, { type: 'signature', part: 0, choice: 0, signature: 'c2ln', issuer: 'anthropic' }, { type: 'end' }],
      { id: 'i', model: 'm', created: 1, wantsUsage: false },
    );
    expect(JSON.stringify(body)).toContain(foreign);
  });

  it('go back to Gemini alone, and only where it wants them', () => {
    const chat = openaiChat.readCall({
      model: 'm',
      messages: [
        { role: 'user', content: 'a' },
        {
          role: 'assistant',
          content: 'b',
          ...google('T='),
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' }, ...google('AbC=') }],
        },
      ],
    });
    const plain = openaiChat.writeCall(chat, {});
    expect(JSON.stringify(plain.body)).not.toContain('thought_signature');
    expect(plain.loss).toContain('thinking.signature');
    const wanted = openaiChat.writeCall(chat, { thoughtSignatures: true });
    expect(wanted.loss).toEqual([]);
    expect(wanted.body.messages).toMatchObject([{}, { ...google('T='), tool_calls: [{ id: 'c', ...google('AbC=') }] }]);
  });
});

describe('a call that is forwarded as it came', () => {
  const patched = (message: JsonObject, quirks: Quirks = {}) => {
    const wire = Wire.of({ model: 'm', messages: [{ role: 'user', content: 'a' }, message] });
    const body = JSON.parse(wire.patched(openaiChat.patch(openaiChat.head(wire.fields), 'm', quirks, wire.fields)));
    return body.messages[1];
  };
  const turn = { role: 'assistant', content: 'b', reasoning_content: 'Hm.' };

  it('keeps the reasoning that the caller sends back, save where it is refused', () => {
    expect(patched(turn)).toEqual(turn);
    expect(patched(turn, { reasoningEcho: false })).toEqual({ role: 'assistant', content: 'b' });
  });

  it('loses signatures of other families, and keeps those of its own vendor', () => {
    const blocks = (signature: string) => ({ ...turn, thinking_blocks: [{ type: 'thinking', thinking: 'Hm.', signature }] });
    expect(patched(blocks('own'))).toEqual(blocks('own'));
    expect(patched(blocks(foreign))).toEqual(turn);
    const calling = (signature: string, other: JsonObject = {}) => ({
      ...turn,
      tool_calls: [
        {
          id: 'c',
          type: 'function',
          function: { name: 'f', arguments: '{}' },
          extra_content: { ...google(signature).extra_content, ...other },
        },
      ],
    });
    expect(patched(calling('AbC='))).toEqual(calling('AbC='));
    expect(patched(calling(foreign)).tool_calls[0].extra_content).toBeUndefined();
    expect(patched(calling(foreign, { acme: 1 })).tool_calls[0].extra_content).toEqual({ acme: 1 });
    expect(patched(calling('AbC='), { thoughtSignatures: false }).tool_calls[0].extra_content).toBeUndefined();
  });
});
