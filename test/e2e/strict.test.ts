import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const ask = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}`, ...headers },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], ...body }),
  });

it('names what a translation cannot carry, and goes on', async () => {
  const response = await ask('/v1/messages', { model: 'up/gpt-4o', max_tokens: 64, top_k: 40 });
  expect(response.status).toBe(200);
  expect(response.headers.get('x-weir-loss')).toBe('top_k');
});

it('refuses it before anything is sent, where the call is strict', async () => {
  const response = await ask('/v1/messages', { model: 'up/gpt-4o?id=strict-call', max_tokens: 64, top_k: 40 }, { 'x-weir-strict': '1' });
  expect(response.status).toBe(400);
  const { error } = (await response.json()) as { error: { message: string; code: string } };
  expect(error.code).toBe('translation_loss');
  expect(error.message).toContain('top_k');
  expect(gateway.upstream.journal.of('id=strict-call')).toHaveLength(0);
});

it('has nothing to refuse where nothing is lost', async () => {
  const translated = await ask('/v1/messages', { model: 'up/gpt-4o', max_tokens: 64 }, { 'x-weir-strict': '1' });
  expect([translated.status, translated.headers.get('x-weir-loss')]).toEqual([200, null]);
  // In its own dialect a call is forwarded as it came, and nothing can be lost.
  const untouched = await ask('/v1/chat/completions', { model: 'up/gpt-4o', top_k: 40 }, { 'x-weir-strict': '1' });
  expect(untouched.status).toBe(200);
});
