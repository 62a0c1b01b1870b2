import { describe, expect, it } from 'vitest';
import { Frame } from '../../core/sse.ts';
import { anthropic } from './index.ts';

const same = (text: string) => text;
const loud = (text: string) => text.toUpperCase();

const call = {
  model: 'claude',
  system: [{ type: 'text', text: 'be brief', cache_control: { type: 'ephemeral' } }],
  messages: [
    { role: 'user', content: 'hi' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 's' },
        { type: 'text', text: 'yes' },
        { type: 'tool_use', id: 't', name: 'f', input: { a: 'b' } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 't', content: 'one' },
        { type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'two' }] },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'long' } },
        { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'part' }] } },
        { type: 'search_result', content: [{ type: 'text', text: 'found' }] },
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aaaa' } },
      ],
    },
  ],
};

describe('the texts of an Anthropic body', () => {
  it('are edited wherever a person or the model wrote them, save in thinking, which is signed', () => {
    const seen: string[] = [];
    const edited = anthropic.texts(call, (text) => {
      seen.push(text);
      return loud(text);
    });
    expect(seen).toEqual(['be brief', 'hi', 'yes', 'one', 'two', 'long', 'part', 'found']);
    expect(edited).toMatchObject({
      system: [{ text: 'BE BRIEF', cache_control: { type: 'ephemeral' } }],
      messages: [{ content: 'HI' }, { content: [{ thinking: 'hm' }, { text: 'YES' }, { input: { a: 'b' } }] }, {}],
    });
    expect(anthropic.texts({ system: 'a', messages: [] }, loud)).toEqual({ system: 'A', messages: [] });
  });

  it('leave the same object when nothing changed', () => {
    expect(anthropic.texts(call, same)).toBe(call);
    const reply = { content: [{ type: 'text', text: 'yes' }] };
    expect(anthropic.replyTexts(reply, same)).toBe(reply);
    expect(anthropic.replyTexts(reply, loud)).toEqual({ content: [{ type: 'text', text: 'YES' }] });
  });

  it('are found in bodies of any shape', () => {
    for (const body of [{}, { system: 5, messages: 'x' }, { messages: [null, { content: [3] }, { content: { text: 'x' } }] }]) {
      expect(anthropic.texts(body, loud)).toBe(body);
    }
  });
});

describe('the text of an Anthropic frame', () => {
  const delta = (text: string) => `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"${text}"}}`;

  it('is edited and all else stays', () => {
    const frame = Frame.of(`event: content_block_delta\r\nid: 7\r\ndata: ${delta('a\u2028data: b')}\r\n\r\n`);
    expect(anthropic.frameTexts(frame, loud).text).toBe(`event: content_block_delta\r\nid: 7\r\ndata: ${delta('A\u2028DATA: B')}\r\n\r\n`);
    const lines = Frame.of('data: {"type":"content_block_start","index":0,\ndata: "content_block":{"type":"text","text":"a"}}\n\n');
    expect(anthropic.frameTexts(lines, loud).text).toBe(
      'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"A"}}\n\n',
    );
  });

  it('leaves the same frame when nothing changed, or there is none', () => {
    const thinking = '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}}';
    for (const text of [`data: ${thinking}\n\n`, ': ping\n\n', 'data: x\n\n', `data: ${delta('A')}\n\n`]) {
      const frame = Frame.of(text);
      expect(anthropic.frameTexts(frame, loud)).toBe(frame);
    }
  });
});
