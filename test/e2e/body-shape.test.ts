import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const post = async (path: string, body: object) => {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ model: 'sandbox/echo', ...body }),
  });
  expect(response.status).toBe(200);
  return response;
};

it('a body of the Responses API on the path of chat is answered in its own dialect', async () => {
  const answer = (await (await post('/v1/chat/completions', { input: 'Hello' })).json()) as { object: string };
  expect(answer.object).toBe('response');
  const stream = await (await post('/v1/chat/completions', { input: 'Hello', stream: true })).text();
  expect(stream).toContain('event: response.completed');
});

it('a body of chat on the path of the Responses API is answered in its own dialect', async () => {
  const messages = [{ role: 'user', content: 'Hello' }];
  const answer = (await (await post('/v1/responses', { messages })).json()) as { object: string };
  expect(answer.object).toBe('chat.completion');
  const stream = await (await post('/v1/responses', { messages, stream: true })).text();
  expect(stream).toContain('data: [DONE]');
});
