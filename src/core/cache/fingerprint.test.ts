import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Json } from '../json.ts';
import { canonicalJson } from '../ledger/canonical.ts';
import { encode, fingerprintOf } from './fingerprint.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', 's', 's1:a', 'a1:', 'o0:', '\ud800', '\udfff', '\ufffd'),
);
const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, true, false, 0, 1, -1, 0.1, 1e21, '1', 'true', 'null'),
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(text, tie('value'), { maxKeys: 3 }),
  ),
})).value;
const pair = fc.oneof(
  fc.tuple(json, json),
  // Close ones: the same, save for one place or none.
  fc.tuple(json, json, json).map(([base, one, other]): [Json, Json] => [
    [base, one],
    [base, other],
  ]),
  fc.tuple(text, text, json).map(([one, other, value]): [Json, Json] => [{ [one]: value }, { [other]: value }]),
);

/** The encoding as it is hashed: in UTF-8, where halves of surrogate pairs are all one character. */
const hashed = (value: Json) => new TextDecoder().decode(new TextEncoder().encode(encode(value)));

it('is the same for the same value and for no other, whatever stands in texts', () => {
  let same = 0;
  fc.assert(
    fc.property(pair, ([one, other]) => {
      const isSame = canonicalJson(one) === canonicalJson(other);
      if (isSame) same++;
      expect(hashed(one) === hashed(other)).toBe(isSame);
    }),
    { numRuns: 50_000 },
  );
  expect(same).toBeGreaterThan(1_000);
}, 120_000);

it('does not go by the order of members, save in schemas', () => {
  expect(encode({ a: 1, b: { c: 2, d: 3 } })).toBe(encode({ b: { d: 3, c: 2 }, a: 1 }));
  expect(encode({ parameters: { a: 1, b: 2 } })).not.toBe(encode({ parameters: { b: 2, a: 1 } }));
  expect(encode({ schema: { properties: { a: 1, b: 2 } } })).not.toBe(encode({ schema: { properties: { b: 2, a: 1 } } }));
});

it('is a digest that stays the same over versions', async () => {
  expect(await fingerprintOf(['v', 1, null, { b: [true], a: 'é' }])).toBe(PINNED);
});

const PINNED = '82e127c5a9482a22ecd7bb20a93fc6cc9f6a6976a83284804fc44a7f48649df2';
