import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../gateway.ts';
import { admin, type GatewayProcess, startProcess } from '../ledger/gateway-process.ts';
import { startVendor, type Vendor } from '../ledger/vendor.ts';

/** Milliseconds for which a call that is not heard of holds its key: `LEASE` of src/core/idempotency/claim.ts. */
const LEASE = 20_000;

let stateDir: string;
let vendor: Vendor;
let gateway: GatewayProcess;
let secret: string;
beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'weir-crash-'));
  vendor = await startVendor(() => 5);
  gateway = await startProcess(stateDir);
  await admin(gateway.url, 'PUT', '/config', {
    providers: { up: { like: 'openai', baseUrl: `${vendor.origin}/v1`, key: { value: 'k' } } },
  });
  secret = String((await admin(gateway.url, 'POST', '/keys', { app: 'dev', name: 'crash' })).key);
});
afterAll(async () => {
  await gateway?.kill();
  await vendor?.close();
  await rm(stateDir, { recursive: true, force: true });
});

async function ask(key: string, model: string, headers: { readonly [name: string]: string } = {}) {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', 'idempotency-key': key, ...headers },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'call-1' }] }),
  });
  return { status: response.status, replayed: response.headers.get('idempotent-replayed'), text: await response.text() };
}

it('a gateway that dies in the middle of a call gives its key back when the lease is over, and keeps what was answered', async () => {
  const before = await ask('answered-before', 'up/m-ok');
  expect(before.status).toBe(200);
  vendor.hold();
  const broken = ask('broken', 'up/m-held').catch(() => 'broken off');
  await until(() => vendor.held === 1, 15_000, 'the call that is broken');
  await gateway.kill();
  const killedAt = Date.now();
  expect(await broken).toBe('broken off');
  vendor.release();
  gateway = await startProcess(stateDir);
  expect(await ask('answered-before', 'up/m-ok')).toEqual({ ...before, replayed: 'true' });
  // Nobody knows yet that the call is dead.
  expect((await ask('broken', 'up/m-held', { 'x-weir-timeout': '100' })).status).toBe(409);
  const answers = await Promise.all([1, 2, 3].map(() => ask('broken', 'up/m-held')));
  const passed = Date.now() - killedAt;
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(answers.map(({ replayed }) => replayed).sort()).toEqual([null, 'true', 'true'].sort());
  expect(vendor.bills.filter(({ model }) => model.includes('m-held'))).toHaveLength(2);
  expect(passed).toBeGreaterThan(LEASE - 6_000);
}, 90_000);
