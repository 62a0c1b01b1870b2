import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../scripts/gateway.mjs';
import { post } from '../client.ts';
import { ADMIN_TOKEN, KEY, STATE_SECRET, until } from '../gateway.ts';
import { startUpstream, type Upstream } from '../upstream/server.ts';

let upstream: Upstream;
let gateway: Gateway;
let stateDir: string;

const admin = (at: string, method: string, body: object) =>
  fetch(`${gateway.url}/admin/v1${at}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'weir-cache-'));
  upstream = await startUpstream();
  gateway = await startGateway({
    port: 0,
    stateDir,
    isolates: 2,
    secrets: { WEIR_ADMIN_TOKEN: ADMIN_TOKEN, WEIR_DEV_KEY: KEY, WEIR_SECRET: STATE_SECRET },
  });
  const document = {
    providers: { up: { like: 'openai', baseUrl: `${upstream.origin}/v1`, key: { value: 'k' } } },
    policies: [{ use: 'cache', ttl: 300 }],
  };
  expect((await admin('/config', 'PUT', document)).status).toBeLessThan(300);
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
  await rm(stateDir, { recursive: true, force: true });
});

it('an answer that one isolate keeps is given by another, until it is thrown away, within a second', async () => {
  const [first = '', second = ''] = gateway.urls;
  const model = 'up/ok/text?words=3&id=isolates';
  const ask = async (url: string) => (await post(url, 'openai', model)).headers.get('x-weir-cache');
  // The other isolate hears of the configuration a moment later.
  await until(
    async () => (await post(second, 'openai', 'up/ok/text?words=1&id=ready')).headers.get('x-weir-cache') !== 'off',
    15_000,
    'it is served',
  );
  expect(await ask(first)).toBe('miss');
  await until(async () => (await ask(second)) === 'hit', 15_000, 'the other isolate finds it');
  const known = upstream.journal.of('id=isolates').length;
  expect(await ask(second)).toBe('hit');
  expect((await admin('/cache', 'DELETE', { model })).status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  expect(await ask(second)).toBe('miss');
  expect(upstream.journal.of('id=isolates')).toHaveLength(known + 1);
  // What the first one remembers is not given either: it asks anew, or finds what the second one has asked.
  await ask(first);
  await until(async () => (await ask(first)) === 'hit', 15_000, 'the first isolate has the new one');
  expect(upstream.journal.of('id=isolates').length).toBeLessThanOrEqual(known + 2);
});
