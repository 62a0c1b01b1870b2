import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Framing, ndjson, sse } from './framing.ts';
import type { Frame } from './sse.ts';
import { joinBytes } from './sse.ts';

const framings: readonly (readonly [string, Framing])[] = [sse, ndjson].map((framing) => [framing.id, framing] as const);
const events = fc.array(fc.json({ maxDepth: 2 }), { maxLength: 12 });
const written = (data: readonly string[]) => data.map((each) => `data: ${each}\n\n`).join('');

/** The frames of bytes that arrive cut in pieces of these lengths. */
function cut(framing: Framing, bytes: Uint8Array, lengths: readonly number[]): readonly Frame[] {
  const splitter = framing.splitter();
  const frames: Frame[] = [];
  let at = 0;
  for (const length of [...lengths, bytes.length]) {
    frames.push(...splitter.push(bytes.slice(at, at + length)));
    at = Math.min(bytes.length, at + length);
  }
  expect(splitter.rest.length).toBe(0);
  return frames;
}

describe.each(framings)('%s', (_id, framing) => {
  it('says the same events at any split of its bytes, and hands on every byte', () => {
    fc.assert(
      fc.property(events, fc.array(fc.integer({ min: 0, max: 9 })), (data, lengths) => {
        const bytes = framing.encode(written(data));
        const frames = cut(framing, bytes, lengths);
        expect(frames.flatMap((frame) => frame.data ?? [])).toEqual(data);
        expect(joinBytes(...frames.map((frame) => frame.bytes))).toEqual(bytes);
      }),
    );
  });

  it('pings without saying anything, wherever an event has ended', () => {
    const ping = framing.ping ?? new Uint8Array(0);
    const bytes = joinBytes(framing.encode(written(['{"a":1}'])), ping, framing.encode(written(['{"b":2}'])), ping);
    expect(cut(framing, bytes, []).flatMap((frame) => frame.data ?? [])).toEqual(['{"a":1}', '{"b":2}']);
  });

  it('refuses an event above the limit, begun or not', () => {
    const splitter = framing.splitter(64);
    expect(() => splitter.push(framing.encode(written([JSON.stringify('x'.repeat(200))])).slice(0, 150))).toThrow(/64 bytes/);
  });

  it('takes its own content type', () => {
    expect(framing.accepts(framing.contentType)).toBe(true);
    expect(framing.accepts('text/html')).toBe(false);
  });
});
