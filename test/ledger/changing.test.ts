import { afterAll, beforeAll, expect, it } from 'vitest';
import { post } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { ask, make, makeFamily, makeKey } from '../tenants.ts';

// An organisation that changes all the time, as when keys are made for many at once: its calls go on.

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

it('calls are served while everybody makes a key of their own, and calls with it at once', async () => {
  const { team } = await makeFamily(gateway, 'busy');
  // A hundred thousand tokens a dollar: no call has room for all that it might say, so that it is asked for in parts.
  const prices = { '*': { input: 10, output: 10 } };
  const up = { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' }, prices };
  expect((await ask(gateway, 'PUT', '/config', { providers: { up } })).status).toBe(200);
  const limits = [{ unit: 'usd', limit: 0.02, window: 'day' }];
  const statuses = await Promise.all(
    Array.from({ length: 150 }, async (_, at) => {
      const app = await make(gateway, 'apps', { team, name: `app ${at}` });
      const { key } = await makeKey(gateway, { app: app.id, name: `key ${at}`, limits });
      const headers = { authorization: `Bearer ${key}` };
      const response = await post(gateway.url, 'openai', 'up/ok/text?words=4', { headers, extra: { stream: true } });
      await response.text();
      return response.status;
    }),
  );
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
});
