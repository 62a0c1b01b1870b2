import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../core/json.ts';
import { Wire } from '../../core/wire.ts';
import { McpCall, mcpSurface, withTexts } from './surface.ts';

const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
const objects = fc.dictionary(fc.string(), json, { maxKeys: 5 }) as fc.Arbitrary<JsonObject>;

/** Every text in a value that is somebody's own, names of fields too. */
function texts(value: Json | undefined): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(texts);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [name, ...texts(each)]);
}

describe('the texts of results', () => {
  it('are the same value where nothing is changed', () => {
    fc.assert(
      fc.property(objects, (value) => {
        expect(withTexts(value, (text) => text)).toBe(value);
      }),
    );
  });

  it('come in the same order each time, so that what was edited finds its place', () => {
    fc.assert(
      fc.property(objects, (value) => {
        const [first, second]: [string[], string[]] = [[], []];
        withTexts(value, (text) => String(first.push(text)));
        withTexts(value, (text) => {
          second.push(text);
          return text;
        });
        expect(second).toEqual(first);
      }),
    );
  });

  it('are all that stands in a structured result, and none is lost where names are masked alike', () => {
    fc.assert(
      fc.property(objects, (structuredContent) => {
        const seen: string[] = [];
        const after = withTexts({ structuredContent }, (text) => {
          seen.push(text);
          return 'x';
        });
        expect(seen.toSorted()).toEqual(texts(structuredContent).toSorted());
        expect(texts(after.structuredContent).filter((text) => !/^x_*$/.test(text))).toEqual([]);
        expect(texts(after.structuredContent)).toHaveLength(seen.length);
      }),
    );
  });

  it('are not what is the protocol’s own, nor base64', () => {
    const result = {
      _meta: { secret: 'kept' },
      resultType: 'complete',
      content: [
        { type: 'image', mimeType: 'image/png', data: 'QUJD' },
        { type: 'resource', resource: { uri: 'file:///a', blob: 'QUJD', mimeType: 'text/plain' } },
        { type: 'text', text: 'said', annotations: { audience: ['user'] } },
      ],
    };
    const seen: string[] = [];
    withTexts(result, (text) => {
      seen.push(text);
      return text;
    });
    expect(seen).toEqual(['file:///a', 'said', 'user']);
  });
});

describe('the texts of calls', () => {
  const edited = (params: JsonObject, method = 'tools/call') => {
    const call = new McpCall(method, Wire.of(params));
    return mcpSurface.texts(call, (text) => text.replaceAll('a', 'b')).wire.json();
  };

  it('are the arguments and not the name; the rest of the body leaves as it came', () => {
    expect(edited({ name: 'a', arguments: { a: 'a' } })).toEqual({ name: 'a', arguments: { b: 'b' } });
    const text = '{"name":"x","arguments":{"n":12345678901234567890}}';
    const call = new McpCall('tools/call', Wire.read(text));
    expect(mcpSurface.texts(call, (each) => each)).toBe(call);
    const partly = new McpCall('tools/call', Wire.read('{"name":"x","other":12345678901234567890,"arguments":{"t":"a"}}'));
    expect(mcpSurface.texts(partly, () => 'b').wire.text).toContain('"other":12345678901234567890');
  });

  it('are what is asked to be completed, what is answered, and addresses as they read', () => {
    expect(edited({ ref: { type: 'ref/prompt', name: 'a' }, argument: { name: 'x', value: 'a' } }, 'completion/complete')).toMatchObject({
      ref: { name: 'a' },
      argument: { value: 'b' },
    });
    expect(edited({ name: 't', inputResponses: { q: { action: 'accept', content: { a: 'a' } } } })).toMatchObject({
      inputResponses: { q: { action: 'accept', content: { b: 'b' } } },
    });
    expect(edited({ uri: 'x:%61/%20' }, 'resources/read')).toEqual({ uri: 'x:b/%20' });
    expect(edited({ uri: 'x:%zz' }, 'resources/read')).toEqual({ uri: 'x:%zz' });
  });
});
