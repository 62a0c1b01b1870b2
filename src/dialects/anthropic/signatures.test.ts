import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { wrapSignature } from '../../core/signature.ts';
import { Wire } from '../../core/wire.ts';
import { anthropic } from './index.ts';

const options = { id: 'i', model: 'm', created: 1, wantsUsage: true };
const blocksOf = (chunks: readonly ChatChunk[]) => {
  const { content } = anthropic.writeReply([...chunks, { type: 'end' }], options).body;
  return JSON.parse(JSON.stringify(content)) as JsonObject[];
};
const back = (content: Json) =>
  anthropic.readCall({ model: 'm', max_tokens: 9, messages: [{ role: 'assistant', content }] }).messages[0]?.content;
const call = (part: number, id: string): ChatChunk => ({ type: 'tool-call', part, choice: 0, id, name: 'f' });
const input = (part: number): ChatChunk => ({ type: 'tool-input', part, choice: 0, text: '{}' });
const sign = (part: number, signature = 'AbC='): ChatChunk => ({ type: 'signature', part, choice: 0, signature, issuer: 'gemini' });
const gemini = { signature: 'AbC=', issuer: 'gemini' };

describe('a signature of another family in an Anthropic conversation', () => {
  it('stands in a block before the call that it belongs to', () => {
    const blocks = blocksOf([call(0, 'c'), sign(0), input(0)]);
    expect(blocks.map(({ type }) => type)).toEqual(['redacted_thinking', 'tool_use']);
    expect(back(blocks)).toEqual([{ type: 'tool-call', id: 'c', name: 'f', input: '{}', ...gemini }]);
  });

  it('finds its call wherever a client puts the block, and is forgotten where the call is gone', () => {
    const blocks = blocksOf([call(0, 'a'), sign(0), call(1, 'b'), sign(1, 'b='), input(0), input(1)]);
    expect(blocks.map(({ type }) => type)).toEqual(['redacted_thinking', 'tool_use', 'tool_use', 'redacted_thinking']);
    expect(back(blocks.toReversed())).toMatchObject([
      { id: 'b', signature: 'b=' },
      { id: 'a', signature: 'AbC=' },
    ]);
    expect(back(blocks.filter(({ type }) => type === 'redacted_thinking'))).toEqual([]);
  });

  it('is kept where it comes late, when its call has begun', () => {
    const blocks = blocksOf([call(0, 'c'), input(0), sign(0)]);
    expect(blocks.map(({ type }) => type)).toEqual(['tool_use', 'redacted_thinking']);
    expect(back(blocks)).toEqual([{ type: 'tool-call', id: 'c', name: 'f', input: '{}', ...gemini }]);
  });

  it('follows the text that it belongs to, even an empty one', () => {
    const text = (part: number, value: string): ChatChunk => ({ type: 'text', part, choice: 0, text: value });
    expect(back(blocksOf([text(0, 'Hi'), sign(0), call(1, 'c'), input(1)]))).toEqual([
      { type: 'text', text: 'Hi', ...gemini },
      { type: 'tool-call', id: 'c', name: 'f', input: '{}' },
    ]);
    expect(back(blocksOf([text(0, ''), sign(0)]))).toEqual([{ type: 'text', text: '', ...gemini }]);
  });

  it('is not sent to Anthropic, though the call is forwarded as it came', () => {
    const own = { type: 'thinking', thinking: 'Hm.', signature: 'own==' };
    const other = { type: 'thinking', thinking: 'Hm.', signature: wrapSignature('s', 'gemini', 'anthropic') };
    const carriers = blocksOf([call(0, 'c'), sign(0), input(0)]);
    const wire = Wire.of({
      model: 'm',
      max_tokens: 9,
      thinking: { type: 'enabled', budget_tokens: 1024 },
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: [other] },
        { role: 'assistant', content: [own, { type: 'text', text: 'b' }] },
        { role: 'user', content: 'c' },
        { role: 'assistant', content: [other, ...carriers] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', content: 'ok' }] },
      ],
    });
    const body = JSON.parse(wire.patched(anthropic.patch(anthropic.head(wire.fields), 'm', {}, wire.fields)));
    expect(body.messages).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: [own, { type: 'text', text: 'b' }] },
      { role: 'user', content: 'c' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', content: 'ok' }] },
    ]);
    // Thinking cannot begin in the middle of a turn.
    expect(body.thinking).toBeUndefined();
  });

  it('leaves a call without any as it came', () => {
    const body = {
      model: 'm',
      max_tokens: 9,
      messages: [{ role: 'assistant', content: [{ type: 'thinking', thinking: 'x', signature: 'own' }] }],
    };
    const wire = Wire.of(body);
    expect(anthropic.patch(anthropic.head(wire.fields), 'n', {}, wire.fields)).toEqual({ model: 'n' });
  });
});
