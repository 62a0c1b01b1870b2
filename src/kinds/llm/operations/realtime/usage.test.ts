import { expect, it } from 'vitest';
import { SessionMeter } from './usage.ts';

const done = (id: string, input: number, output: number, audio = 0) =>
  JSON.stringify({
    type: 'response.done',
    response: { id, usage: { input_tokens: input, output_tokens: output, output_token_details: { audio_tokens: audio } } },
  });

it('sums the responses of a session, each by its last word', () => {
  const meter = new SessionMeter();
  expect(meter.usage).toBeUndefined();
  meter.see(done('r1', 10, 1, 1));
  meter.see(done('r1', 10, 5, 4));
  meter.see(done('r2', 20, 7));
  meter.see(
    JSON.stringify({
      type: 'conversation.item.input_audio_transcription.completed',
      item_id: 'i',
      usage: { type: 'duration', seconds: 2 },
    }),
  );
  expect(meter.usage).toEqual({ input: 30, output: 12, audioOutput: 4, seconds: 2 });
});

it('takes nothing from what only looks like usage', () => {
  const meter = new SessionMeter();
  meter.see(JSON.stringify({ type: 'response.output_text.delta', delta: done('r1', 1, 1) }));
  meter.see('"response.done" but no JSON');
  meter.see(JSON.stringify({ type: 'response.done', response: { id: 'r', usage: { input_tokens: -5, output_tokens: 'x' } } }));
  meter.see(JSON.stringify({ type: 'response.done', response: null }));
  expect(meter.usage).toBeUndefined();
});
