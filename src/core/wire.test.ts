import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isObject, type Json, type JsonObject } from './json.ts';
import { MAX_DEPTH, Wire } from './wire.ts';

const read = (text: string) => Wire.read(text);

/** Objects whose text survives UTF-8, printed with any spacing. */
const objects = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { noNullPrototype: true }) as fc.Arbitrary<JsonObject>;
const indents = fc.constantFrom(undefined, 0, 2, '\t', '\r\n '.slice(2));

describe('wire', () => {
  it('finds every top-level field of any JSON object', () => {
    fc.assert(
      fc.property(objects, indents, (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const wire = read(`\n ${text} `);
        const canonical = JSON.parse(text) as JsonObject;
        expect([...wire.fields.names].sort()).toEqual(Object.keys(canonical).sort());
        for (const name of Object.keys(canonical)) expect(wire.fields.get(name)).toEqual(canonical[name]);
        expect(wire.json()).toEqual(canonical);
      }),
      { numRuns: 1000 },
    );
  });

  it('patches as a parsed object would be patched, and touches nothing else', () => {
    fc.assert(
      fc.property(
        objects,
        fc.dictionary(fc.constantFrom('model', 'stream_options', 'a', 'b'), fc.option(fc.jsonValue(), { nil: undefined })),
        indents,
        (value, changes, indent) => {
          const text = JSON.stringify(value, null, indent);
          const expected: Record<string, Json | undefined> = { ...(JSON.parse(text) as JsonObject), ...(changes as JsonObject) };
          for (const name of Object.keys(expected)) if (expected[name] === undefined) delete expected[name];
          expect(JSON.parse(read(text).patched(changes as JsonObject))).toEqual(JSON.parse(JSON.stringify(expected)));
          const changed = read(text).with(changes as JsonObject);
          const again = read(changed.text);
          expect(changed.text).toBe(read(text).patched(changes as JsonObject));
          expect([...changed.fields.spans]).toEqual([...again.fields.spans]);
          expect(changed.json()).toEqual(again.json());
          // What is known of the whole is known of what comes of it.
          const known = read(text);
          known.json();
          const twice = known.with(changes as JsonObject).with({ model: 'twice', last: 1 });
          const anew = read(changed.text).with({ model: 'twice', last: 1 });
          expect(twice.text).toBe(anew.text);
          expect(twice.json()).toEqual(JSON.parse(anew.text));
          for (const name of [...Object.keys(expected), 'model', 'a', 'toString']) {
            expect([twice.fields.has(name), twice.fields.get(name)]).toEqual([anew.fields.has(name), anew.fields.get(name)]);
          }
          expect([...twice.fields.spans]).toEqual([...read(twice.text).fields.spans]);
        },
      ),
      { numRuns: 1000 },
    );
    expect(read('{ "model" : "a",  "x":[ 1.50, "\\u00e9" ] }').patched({ model: 'b' })).toBe('{ "model" : "b",  "x":[ 1.50, "\\u00e9" ] }');
    expect(read('{"model":"a"}').patched({ other: undefined })).toBe('{"model":"a"}');
  });

  it('accepts exactly the text that JSON.parse accepts as an object, as far as structure goes', () => {
    const texts = fc.array(
      fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"b\\""', '1', '-0.5e3', '01', 'true', 'nul', 'null', ' ', '"'),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(texts, (pieces) => {
        const text = pieces.join('');
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          parsed = undefined;
        }
        let accepted = true;
        try {
          read(text);
        } catch {
          accepted = false;
        }
        // Two fields of one name are the one thing JSON.parse takes and this does not: which one counts differs between readers.
        const twice =
          isObject(parsed) && (text.match(/"a"\s*:/g)?.length ?? 0) + (text.match(/"b\\""\s*:/g)?.length ?? 0) > Object.keys(parsed).length;
        if (!twice) expect(accepted).toBe(isObject(parsed));
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ['a field that stands twice', '{"model":"a","model":"b"}', /stands twice/],
    ['a field that stands twice under another spelling', '{"model":"a","mod\\u0065l":"b"}', /stands twice/],
    ['nothing', '', /empty/],
    ['an array', '[]', /not an object/],
    ['something behind it', '{} {}', /follows/],
    ['a text that does not end', '{"a":"', /does not end/],
    ['nesting', `{"a":${'['.repeat(MAX_DEPTH)}${']'.repeat(MAX_DEPTH)}}`, /nested/],
    ['a million values', `{"a":[${'1,'.repeat(200_001)}1]}`, /more than 200000/],
  ])('refuses %s', (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('walks a body of quotes and backslashes in linear time', () => {
    const hostile = `{"a":"${'\\\\'.repeat(500_000)}","b":"${'\\"'.repeat(500_000)}"}`;
    expect(read(hostile).fields.has('b')).toBe(true);
  });

  it('keeps names that poison objects inert', () => {
    const wire = read('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    expect(wire.json()).toBeTypeOf('object');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
