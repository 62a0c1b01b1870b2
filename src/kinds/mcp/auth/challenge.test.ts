import { describe, expect, it } from 'vitest';
import { readChallenge, scopesIn } from './challenge.ts';

const read = (text: string) => readChallenge(new Headers({ 'www-authenticate': text }));

describe('a challenge', () => {
  it.each([
    ['Bearer', {}],
    ['bearer error="invalid_token"', { error: 'invalid_token' }],
    [
      'Bearer scope="a b", resource_metadata="https://x.example/.well-known/p?a=1,2"',
      { scope: 'a b', resourceMetadata: 'https://x.example/.well-known/p?a=1,2' },
    ],
    ['Bearer realm="with \\"quotes\\", scope=not this", scope=one', { scope: 'one' }],
    ['Basic realm="x", Bearer error="insufficient_scope", scope="w"', { error: 'insufficient_scope', scope: 'w' }],
    ['Bearer scope="first", scope="second"', { scope: 'first' }],
    ['Bearer SCOPE="a"', { scope: 'a' }],
    ['Basic realm="x"', {}],
    ['Bearerish scope="a"', {}],
    [`Bearer scope="${'a'.repeat(9_000)}"`, {}],
  ])('%s', (text, expected) => {
    expect(JSON.parse(JSON.stringify(read(text)))).toEqual(expected);
  });

  it('is read however it is written', () => {
    const texts = [`Bearer ${'a='.repeat(4_000)}`, `Bearer a="${'\\'.repeat(8_000)}`, `Bearer ${'a '.repeat(4_000)}`];
    // So often that work which grows with the square of the length takes longer than a test may.
    for (let turn = 0; turn < 500; turn++) for (const text of texts) expect(read(text)).toBeTypeOf('object');
  });

  it('lists each scope once', () => {
    expect(scopesIn(' a  b a ')).toEqual(['a', 'b']);
    expect(scopesIn(undefined)).toEqual([]);
  });
});
