import { expect, it } from 'vitest';
import { LlmCall } from './call.ts';
import { fakeDialect } from './fakes.ts';

const read = (text: string) => LlmCall.read(fakeDialect(), text, new Headers({ 'x-kept': '1' }));
const textOf = (call: LlmCall) => call.wire.text;

it('another body changes only the bytes of the fields that changed', () => {
  const call = read('{ "model": "m", "tools": [{"max": 9223372036854775807, "x": 1e400}],\n "messages": ["a"] }');
  const changed = call.withBody({ ...call.wire.json(), messages: ['b'], system: 'c' });
  expect(textOf(changed)).toBe('{"system":"c", "model": "m", "tools": [{"max": 9223372036854775807, "x": 1e400}],\n "messages": ["b"] }');
  expect(changed.wire.json().messages).toEqual(['b']);
  expect(changed.headers.get('x-kept')).toBe('1');
  expect(call.wire.json().messages).toEqual(['a']);
});

it('another body may leave fields out, and has its own head', () => {
  const call = read('{"model":"m","stream":true,"messages":[]}');
  const changed = call.withBody({ model: 'n', messages: [] });
  expect(changed.wire.json()).toEqual({ model: 'n', messages: [] });
  expect(changed.head).toMatchObject({ model: 'n', stream: false });
});
