import { expect, it } from 'vitest';
import type { Json, JsonObject } from '../json.ts';
import { keyed } from './mark-prefix.ts';

const LONG = 'The terms of the service say that the customer may ask for a refund within thirty days. '.repeat(80);
const marks = {
  model: 'gpt-5',
  quirks: { promptCacheKey: true },
  keyFor: (prefix: string) => `key of ${prefix.length}:${prefix.slice(-40)}`,
};
const keyOf = (body: JsonObject, turns: Json | undefined = body.messages) => keyed(body, turns, marks).prompt_cache_key;
const chat = (system: string, first: string, ...more: readonly string[]): JsonObject => ({
  messages: [
    { role: 'system', content: system },
    { role: 'user', content: first },
    ...more.map((content, at) => ({ role: at % 2 === 0 ? 'assistant' : 'user', content })),
  ],
});

it('is the same for calls that share long instructions, whatever is asked', () => {
  expect(keyOf(chat(LONG, 'One'))).toBe(keyOf(chat(LONG, 'Two', 'a', 'b')));
  expect(keyOf(chat(LONG, 'One'))).not.toBe(keyOf(chat(`${LONG}!`, 'One')));
  expect(keyOf({ ...chat(LONG, 'One'), tools: [{ name: 'a' }] })).not.toBe(keyOf(chat(LONG, 'One')));
});

it('is the same for the turns of one conversation where instructions are short', () => {
  expect(keyOf(chat('Be brief.', 'One'))).toBe(keyOf(chat('Be brief.', 'One', 'a', 'b')));
  expect(keyOf(chat('Be brief.', 'One'))).not.toBe(keyOf(chat('Be brief.', 'Two')));
});

it('goes by the instructions and the input of a response', () => {
  const response = (instructions: string, input: Json): JsonObject => ({ instructions, input });
  expect(keyOf(response(LONG, 'One'), 'One')).toBe(keyOf(response(LONG, 'Two'), 'Two'));
  expect(keyOf(response('Short', 'One'), 'One')).not.toBe(keyOf(response('Short', 'Two'), 'Two'));
});

it("leaves the caller's own, and vendors who do not know it", () => {
  const own: JsonObject = { ...chat(LONG, 'One'), prompt_cache_key: 'mine' };
  expect(keyed(own, own.messages, marks)).toBe(own);
  const other = chat(LONG, 'One');
  expect(keyed(other, other.messages, { ...marks, quirks: {} })).toBe(other);
});
