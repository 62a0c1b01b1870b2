import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../scripts/gateway.mjs';
import { ADMIN_TOKEN, KEY, STATE_SECRET, until } from '../gateway.ts';

// Two isolates of one deployment, and a vendor that breaks and heals.

/** Milliseconds for which one that broke is left alone: longer than a test waits for anything. */
const COOLDOWN = 30_000;
/** Of the one that is asked again when this is over. */
const SHORT = 8_000;

interface Vendor {
  /** What it answers: a status. */
  status: number;
  headers: { readonly [name: string]: string };
  /** What it waits for before it answers. */
  gate: Promise<void> | undefined;
  /** Calls that reached it, by model. */
  readonly calls: Map<string, number>;
}

const vendor: Vendor = { status: 200, headers: {}, gate: undefined, calls: new Map() };
let server: Server;
let gateway: Gateway;
let stateDir: string;

const answer = {
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
};

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { model } = JSON.parse(text) as { model: string };
    vendor.calls.set(model, (vendor.calls.get(model) ?? 0) + 1);
    await vendor.gate;
    response.writeHead(vendor.status, { 'content-type': 'application/json', ...vendor.headers });
    response.end(JSON.stringify(vendor.status === 200 ? answer : { error: { message: 'scripted', type: 'x' } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stateDir = await mkdtemp(path.join(tmpdir(), 'weir-health-'));
  const secrets = { WEIR_ADMIN_TOKEN: ADMIN_TOKEN, WEIR_DEV_KEY: KEY, WEIR_SECRET: STATE_SECRET };
  gateway = await startGateway({ stateDir, secrets, isolates: 2 });
  const { port } = server.address() as AddressInfo;
  const names = ['opens', 'resets', 'rests', 'burst', 'shown'];
  await admin('PUT', '/config', {
    providers: { mock: { like: 'openai', baseUrl: `http://127.0.0.1:${port}/v1`, key: { value: 'credential-canary-9' } } },
    models: Object.fromEntries(
      names.map((name) => [
        name,
        {
          targets: [`mock/${name}`],
          retry: { attempts: 1 },
          breaker: { failures: 3, cooldown: name === 'burst' ? SHORT : COOLDOWN, mostCooldown: 60_000 },
        },
      ]),
    ),
  });
}, 180_000);

afterAll(async () => {
  await gateway?.stop();
  server?.close();
  await rm(stateDir, { recursive: true, force: true });
});

beforeEach(() => Object.assign(vendor, { status: 200, headers: {}, gate: undefined }));

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into as they came.
async function admin(method: string, at: string, body?: object): Promise<any> {
  const response = await fetch(`${gateway.url}/admin/v1${at}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${at}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function call(isolate: number, model: string): Promise<number> {
  const response = await fetch(`${gateway.urls[isolate]}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
  });
  await response.arrayBuffer();
  return response.status;
}

const reached = (model: string) => vendor.calls.get(model) ?? 0;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Breaks it by calls through the first isolate, and waits until the second passes it over. */
async function broken(model: string): Promise<void> {
  // Both know the configuration.
  await Promise.all([call(0, model), call(1, model)]);
  vendor.status = 500;
  for (let n = 0; n < 3; n++) expect(await call(0, model)).toBe(502);
  vendor.status = 200;
  await until(async () => (await call(1, model)) === 503, 15_000, 'the second isolate passes it over');
}

describe('a provider that breaks', () => {
  it('is passed over in every isolate soon', async () => {
    await broken('opens');
    const before = reached('opens');
    expect(await Promise.all([call(0, 'opens'), call(1, 'opens')])).toEqual([503, 503]);
    expect(reached('opens')).toBe(before);
  });

  it('is tried again by one call of all, and then by all', async () => {
    await broken('burst');
    const gate = Promise.withResolvers<void>();
    vendor.gate = gate.promise;
    const before = reached('burst');
    await pause(SHORT * 1.1);
    const turned: number[] = [];
    const waiting = Array.from({ length: 100 }, (_, n) => call(n % 2, 'burst'));
    for (const each of waiting) void each.then((status) => turned.push(status));
    await until(() => turned.length >= 99, 30_000, 'all but one are turned away');
    gate.resolve();
    const statuses = await Promise.all(waiting);
    expect(reached('burst') - before).toBe(1);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 503)).toHaveLength(99);
    await until(async () => (await call(0, 'burst')) === 200 && (await call(1, 'burst')) === 200, 15_000, 'both ask it again');
  });

  it('is asked again at once where an operator says so', async () => {
    await broken('resets');
    expect(await admin('POST', '/health/reset', { provider: 'mock', model: 'resets' })).toMatchObject({ reset: true });
    await until(async () => (await call(0, 'resets')) === 200 && (await call(1, 'resets')) === 200, 15_000, 'both ask it again');
    expect((await admin('GET', '/audit?action=health.reset')).items).toMatchObject([{ outcome: 'done', detail: { model: 'resets' } }]);
  });

  it('rests in every isolate when it says so', async () => {
    await Promise.all([call(0, 'rests'), call(1, 'rests')]);
    vendor.status = 429;
    vendor.headers = { 'retry-after': '300' };
    expect(await call(0, 'rests')).toBe(429);
    vendor.status = 200;
    await until(async () => (await call(1, 'rests')) === 429, 15_000, 'the second lets it rest');
  });

  it('is shown to operators and in the metrics, by names alone', async () => {
    vendor.headers = { 'x-ratelimit-remaining-requests': '41', 'x-ratelimit-limit-requests': '60', 'x-ratelimit-reset-requests': '50s' };
    expect(await call(0, 'shown')).toBe(200);
    const find = async () => (await admin('GET', '/health?model=shown')).items[0];
    expect(await find()).toMatchObject({
      provider: 'mock',
      model: 'shown',
      credential: 'key',
      state: 'closed',
      why: null,
      failures: 0,
      retryAt: null,
      headroom: { requests: 41 },
    });
    vendor.status = 503;
    for (let n = 0; n < 3; n++) await call(0, 'shown');
    const open = await find();
    expect(open).toMatchObject({ state: 'open', why: 'upstream_overloaded', failures: 3 });
    expect(open.retryAt - open.since).toBeGreaterThanOrEqual(COOLDOWN * 0.9 - 1);
    expect(open.retryAt - open.since).toBeLessThanOrEqual(COOLDOWN * 1.1 + 1);
    const scraped = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const text = await scraped.text();
    expect(text).toContain('weir_target_state{provider="mock",model="shown",credential="key"} 2');
    const pages = await admin('GET', '/health?limit=1');
    expect(pages.items).toHaveLength(1);
    const rest = await admin('GET', `/health?limit=500&cursor=${pages.next}`);
    expect(rest.items.map(({ model }: { model: string }) => model)).not.toContain(pages.items[0].model);
    expect(JSON.stringify([pages, rest, text])).not.toContain('credential-canary');
  });
});
