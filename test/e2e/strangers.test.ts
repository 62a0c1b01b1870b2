import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const ask = (key: string) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] }),
  });

it('a call without a valid key leaves no row, and one with it exactly one', async () => {
  const refused = await ask('weir_dev_guessed');
  expect(refused.status).toBe(401);
  const served = await ask(KEY);
  expect(served.status).toBe(200);
  expect(await gateway.row(served.headers.get('x-weir-request-id'))).toMatchObject({ status: 'complete' });
  expect(await gateway.rows({})).toHaveLength(1);
});
