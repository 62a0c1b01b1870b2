import fc from 'fast-check';
import { expect, it } from 'vitest';
import { holdsNumbers } from './exact-numbers.ts';

it.each([
  '{}',
  '{"a":1}',
  '{"a":-0.25e2}',
  '{"a":1e3}',
  '{"a":1.50}',
  '{"a":9007199254740992}',
  '{"a":"12345678901234567890"}',
  '{"a":1E+2}',
  '{"a":0e9}',
])('holds %s', (text) => {
  expect(holdsNumbers(text)).toBe(true);
});

it.each([
  '{"a":9007199254740993}',
  '{"a":12345678901234567890}',
  '{"a":[0.10000000000000000001]}',
  '{"a":1e999}',
  '{"a":1e-999}',
  '{"a": 123456789012345678}',
  '{"a":{"b":\n1.0000000000000000001}}',
])('does not hold %s', (text) => {
  expect(holdsNumbers(text)).toBe(false);
});

it('holds every number that JavaScript writes', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(holdsNumbers(JSON.stringify({ value, list: [value] }))).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

it('never takes two numbers for one', () => {
  const digits = fc.bigInt({ min: 0n, max: 10n ** 30n });
  fc.assert(
    fc.property(digits, fc.bigInt({ min: 1n, max: 5n }), (one, more) => {
      const [first, second] = [`[${one}]`, `[${one + more}]`];
      const asRead = JSON.stringify(JSON.parse(first)) === JSON.stringify(JSON.parse(second));
      if (asRead) expect(holdsNumbers(first) && holdsNumbers(second)).toBe(false);
    }),
    { numRuns: 5_000 },
  );
});
