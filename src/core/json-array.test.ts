import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonArrayWriter, jsonArrayOf, jsonArrayStream } from './json-array.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;

describe('a stream of events as one JSON array', () => {
  it('holds the data of every event, wherever the bytes are cut', () => {
    const values = fc.array(fc.oneof(fc.jsonValue(), fc.string({ unit: 'grapheme' })), { maxLength: 5 });
    fc.assert(
      fc.property(values, fc.array(fc.nat(200), { maxLength: 6 }), (items, cuts) => {
        const bytes = encoder.encode(`: ping\n\n${items.map(event).join('\n\n: ping\n\n')}`);
        const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const writer = new JsonArrayWriter();
        const text = at.slice(1).map((end, index) => decoder.decode(writer.push(bytes.slice(at[index], end))));
        expect(JSON.parse(text.join('') + decoder.decode(writer.end()))).toEqual(JSON.parse(JSON.stringify(items)));
      }),
    );
  });

  it('gives every element as soon as its event is whole', () => {
    const writer = new JsonArrayWriter();
    expect(decoder.decode(writer.push(encoder.encode('data: {"a":1}\n')))).toBe('');
    expect(decoder.decode(writer.push(encoder.encode('\n')))).toBe('[{"a":1}');
    expect(decoder.decode(writer.push(encoder.encode('\n\n')))).toMatch(/^\n+$/);
    expect(decoder.decode(writer.push(encoder.encode(event({ b: 2 }))))).toBe(',\n{"b":2}');
    expect(decoder.decode(writer.end())).toBe('\n]');
  });

  it('is closed where the stream was broken off inside an event, or said nothing', () => {
    expect(JSON.parse(jsonArrayOf(encoder.encode('data: {"a":1}\n\ndata: {"er')))).toEqual([{ a: 1 }]);
    expect(JSON.parse(jsonArrayOf(encoder.encode('data: {"error":{"code":503}}\n\n: broken off\n')))).toEqual([{ error: { code: 503 } }]);
    expect(jsonArrayOf(encoder.encode(''))).toBe('[]');
  });

  it('passes on what comes while more is awaited', async () => {
    const { readable, writable } = jsonArrayStream();
    const writer = writable.getWriter();
    const reader = readable.getReader();
    void writer.write(encoder.encode(event({ a: 1 })));
    expect(decoder.decode((await reader.read()).value)).toBe('[{"a":1}');
    void writer.close();
    expect(decoder.decode((await reader.read()).value)).toBe('\n]');
    expect((await reader.read()).done).toBe(true);
  });
});
