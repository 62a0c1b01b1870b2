import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedPattern, patternFault } from './bounded-pattern.ts';

describe('patterns that take no longer than their text', () => {
  it.each([
    ['^[a-z0-9-]+$', 'a-1', 'A'],
    ['^INV-\\d{6}$', 'INV-123456', 'INV-12345'],
    ['^(?:eu|us)-[a-z]{2,10}-\\d$', 'eu-west-1', 'asia-1-1'],
    ['INV-\\d{4,12}', 'see INV-20261122 there', 'INV-1'],
    ['^.*@example\\.com$', 'a@example.com', 'a@example.org'],
    ['\\p{Lu}{3}', 'xABC', 'Abc'],
    ['(\\d{4} ){3}\\d{4}', '4111 1111 1111 1111', '4111'],
    ['[\\]\\u0041]x?', 'A', 'b'],
    ['a|^b', 'xa', 'xb'],
    ['😀{2}', '😀😀', '😀'],
  ])('%s', (text, good, bad) => {
    const { regex } = boundedPattern(text);
    expect(regex.test(good)).toBe(true);
    expect(regex.test(bad)).toBe(false);
  });
});

describe('what is refused', () => {
  it.each([
    ['(a+)+$', 'repeats a group without end'],
    ['^(a|a)*b', 'repeats a group without end'],
    ['^(?:a{0,9}){9}$', 'too many ways'],
    ['^a*a*b', 'more than one thing without end'],
    ['a*b', 'may begin anywhere'],
    ['^a|b+', 'may begin anywhere'],
    ['^(?:a+){2}', 'repeats what is repeated without end'],
    ['[a-z]{0,500}[a-z]{0,500}x', 'too many ways'],
    ['(a)\\1', 'an escape that is not known'],
    ['(?=a)b', 'looks ahead'],
    ['(?<n>a)', 'looks ahead'],
    ['(a', 'does not close'],
    ['a)', 'does not open'],
    ['[a', 'does not end'],
    ['*', 'repeats nothing'],
    ['(?:){5}', 'has no length'],
    ['a{3,1}', 'repeats something 3 times'],
    ['(((((((((a)))))))))', 'more than 8 deep'],
    ['', 'is empty'],
    ['a'.repeat(501), 'longer than 500'],
    ['[z-a]', 'is no regular expression'],
  ])('%s', (text, reason) => expect(patternFault(text)).toContain(reason));
});

it('what is let through is fast on texts made against it', () => {
  const piece = fc.constantFrom(
    'a',
    '[ab]',
    '.',
    'a?',
    'a{0,3}',
    '[ab]{1,9}',
    'a+',
    'a*',
    '(?:a|b)',
    '(?:a|ab)',
    '(?:a{1,2}){2}',
    'b',
    '^',
    '$',
  );
  // A few hundredths of a second where the time grows with the length, and minutes where it grows with its square.
  const text = 'a'.repeat(400_000);
  let tried = 0;
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), (pieces) => {
      const written = pieces.join('');
      if (patternFault(written) !== undefined) return;
      tried += 1;
      const { regex } = boundedPattern(`${written}x`.includes('^') ? written : `${written}x`);
      expect(fastest(() => regex.test(text))).toBeLessThan(20_000);
    }),
    { numRuns: 300, endOnFailure: true },
  );
  expect(tried).toBeGreaterThan(50);
});

/** Milliseconds, of the best of a few tries: others may use the machine as well. */
function fastest(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 2 && best > 20_000; turn++) {
    const started = performance.now();
    work();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}
