import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { previewOf as previewOfWire } from './preview.ts';

const previewOf = (args: JsonObject) => previewOfWire(Wire.of(args));

describe('what an operator is shown of arguments', () => {
  it.each<[string, JsonObject, string]>([
    ['a password', { password: 'hunter2' }, '{\n "password": "[redacted]"\n}'],
    ['a token within', { auth: { access_token: ['x'] } }, '{\n "auth": {\n  "access_token": "[redacted]"\n }\n}'],
    ['a text that looks like a key', { note: 'sk-abcdef0123456789abcdef0123' }, '{\n "note": "sk-a…[redacted]"\n}'],
    ['hidden text', { path: 'a\u202Eb' }, '{\n "path": "a\\\\u{202E}b"\n}'],
    ['an address', { url: 'https://example.com/a' }, '{\n "url": "https://example.com/a"\n}'],
    ['nothing', {}, '{}'],
  ])('%s', (_what, args, shown) => {
    expect(previewOf(args)).toBe(shown);
  });

  it('has numbers as they are written, where JavaScript has another', () => {
    const shown = previewOfWire(Wire.read('{"amount":9007199254740993,"of":[1,1.10],"pin":12345678901234567890}'));
    expect(JSON.parse(shown)).toEqual({ amount: '9007199254740993', of: [1, '1.10'], pin: '[redacted]' });
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
