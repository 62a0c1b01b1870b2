import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, openCall } from '../client.ts';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { ask, type MadeKey, makeFamily, makeKey } from '../tenants.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

/** A key of an organisation of its own. */
async function keyOf(name: string, more: object = {}): Promise<MadeKey & { readonly app: string }> {
  const { app } = await makeFamily(gateway, `${name}-${crypto.randomUUID()}`);
  return { ...(await makeKey(gateway, { name, app, ...more })), app };
}

/** A hundred seconds: longer than a test may take. */
const long = 'fault/pace?ms=50&words=2000';

/** A stream that has begun, and how it ends. */
async function stream(dialect: Dialect, provider: string, key: string, headers: { readonly [name: string]: string } = {}, extra = {}) {
  return begun(dialect, `${provider}/${long}`, key, headers, extra);
}

async function begun(dialect: Dialect, model: string, key: string, headers: { readonly [name: string]: string } = {}, extra = {}) {
  const call = await openCall(gateway.url, dialect, model, { headers: { authorization: `Bearer ${key}`, ...headers }, extra });
  const ended = new Promise<string>((resolve) => call.response.once('close', () => resolve(call.received().toString())));
  await until(() => /w3\b/.test(call.received().toString()), 15_000, 'some words');
  return { ended };
}

const one = (key: string) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'up/ok/text?words=1', messages: [{ role: 'user', content: 'Hello' }] }),
  });

const ways: readonly { readonly way: string; readonly dialect: Dialect; readonly provider: string; readonly extra: object }[] = [
  { way: 'untouched', dialect: 'openai', provider: 'up', extra: { stream_options: { include_usage: true } } },
  { way: 'with-usage-hidden', dialect: 'openai', provider: 'up', extra: {} },
  { way: 'anthropic', dialect: 'anthropic', provider: 'ant', extra: {} },
  { way: 'translated', dialect: 'anthropic', provider: 'up', extra: {} },
];

describe('a key that is revoked while its answer flows', () => {
  it.each(ways)('is refused soon, and its answer ends: $way', async ({ way, dialect, provider, extra }) => {
    const { id, key } = await keyOf(`revoked-${way}`);
    const flowing = await stream(dialect, provider, key, {}, extra);
    expect((await ask(gateway, 'DELETE', `/keys/${id}`)).status).toBe(200);
    await expect.poll(async () => (await one(key)).status, { timeout: 15_000, interval: 50 }).toBe(401);
    const text = await flowing.ended;
    expect(text).toContain('revoked');
    expect(text).not.toContain('[DONE]');
    expect(text).not.toContain('message_stop');
  });

  it('or anything above it', async () => {
    const { app, key } = await keyOf('disabled-app', { limits: [{ unit: 'requests', limit: 1_000, window: 'hour' }] });
    const flowing = await stream('openai', 'up', key);
    expect((await ask(gateway, 'PATCH', `/apps/${app}`, { disabled: true })).status).toBe(200);
    expect((await one(key)).status).toBe(401);
    expect(await flowing.ended).toContain('revoked');
  });
});

it('a change elsewhere in the organisation ends no answer, and costs no call its place', async () => {
  const { app, key } = await keyOf('changed', { limits: [{ unit: 'requests', limit: 1_000, window: 'hour' }] });
  const flowing = await begun('openai', 'up/fault/pace?ms=50&words=60', key);
  const other = await makeKey(gateway, { name: 'other', app });
  expect((await ask(gateway, 'DELETE', `/keys/${other.id}`)).status).toBe(200);
  expect((await one(key)).status).toBe(200);
  expect(await flowing.ended).toContain('[DONE]');
});

it('limits that were changed hold for the next call', async () => {
  const { id, key } = await keyOf('tightened', { limits: [{ unit: 'requests', limit: 1_000, window: 'hour' }] });
  expect((await one(key)).status).toBe(200);
  expect((await ask(gateway, 'PATCH', `/keys/${id}`, { limits: [{ unit: 'requests', limit: 1, window: 'hour' }] })).status).toBe(200);
  expect((await one(key)).status).toBe(429);
});

describe('a run that is stopped', () => {
  it('ends its answers at once and begins no other, and leaves other runs alone', async () => {
    const { app, key } = await keyOf('stopped');
    const run = `run-${crypto.randomUUID()}`;
    const [flowing, beside] = await Promise.all([
      stream('openai', 'up', key, { 'x-weir-run': run }),
      begun('openai', 'up/fault/pace?ms=50&words=80', key, { 'x-weir-run': 'beside' }),
    ]);
    expect((await ask(gateway, 'POST', `/runs/${run}/stop`, { app })).status).toBe(200);
    expect(await flowing.ended).toContain('stopped this run');
    const again = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'x-weir-run': run },
      body: JSON.stringify({ model: 'up/ok/text?words=1', messages: [{ role: 'user', content: 'Hello' }] }),
    });
    expect(again.status).toBe(400);
    expect(await again.json()).toMatchObject({ error: { code: 'run_stopped' } });
    expect(await beside.ended).toContain('[DONE]');
  });

  it('of which nobody knows is not found', async () => {
    expect((await ask(gateway, 'POST', '/runs/never-heard-of/stop', {})).status).toBe(404);
  });
});
