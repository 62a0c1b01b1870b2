import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Issuer } from './chat.ts';
import { unwrapSignature, WRAPPED, wrapSignature } from './signature.ts';

const issuer = fc.constantFrom<Issuer>('anthropic', 'gemini', 'openai', 'bedrock', 'other');
const signature = fc.oneof(fc.base64String(), fc.string({ unit: 'binary' })).filter((text) => !text.startsWith(WRAPPED));

it('comes back byte for byte through a carrier of any family', () => {
  fc.assert(
    fc.property(signature, issuer, issuer, (text, from, carrier) => {
      expect(unwrapSignature(wrapSignature(text, from, carrier), carrier)).toEqual({ signature: text, issuer: from });
    }),
  );
});

it('is left alone by its own family, and is base64 in every other', () => {
  expect(wrapSignature('sig==', 'gemini', 'gemini')).toBe('sig==');
  expect(wrapSignature('sig==', undefined, 'gemini')).toBe('sig==');
  expect(wrapSignature('süß', 'gemini', 'anthropic')).toMatch(/^QHdlaXI6[A-Za-z0-9+/]+=*$/);
});

it.each([
  `${WRAPPED}!`,
  WRAPPED,
  encodeBase64(new TextEncoder().encode('@weir:nobody:x')),
  encodeBase64(new TextEncoder().encode('@weir:gemini')),
])('is taken as the carrier’s own where it only looks wrapped: %s', (text) => {
  expect(unwrapSignature(text, 'anthropic')).toEqual({ signature: text, issuer: 'anthropic' });
});

it('base64 of any bytes is read back, in both alphabets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
      const text = encodeBase64(bytes);
      expect(decodeBase64(text)).toEqual(bytes);
      expect(decodeBase64(text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''))).toEqual(bytes);
    }),
    { numRuns: 50 },
  );
  expect(decodeBase64('*')).toBeUndefined();
});
