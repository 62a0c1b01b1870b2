import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addUsd, formatUsd, MOST_NANO_USD, nanoUsd, parseUsd } from './money.ts';

const amount = fc.maxSafeInteger().map(nanoUsd);

describe('money', () => {
  it.each([
    [0, '0'],
    [1, '0.000000001'],
    [123_000, '0.000123'],
    [1_000_000_000, '1'],
    [12_340_000_000, '12.34'],
    [-500_000_000, '-0.5'],
    [MOST_NANO_USD, '9007199.254740991'],
  ])('writes %i nano-dollars as %s, and reads it back', (nano, text) => {
    expect(formatUsd(nanoUsd(nano))).toBe(text);
    expect(parseUsd(text)).toBe(nano);
  });

  it('reads every amount that it writes', () => {
    fc.assert(
      fc.property(amount, (each) => {
        expect(parseUsd(formatUsd(each))).toBe(each);
      }),
    );
  });

  it.each(['', '-', '1.', '.5', '1e-3', '0x1', ' 1', '1,5', '0.0000000001', '9007200', '99999999999999999', 'NaN', '--1'])(
    'does not take %j for money',
    (text) => expect(parseUsd(text)).toBeUndefined(),
  );

  it('reads what is written with needless zeros', () => {
    expect(parseUsd('1.500000000000')).toBe(1_500_000_000);
    expect(Object.is(parseUsd('-0'), 0)).toBe(true);
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses %d as money', (value) => {
    expect(() => nanoUsd(value)).toThrow(RangeError);
  });

  it('refuses a sum that it could not hold', () => {
    expect(addUsd(nanoUsd(1), nanoUsd(2))).toBe(3);
    expect(() => addUsd(nanoUsd(MOST_NANO_USD), nanoUsd(1))).toThrow(RangeError);
  });
});
