import { describe, expect, it } from 'vitest';
import { Frame } from '../../core/sse.ts';
import { openaiChat } from './index.ts';

const shout = (text: string) => text.toUpperCase();
const same = (text: string) => text;
const picture = { type: 'image_url', image_url: { url: 'https://a.example/b.png' } };

describe('the texts of a call', () => {
  const body = {
    model: 'm',
    messages: [
      { role: 'system', content: 'a' },
      { role: 'user', content: [{ type: 'text', text: 'b' }, picture], name: 'n' },
      { role: 'assistant', content: 'c', reasoning_content: 'hm', tool_calls: [{ id: 'x', function: { name: 'f', arguments: 'g' } }] },
      {
        role: 'assistant',
        content: [
          { type: 'refusal', refusal: 'd' },
          { type: 'thinking', thinking: 'hm' },
        ],
        refusal: 'e',
      },
      { role: 'tool', tool_call_id: 'x', content: 'f' },
      { role: 'assistant', content: null },
    ],
  };

  it('are those that a person or model wrote', () => {
    const seen: string[] = [];
    openaiChat.texts(body, (text) => {
      seen.push(text);
      return text;
    });
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(openaiChat.texts(body, shout)).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'A' },
        { role: 'user', content: [{ type: 'text', text: 'B' }, picture], name: 'n' },
        { ...body.messages[2], content: 'C' },
        {
          role: 'assistant',
          content: [
            { type: 'refusal', refusal: 'D' },
            { type: 'thinking', thinking: 'hm' },
          ],
          refusal: 'E',
        },
        { role: 'tool', tool_call_id: 'x', content: 'F' },
        { role: 'assistant', content: null },
      ],
    });
  });

  it('leave the object as it is where none changed', () => {
    expect(openaiChat.texts(body, same)).toBe(body);
    for (const odd of [{}, { messages: 'x' }, { messages: [null, 7] }]) expect(openaiChat.texts(odd, shout)).toBe(odd);
  });
});

describe('the texts of an answer', () => {
  it('are those of its messages', () => {
    const body = { id: 'r', choices: [{ index: 0, message: { role: 'assistant', content: 'a', reasoning_content: 'hm' } }] };
    expect(openaiChat.replyTexts(body, same)).toBe(body);
    expect(openaiChat.replyTexts(body, shout)).toEqual({
      id: 'r',
      choices: [{ index: 0, message: { role: 'assistant', content: 'A', reasoning_content: 'hm' } }],
    });
  });
});

describe('the texts of a frame', () => {
  const frame = (text: string) => Frame.of(text);

  it('are edited in their place, all else as it came', () => {
    const before = ': hi\r\ndata:{"id":"r", "choices":[{"delta":{"content":"a","reasoning_content":"hm"}}],"x":1}\r\nid: 7\r\n\r\n';
    const after = ': hi\r\ndata: {"id":"r","choices":[{"delta":{"content":"A","reasoning_content":"hm"}}],"x":1}\r\nid: 7\r\n\r\n';
    expect(openaiChat.frameTexts(frame(before), shout).text).toBe(after);
  });

  it('are those of the text chunks that it is read as, in order', () => {
    const delta = {
      content: [
        { type: 'thinking', thinking: 'hm' },
        { type: 'text', text: 'a' },
        { type: 'text', text: '' },
        { type: 'text', text: 'b' },
      ],
    };
    const whole = frame(
      `data: ${JSON.stringify({
        choices: [
          { index: 0, delta },
          { index: 1, delta: { content: 'c' } },
        ],
      })}\n\n`,
    );
    const seen: string[] = [];
    openaiChat.frameTexts(whole, (text) => {
      seen.push(text);
      return text;
    });
    const chunks = openaiChat.replyReader().read(whole);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(chunks.flatMap((chunk) => (chunk.type === 'text' ? [chunk.text] : []))).toEqual(seen);
  });

  it('leave the frame as it is where none changed', () => {
    for (const text of [
      'data: [DONE]\n\n',
      ': ping\n\n',
      'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
      'data: {"choices":[{"delta":{"content":""}}]}\n\n',
    ]) {
      const before = frame(text);
      expect(openaiChat.frameTexts(before, same)).toBe(before);
    }
  });

  it('may come in several lines of data', () => {
    const before = frame('event: message\ndata: {"choices":\ndata: [{"delta":{"content":"a"}}]}\n\n');
    expect(openaiChat.frameTexts(before, shout).text).toBe('event: message\ndata: {"choices":[{"delta":{"content":"A"}}]}\n\n');
  });
});
