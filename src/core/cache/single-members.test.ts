import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hasSingleMembers } from './single-members.ts';

const read = (text: string) => hasSingleMembers(text, JSON.parse(text));

it.each(['{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', '[{"a":[{"b":1,"\\u0062":2}]}]', '{"__proto__":1,"__proto__":2}'])(
  'sees that one stands twice in %s',
  (text) => {
    expect(read(text)).toBe(false);
  },
);

it.each(['{}', '{"a":":\\":\\\\","b":{"a":1}}', '{"\\"":1,"\\\\":2}', '{"__proto__":1}', ' { "a" : [ { "a" : 1 } , { "a" : 1 } ] } '])(
  'sees none twice in %s',
  (text) => {
    expect(read(text)).toBe(true);
  },
);

it('sees none twice in what JavaScript writes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      expect(read(JSON.stringify(value))).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
