import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const count = (model: string, content: string) =>
  fetch(`${gateway.url}/v1/messages/count_tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': KEY, 'anthropic-version': '2023-06-01' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
  });

it('counts exactly in a vocabulary that is known', async () => {
  const response = await count('up/gpt-4o', 'hello world');
  // Three for the message, one for its role, two for its words, three for the reply's beginning.
  expect(await response.json()).toEqual({ input_tokens: 9 });
  expect(response.headers.get('x-weir-loss')).toBeNull();
});

it('counts a long text of one character as quickly as any', async () => {
  const response = await count('up/gpt-4', 'a'.repeat(200_000));
  expect(await response.json()).toEqual({ input_tokens: 25_007 });
});

it('says that it estimates where the vocabulary is not known', async () => {
  const response = await count('up/some-model', 'hello world');
  const { input_tokens } = (await response.json()) as { input_tokens: number };
  expect(input_tokens).toBeGreaterThan(5);
  expect(input_tokens).toBeLessThan(15);
  expect(response.headers.get('x-weir-loss')).toBe('input_tokens.exact');
});
