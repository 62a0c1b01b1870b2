import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../core/json.ts';
import { previewOf } from './preview.ts';

describe('what an operator is shown of arguments', () => {
  it.each<[string, Json, string]>([
    ['a password', { password: 'hunter2' }, '{\n "password": "[redacted]"\n}'],
    ['a token within', { auth: { access_token: ['x'] } }, '{\n "auth": {\n  "access_token": "[redacted]"\n }\n}'],
    ['a text that looks like a key', { note: 'sk-abcdef0123456789abcdef0123' }, '{\n "note": "sk-a…[redacted]"\n}'],
    ['hidden text', { path: 'a\u202Eb' }, '{\n "path": "a\\\\u{202E}b"\n}'],
    ['an address', { url: 'https://example.com/a' }, '{\n "url": "https://example.com/a"\n}'],
    ['nothing', {}, '{}'],
  ])('%s', (_what, args, shown) => {
    expect(previewOf(args)).toBe(shown);
  });

  it('is short, however much there is, and never a secret', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const canary = 'canary-of-the-secret';
        const text = previewOf({ api_key: canary, list: [{ secret: canary }], value: value as Json });
        expect(text.length).toBeLessThanOrEqual(2_001);
        expect(text).not.toContain(canary);
      }),
      { numRuns: 200 },
    );
    expect(previewOf({ text: 'word '.repeat(100_000) })).toContain('(500000 characters)');
    expect(previewOf({ list: Array.from({ length: 5_000 }, () => 1) })).toContain('4970 more');
  });
});
