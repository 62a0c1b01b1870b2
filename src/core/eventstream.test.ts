import { EventStreamCodec } from '@smithy/eventstream-codec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32 } from './crc32.ts';
import { encodeMessage, eventstream } from './eventstream.ts';
import { joinBytes } from './sse.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** AWS's own codec. */
const oracle = new EventStreamCodec(
  (bytes) => (typeof bytes === 'string' ? bytes : decoder.decode(bytes)),
  (text) => encoder.encode(text),
);
const message = (type: string, data: string) => eventstream.encode(`event: ${type}\ndata: ${data}\n\n`);
const framesOf = (...pieces: readonly Uint8Array[]) => {
  const splitter = eventstream.splitter();
  return { frames: pieces.flatMap((piece) => splitter.push(piece)), splitter };
};
const said = (...pieces: readonly Uint8Array[]) => framesOf(...pieces).frames.map(({ event, data }) => [event, data]);
const words = fc.string({ unit: 'grapheme', maxLength: 60 });
const json = words.map((text) => JSON.stringify({ text }));
const name = fc.stringMatching(/^[a-z][a-zA-Z]{0,20}$/);

it('computes the checksum of the published check value', () => {
  expect(crc32(encoder.encode('123456789'))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0))).toBe(0);
});

describe('messages of an event stream', () => {
  it('are written as the vendor writes them', () => {
    fc.assert(
      fc.property(name, json, (type, data) => {
        const exception = /exception$/i.test(type);
        const written = oracle.encode({
          headers: {
            [exception ? ':exception-type' : ':event-type']: { type: 'string', value: type },
            ':content-type': { type: 'string', value: 'application/json' },
            ':message-type': { type: 'string', value: exception ? 'exception' : 'event' },
          },
          body: encoder.encode(data),
        });
        expect(message(type, data)).toEqual(written);
      }),
    );
  });

  it('are read as the vendor writes them, with headers of every type', () => {
    const bytes = oracle.encode({
      headers: {
        a: { type: 'boolean', value: true },
        b: { type: 'boolean', value: false },
        c: { type: 'byte', value: 1 },
        d: { type: 'short', value: 2 },
        e: { type: 'integer', value: 3 },
        g: { type: 'binary', value: Uint8Array.of(1, 2, 3) },
        h: { type: 'timestamp', value: new Date(0) },
        i: { type: 'uuid', value: '00000000-0000-0000-0000-000000000000' },
        ':event-type': { type: 'string', value: 'messageStart' },
        ':message-type': { type: 'string', value: 'event' },
      },
      body: encoder.encode('{"role":"assistant"}'),
    });
    expect(said(bytes)).toEqual([['messageStart', '{"role":"assistant"}']]);
  });

  it('say the same however the bytes are cut, and joined are the bytes that came', () => {
    const events = fc.array(fc.tuple(name, json), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(events, fc.array(fc.nat(), { maxLength: 8 }), (each, places) => {
        const bytes = joinBytes(...each.map(([type, data]) => message(type, data)));
        const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const pieces = cuts.slice(1).map((end, index) => bytes.slice(cuts[index], end));
        const { frames, splitter } = framesOf(...pieces);
        expect(frames.map(({ event, data }) => [event, data])).toEqual(each);
        expect(joinBytes(...frames.map((frame) => frame.bytes))).toEqual(bytes);
        expect(splitter.rest).toHaveLength(0);
      }),
    );
  });

  it('come byte by byte, several at once, and keep what has only begun', () => {
    const bytes = joinBytes(message('one', '{}'), message('two', '{"a":1}'));
    expect(said(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual([
      ['one', '{}'],
      ['two', '{"a":1}'],
    ]);
    const { frames, splitter } = framesOf(bytes.slice(0, -1));
    expect(frames).toHaveLength(1);
    expect(splitter.rest).toHaveLength(message('two', '{"a":1}').length - 1);
  });

  it('read as text as the server-sent event that says the same', () => {
    expect(framesOf(message('messageStop', '{"stopReason":"end_turn"}')).frames[0]?.text).toBe(
      'event: messageStop\ndata: {"stopReason":"end_turn"}\n\n',
    );
  });

  it('carry exceptions, and errors of the transport, by their names', () => {
    expect(said(message('throttlingException', '{"message":"Slow down."}'))).toEqual([['throttlingException', '{"message":"Slow down."}']]);
    const error = encodeMessage(
      [
        [':message-type', 'error'],
        [':error-code', 'InternalError'],
        [':error-message', 'Broken.'],
      ],
      new Uint8Array(0),
    );
    expect(said(error)).toEqual([['InternalErrorException', '{"message":"Broken."}']]);
  });

  it('leave out comments, for which there is no place', () => {
    expect(eventstream.encode(': ping\n\n')).toHaveLength(0);
    expect(eventstream.ping).toBeUndefined();
  });
});

describe('a broken event stream', () => {
  const good = message('messageStart', '{"role":"assistant"}');
  const invalid = expect.objectContaining({ code: 'upstream_invalid' });

  it('is refused wherever one byte is not what it was', () => {
    for (let at = 0; at < good.length; at++) {
      const broken = Uint8Array.from(good, (byte, index) => (index === at ? byte ^ 0x41 : byte));
      expect(() => said(broken), `byte ${at}`).toThrow(invalid);
    }
  });

  it('is refused by its length alone where it is too large', () => {
    const large = message('big', JSON.stringify('x'.repeat(2000)));
    expect(() => eventstream.splitter(1000).push(large.slice(0, 12))).toThrow(expect.objectContaining({ code: 'event_too_large' }));
    expect(eventstream.splitter(3000).push(large)).toHaveLength(1);
  });

  it('is refused where its lengths contradict each other, or its headers end early', () => {
    const prelude = (total: number, headers: number) => {
      const bytes = new Uint8Array(12);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, total);
      view.setUint32(4, headers);
      view.setUint32(8, crc32(bytes.subarray(0, 8)));
      return bytes;
    };
    expect(() => said(prelude(15, 0))).toThrow(invalid);
    expect(() => said(prelude(40, 30))).toThrow(invalid);
    const headers = Uint8Array.of(200, 58, 101);
    const message = joinBytes(prelude(12 + headers.length + 4, headers.length), headers, new Uint8Array(4));
    new DataView(message.buffer).setUint32(message.length - 4, crc32(message.subarray(0, -4)));
    expect(() => said(message)).toThrow(invalid);
  });
});
