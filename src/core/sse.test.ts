import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameSplitter, joinBytes } from './sse.ts';

const encode = (text: string) => new TextEncoder().encode(text);

/** The frames that say something, and every byte that came out, for one way of splitting the bytes. */
function split(bytes: Uint8Array, cuts: readonly number[]) {
  const splitter = new FrameSplitter();
  const frames = [];
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    frames.push(...splitter.push(bytes.slice(at, cut)));
    at = cut;
  }
  return {
    spoken: frames.filter((frame) => frame.data !== undefined).map(({ event, data }) => ({ event, data })),
    bytes: joinBytes(...frames.map((frame) => frame.bytes), splitter.rest),
  };
}

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const fieldLine = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
  fc.string().map((text) => `data:${text.replace(/[\r\n]/g, '')}`),
  fc.constantFrom('event: message_start', 'event:x', ': comment', 'retry: 10', 'id: 7', 'data', 'unknown: y', ''),
);
const stream = fc.array(fc.tuple(fieldLine, lineEnd)).map((lines) => lines.flat().join(''));

describe('frame splitter', () => {
  it('finds the same events at any split of the bytes, and hands on every byte', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(2000)), (text, positions) => {
        const bytes = encode(`data: a\n\n${text}`);
        const cuts = [...new Set(positions.map((position) => position % (bytes.length + 1)))].sort((a, b) => a - b);
        const whole = split(bytes, []);
        const parts = split(bytes, cuts);
        expect(parts.spoken).toEqual(whole.spoken);
        expect(parts.bytes).toEqual(bytes);
        expect(whole.bytes).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it('joins data lines, drops one leading space, keeps the last event name', () => {
    const { spoken } = split(encode('event: a\r\nevent: b\r\ndata:  x\r\ndata:y\r\n\r\n'), []);
    expect(spoken).toEqual([{ event: 'b', data: ' x\ny' }]);
  });

  it('drops a byte-order mark at the start, even when it comes byte by byte', () => {
    const bytes = joinBytes(Uint8Array.of(0xef, 0xbb, 0xbf), encode('data: a\n\n'));
    expect(split(bytes, [1, 2, 3]).spoken).toEqual([{ event: undefined, data: 'a' }]);
  });

  it('refuses an event beyond the limit, also one without any line end', () => {
    const splitter = new FrameSplitter(100);
    splitter.push(encode('a'.repeat(100)));
    expect(() => splitter.push(encode('a'))).toThrow(/one event/);
  });
});
