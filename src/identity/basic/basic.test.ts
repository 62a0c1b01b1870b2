import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { basicCredentials } from './basic.ts';

const header = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('Basic', () => {
  it.each([
    ['weir:key', ['key', 'weir']],
    ['key:', ['key']],
    [':key', ['key']],
    ['key', ['key']],
    ['a:b:c', ['b:c', 'a']],
    [':', []],
  ])('%s holds %j', (text, expected) => {
    expect(basicCredentials(header(text))).toEqual(expected);
  });

  it.each([
    null,
    '',
    'Basic',
    'Basic ',
    'Basic !!!',
    'Bearer a2V5',
    'Basic a b',
    `${header('a:b')}, ${header('c:d')}`,
    `Basic ${'A'.repeat(30_000)}`,
  ])('is nothing: %.30s', (authorization) => {
    expect(basicCredentials(authorization)).toEqual([]);
  });

  it('bears anything', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('A', 'a', '=', '+', '/', '-', '_', ':', ' ', '\u0000', 'é', '\ud800', '\u{1f511}') }),
        (text) => {
          expect(basicCredentials(`Basic ${text}`).length).toBeLessThanOrEqual(2);
          expect(basicCredentials(text).length).toBeLessThanOrEqual(2);
        },
      ),
    );
  });
});
