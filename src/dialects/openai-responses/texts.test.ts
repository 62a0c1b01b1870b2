import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import { openaiResponses } from './index.ts';

const shout = (text: string) => text.toUpperCase();

describe('texts of a call', () => {
  it('are instructions, input and what tools returned, and never reasoning or media', () => {
    const thought = {
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'hm' }],
      content: [{ type: 'reasoning_text', text: 'hm' }],
    };
    const body: JsonObject = {
      instructions: 'be',
      input: [
        { role: 'user', content: 'a' },
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'b' },
            { type: 'input_image', image_url: 'https://a.example/x' },
          ],
        },
        {
          type: 'message',
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'c' },
            { type: 'refusal', refusal: 'd' },
          ],
        },
        thought,
        { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{"a":"b"}' },
        { type: 'function_call_output', call_id: 'c1', output: 'e' },
        { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_text', text: 'f' }] },
        { type: 'shell_call_output', call_id: 's1', output: [{ stdout: 'g', stderr: 'h', outcome: { type: 'exit' } }] },
        { type: 'local_shell_call_output', id: 'l1', output: 'i' },
      ],
    };
    const seen: string[] = [];
    expect(
      openaiResponses.texts(body, (text) => {
        seen.push(text);
        return text;
      }),
    ).toBe(body);
    expect(seen).toEqual(['be', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']);
    const edited = openaiResponses.texts(body, shout);
    expect((edited.input as readonly JsonObject[])[3]).toBe(thought);
    expect(edited).toMatchObject({
      instructions: 'BE',
      input: [{ content: 'A' }, {}, {}, {}, { arguments: '{"a":"b"}' }, { output: 'E' }, {}, {}, { output: 'I' }],
    });
    expect(openaiResponses.texts({ input: 'hi' }, shout)).toEqual({ input: 'HI' });
  });

  it('have an operator’s instructions added', () => {
    expect(openaiResponses.addSystem?.({ input: 'Hi.' }, 'Op.', 'start')).toEqual({ input: 'Hi.', instructions: 'Op.' });
    expect(openaiResponses.addSystem?.({ instructions: 'Own.' }, 'Op.', 'start')).toEqual({ instructions: 'Op.\n\nOwn.' });
    expect(openaiResponses.addSystem?.({ instructions: 'Own.' }, 'Op.', 'end')).toEqual({ instructions: 'Own.\n\nOp.' });
  });
});

describe('texts of an answer', () => {
  const message = {
    type: 'message',
    content: [
      { type: 'output_text', text: 'a', logprobs: [{ token: 'a' }] },
      { type: 'refusal', refusal: 'r' },
    ],
  };
  const body = { output: [{ type: 'reasoning', summary: [] }, message, message], output_text: 'aa' };

  it('are edited in order, with everything that repeats them', () => {
    const next = ['x', 'y'];
    expect(openaiResponses.replyTexts(body, () => next.shift() ?? '')).toEqual({
      output: [
        { type: 'reasoning', summary: [] },
        {
          type: 'message',
          content: [
            { type: 'output_text', text: 'x', logprobs: [] },
            { type: 'refusal', refusal: 'r' },
          ],
        },
        {
          type: 'message',
          content: [
            { type: 'output_text', text: 'y', logprobs: [] },
            { type: 'refusal', refusal: 'r' },
          ],
        },
      ],
      output_text: 'xy',
    });
    expect(openaiResponses.replyTexts(body, (text) => text)).toBe(body);
  });

  it('are edited in every frame that holds them', () => {
    const edited = (event: JsonObject) => {
      const frame = Frame.of(`event: ${event.type}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`);
      expect(openaiResponses.frameTexts(frame, (text) => text)).toBe(frame);
      const after = openaiResponses.frameTexts(frame, shout);
      expect(after.text).toMatch(/^event: .+\r\ndata: .+\r\n\r\n$/);
      return JSON.parse(after.data ?? '') as JsonObject;
    };
    expect(edited({ type: 'response.output_text.delta', delta: 'a', logprobs: [{}] })).toMatchObject({ delta: 'A', logprobs: [] });
    expect(edited({ type: 'response.output_text.done', text: 'a' })).toMatchObject({ text: 'A' });
    expect(edited({ type: 'response.content_part.done', part: { type: 'output_text', text: 'a' } })).toMatchObject({ part: { text: 'A' } });
    expect(edited({ type: 'response.output_item.done', item: message })).toMatchObject({ item: { content: [{ text: 'A' }, {}] } });
    expect(edited({ type: 'response.completed', response: body })).toMatchObject({ response: { output_text: 'AA' } });
    const other = Frame.of('data: {"type":"response.refusal.delta","delta":"a"}\n\n');
    expect(openaiResponses.frameTexts(other, shout)).toBe(other);
  });
});
