import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readIdempotencyKey } from './key.ts';

const visible = fc.string({
  unit: fc.constantFrom(...Array.from({ length: 94 }, (_, at) => String.fromCharCode(0x21 + at))),
  minLength: 1,
});

describe('an idempotency key', () => {
  it('is the same as a string of structured fields and bare', () => {
    expect(readIdempotencyKey('8e03978e-40d5-43dd-bc93-6894a57f9324')).toBe('8e03978e-40d5-43dd-bc93-6894a57f9324');
    expect(readIdempotencyKey('"8e03978e-40d5-43dd-bc93-6894a57f9324"')).toBe('8e03978e-40d5-43dd-bc93-6894a57f9324');
    expect(readIdempotencyKey(String.raw`"a \"quoted\" \\ key"`)).toBe('a "quoted" \\ key');
    expect(readIdempotencyKey('stainless-node-retry-1')).toBe('stainless-node-retry-1');
  });

  it('written as a string is read as what was written', () => {
    fc.assert(
      fc.property(visible, (key) => {
        fc.pre(key.length <= 255);
        expect(readIdempotencyKey(`"${key.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`)).toBe(key);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['an empty string', '""'],
    ['256 characters', 'k'.repeat(256)],
    ['a string of 256 characters', `"${'k'.repeat(256)}"`],
    ['two headers', 'one, two'],
    ['spaces', 'one two'],
    ['a string that does not end', '"one'],
    ['a string with something behind it', '"one";a=1'],
    ['a backslash before a letter', String.raw`"\n"`],
    ['other than ASCII', 'clé'],
    ['a string of other than ASCII', '"clé"'],
  ])('is not %s', (_what, header) => {
    expect(() => readIdempotencyKey(header)).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: expect.objectContaining({ param: 'Idempotency-Key' }) }),
    );
  });

  it('may have 255 characters', () => {
    expect(readIdempotencyKey('k'.repeat(255))).toHaveLength(255);
    expect(readIdempotencyKey(`"${'k'.repeat(255)}"`)).toHaveLength(255);
  });
});
