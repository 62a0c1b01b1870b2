import { expect, it } from 'vitest';
import type { Json } from '../json.ts';
import { saysNoMore } from './unsaid.ts';

it.each<[Json, Json]>([
  [
    { a: 1, b: 'x' },
    { b: 'x', a: 1 },
  ],
  [{ a: null }, {}],
  [{}, { a: null }],
  [{ content: 'Hello' }, { content: [{ type: 'text', text: 'Hello' }] }],
  [{ content: [{ text: 'Hello' }] }, { content: 'Hello' }],
])('is so: %j and %j', (body, written) => {
  expect(saysNoMore(body, written)).toBe(true);
});

it.each<[Json, Json]>([
  [{ a: 1, b: 'x' }, { a: 1 }],
  [{ a: 1 }, { a: 1, b: 'x' }],
  [{ a: 1 }, { a: '1' }],
  [{ a: [1, 2] }, { a: [2, 1] }],
  [{ a: [1] }, { a: [1, 1] }],
  [{ a: {} }, { a: [] }],
  [{ content: [{ type: 'text', text: 'Hello', more: 1 }] }, { content: 'Hello' }],
  [{ content: [{ type: 'image', text: 'Hello' }] }, { content: 'Hello' }],
  [{ content: [{ text: 'Hello' }, { text: '' }] }, { content: 'Hello' }],
  [JSON.parse('{"__proto__":{"a":1}}'), {}],
])('is not so: %j and %j', (body, written) => {
  expect(saysNoMore(body, written)).toBe(false);
});
