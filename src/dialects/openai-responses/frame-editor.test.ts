import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import type { Surface } from '../../core/exchange.ts';
import { holdBack } from '../../core/hold-back.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import lmStudio from '../fixtures/openai-responses-lm-studio-tool-call.json';
import recorded from '../fixtures/openai-responses-openai-file-search.json';
import { RepeatEditor } from './frame-editor.ts';
import { openaiResponses } from './index.ts';

const framesOf = (events: Json): readonly Frame[] =>
  (events as readonly JsonObject[]).map((event) => Frame.of(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`));

type Policy = (chunk: ChatChunk) => readonly ChatChunk[];

/** The frames that leave where a policy sees every chunk. */
function edited(frames: readonly Frame[], policy: Policy): readonly Frame[] {
  const editor = new RepeatEditor();
  const reader = openaiResponses.replyReader();
  return frames.flatMap((frame) => {
    const chunks = reader.read(frame);
    return editor.edit(frame, chunks, chunks.flatMap(policy));
  });
}

const eventOf = (frame: Frame): JsonObject => JSON.parse(frame.data ?? '');
const deltasOf = (frames: readonly Frame[]) =>
  frames.map(eventOf).flatMap((event) => (event.type === 'response.output_text.delta' ? [String(event.delta)] : []));
/** Every text in the events that repeat what the deltas said. */
function repeatsOf(frames: readonly Frame[]): readonly string[] {
  const texts: string[] = [];
  for (const frame of frames) {
    if (eventOf(frame).type === 'response.output_text.delta') continue;
    openaiResponses.frameTexts(frame, (text) => {
      texts.push(text);
      return text;
    });
  }
  return texts;
}

const surface: Pick<Surface, 'textOf' | 'withText' | 'choiceOf' | 'isLast'> = {
  textOf: (chunk) => (chunk.type === 'text' ? { part: chunk.part, text: chunk.text } : undefined),
  withText: (chunk, text) => (chunk.type === 'text' ? { ...chunk, text } : chunk),
  choiceOf: (chunk) => ('choice' in chunk ? chunk.choice : chunk.type === 'start' || chunk.type === 'usage' ? undefined : 'all'),
  isLast: (chunk) => chunk.type === 'end',
};
/** Holds the last characters of every piece back until more has come. */
const holding = (count: number): Policy =>
  (() => {
    const run = holdBack({ ...surface } as Surface, () => {
      let held = '';
      return {
        push(text: string) {
          held += text;
          const ready = held.slice(0, Math.max(0, held.length - count));
          held = held.slice(ready.length);
          return ready.toUpperCase();
        },
        end() {
          const rest = held.toUpperCase();
          held = '';
          return rest;
        },
      };
    });
    return (chunk: ChatChunk) => run(chunk) as readonly ChatChunk[];
  })();

const whole = (frames: readonly Frame[]) => deltasOf(frames).join('');

describe.each([
  ['recorded by OpenAI', framesOf(recorded)],
  ['recorded by LM Studio', framesOf(lmStudio)],
])('a stream %s', (_name, frames) => {
  it('leaves as it came while nobody touches it', () => {
    expect(edited(frames, (chunk) => [chunk])).toEqual(frames);
  });

  it('says nowhere what a policy has taken out', () => {
    const before = whole(frames);
    const after = edited(frames, (chunk) => [chunk.type === 'text' ? { ...chunk, text: chunk.text.toUpperCase() } : chunk]);
    expect(before).not.toBe(before.toUpperCase());
    expect(whole(after)).toBe(before.toUpperCase());
    expect(repeatsOf(after)).toEqual(repeatsOf(frames).map((text) => text.toUpperCase()));
  });

  it('says what was held back before anything repeats it, and numbers its events in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (count) => {
        const after = edited(frames, holding(count));
        expect(whole(after)).toBe(whole(frames).toUpperCase());
        expect(repeatsOf(after)).toEqual(repeatsOf(frames).map((text) => text.toUpperCase()));
        const types = after.map((frame) => eventOf(frame).type);
        expect(types.lastIndexOf('response.output_text.delta')).toBeLessThan(types.indexOf('response.output_text.done'));
        const numbers = after.map((frame) => eventOf(frame).sequence_number);
        expect(numbers).toEqual(numbers.map((_, index) => index));
        expect(types.filter((type) => type !== 'response.output_text.delta')).toEqual(
          frames.map((frame) => eventOf(frame).type).filter((type) => type !== 'response.output_text.delta'),
        );
      }),
      { numRuns: 20 },
    );
  });
});

describe('a vendor that says its texts only whole', () => {
  const item = { id: 'msg_1', type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'secret', annotations: [] }] };
  const response = { id: 'resp_1', status: 'completed', output: [item] };
  const hide: Policy = (chunk) => [chunk.type === 'text' ? { ...chunk, text: '***' } : chunk];

  it.each([
    [
      'at the end of the item',
      [
        { type: 'response.output_item.done', output_index: 0, item },
        { type: 'response.completed', response },
      ],
    ],
    ['at the end of the response', [{ type: 'response.completed', response }]],
  ])('%s', (_where, events) => {
    const after = edited(framesOf(events), hide);
    expect(after.map((frame) => frame.text).join('')).not.toContain('secret');
    const last = eventOf(after.at(-1) ?? Frame.of(''));
    expect(isObject(last.response) && last.response.output).toMatchObject([{ content: [{ text: '***' }] }]);
  });
});
