import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: { up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' } } },
      policies: [{ use: 'loop', repeats: 3 }],
    }),
  });
  expect(response.status).toBeLessThan(300);
});
afterAll(() => gateway?.stop());

/** What an agent sends whose model has read the same file so often and was told the same each time. */
const conversation = (times: number) => [
  { role: 'user', content: 'Fix it.' },
  ...Array.from({ length: times }, (_, at) => [
    {
      role: 'assistant',
      content: `Let me look once more (${at}).`,
      tool_calls: [{ id: `call_${at}`, type: 'function', function: { name: 'read', arguments: '{"path":"a"}' } }],
    },
    { role: 'tool', tool_call_id: `call_${at}`, content: 'no such file' },
  ]).flat(),
];

const ask = (times: number, run?: string) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${KEY}`,
      ...(run === undefined ? {} : { 'x-session-id': run }),
    },
    body: JSON.stringify({ model: 'up/ok/text?words=1', messages: conversation(times) }),
  });

it('a run that goes in circles is stopped, and no other is', async () => {
  const statuses: number[] = [];
  for (let times = 1; times <= 4; times++) statuses.push((await ask(times, 'in-circles')).status);
  expect(statuses).toEqual([200, 200, 200, 400]);
  const refused = await ask(5, 'in-circles');
  expect(await refused.json()).toMatchObject({
    error: { code: 'run_stopped', message: expect.stringMatching(/made the same step 5 times/) },
  });
  expect((await ask(5, 'another')).status).toBe(200);
  for (let times = 1; times <= 5; times++) expect((await ask(times)).status).toBe(200);
  const rows = await gateway.rows({ run: 'in-circles', status: 'failed' }, 2);
  expect(rows[0]).toMatchObject({ errorCode: 'run_stopped', facts: { loop: 5 } });
});
