import { expect, it } from 'vitest';
import type { JsonObject } from '../core/json.ts';
import { Wire } from '../core/wire.ts';
import { shapeOf } from './shape.ts';

const shape = (body: JsonObject) => shapeOf(Wire.of(body).fields);

it('tells a call of the Responses API by its input, and one of Chat Completions by its messages', () => {
  expect(shape({ model: 'm', input: 'Hi.' })).toBe('openai-responses');
  expect(shape({ model: 'm', input: [{ role: 'user', content: 'Hi.' }], tools: [{ type: 'function', name: 'f' }] })).toBe(
    'openai-responses',
  );
  expect(shape({ model: 'm', instructions: 'Go on.', previous_response_id: 'resp_1' })).toBe('openai-responses');
  expect(shape({ model: 'm', messages: [{ role: 'user', content: 'Hi.' }] })).toBe('openai-chat');
});

it('leaves what is neither or both to the path', () => {
  expect(shape({ model: 'm' })).toBeUndefined();
  expect(shape({ model: 'm', messages: [], input: 'Hi.' })).toBeUndefined();
  expect(shape({ model: 'm', messages: 'Hi.' })).toBeUndefined();
});
