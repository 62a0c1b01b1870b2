import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { ask, make, makeFamily, makeKey } from '../tenants.ts';

interface Message {
  readonly path: string;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly body: string;
  readonly status: number;
}

/** A receiver of webhooks: what came to it, and what it said to each. */
class Receiver {
  readonly messages: Message[] = [];
  /** The status of the next answer to a path. */
  answer: (path: string) => number = () => 204;
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const path = request.url ?? '';
      const status = this.answer(path);
      this.messages.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString(), status });
      response.writeHead(status, status === 302 ? { location: '/redirected' } : {}).end();
    });
  }

  start = () => new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve));
  stop = () => new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  url = (path: string) => `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  at = (path: string) => this.messages.filter((message) => message.path === path);
  accepted = (path: string) => this.at(path).filter(({ status }) => status < 300);
}

/** Checks a message as a receiver does, by the text of the specification. */
function isSigned({ headers, body }: Message, secret: string): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest();
  const fresh = Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 300;
  const given = String(headers['webhook-signature']).split(' ');
  return fresh && given.some((each) => each.startsWith('v1,') && timingSafeEqual(Buffer.from(each.slice(3), 'base64'), expected));
}

let gateway: TestGateway;
const receiver = new Receiver();

beforeAll(async () => {
  await receiver.start();
  gateway = await startTestGateway();
  // A thousand tokens a dollar either way, so that the sums can be read.
  const prices = { 'gpt-4o*': { input: 1000, output: 1000 } };
  const up = { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' }, prices };
  const configured = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ providers: { up } }) });
  expect(configured.status).toBeLessThan(300);
});
afterAll(async () => {
  await gateway?.stop();
  await receiver.stop();
});

const complete = (key: string) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'up/gpt-4o', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] }),
  });
const costOf = async (answer: Promise<Response>) => Number((await answer).headers.get('x-weir-cost'));
/** Whether a message is as the OpenAPI document of the gateway says. */
async function describedAs({ body }: Message): Promise<boolean> {
  const { body: document } = await call('GET', '/openapi.json');
  const { webhooks } = document as {
    webhooks: { [type: string]: { post: { requestBody: { content: { [type: string]: { schema: object } } } } } };
  };
  const message = JSON.parse(body);
  const schema = webhooks[message.type]?.post.requestBody.content['application/json']?.schema;
  if (schema === undefined) throw new Error(`${message.type} is not described`);
  return new Ajv2020({ strict: false, validateFormats: false }).validate(schema, message);
}
const dataOf = ({ body }: Message) => JSON.parse(body).data;
const call = (method: string, path: string, body?: unknown, headers = {}) => ask(gateway, method, path, body, headers);
const makeWebhook = async (org: string, path: string, more: object = {}) => {
  const { id, secret } = await make(gateway, 'webhooks', { org, url: receiver.url(path), ...more });
  return { id, secret: String(secret) };
};

describe('a webhook', () => {
  it('hears of each crossing once, of two hundred calls at once, though it fails twice', { timeout: 120_000 }, async () => {
    const { app, org } = await makeFamily(gateway, 'hooked');
    const { id, secret } = await makeWebhook(org, '/crossings');
    const cost = await costOf(complete((await makeKey(gateway, { app, name: 'first' })).key));
    expect(cost).toBeGreaterThan(0);
    const alertAt = [0.25, 0.5, 1, 1.5];
    // Half of what the calls will come to: all fractions are passed.
    const limits = [{ unit: 'usd', limit: Number((100 * cost).toFixed(9)), window: 'month', soft: true, alertAt }];
    const { key, id: keyId } = await makeKey(gateway, { app, name: 'second', limits });
    let failures = 0;
    receiver.answer = (path) => (path === '/crossings' && failures++ < 2 ? 500 : 204);
    const statuses = await Promise.all(Array.from({ length: 200 }, async () => (await complete(key)).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    await expect.poll(() => receiver.accepted('/crossings').length, { timeout: 40_000 }).toBeGreaterThanOrEqual(4);
    // Whatever were told twice would come by now.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const accepted = receiver.accepted('/crossings');
    expect(accepted.map(dataOf).map(({ fraction }) => fraction)).toEqual(alertAt);
    expect(new Set(accepted.map(({ headers }) => headers['webhook-id'])).size).toBe(4);
    for (const message of receiver.at('/crossings')) expect(isSigned(message, secret)).toBe(true);
    for (const message of accepted) expect(await describedAs(message)).toBe(true);
    expect(accepted.map(dataOf)[0]).toMatchObject({ org, level: 'key', id: keyId, unit: 'usd', window: 'month', soft: true });
    expect(receiver.at('/crossings').length).toBe(6);
    const { body } = await call('GET', `/webhooks/${id}/deliveries?limit=3`);
    expect(body).toMatchObject({ items: [{ status: 'delivered' }, { status: 'delivered' }, { status: 'delivered' }], next: /./ });
    const rest = await call('GET', `/webhooks/${id}/deliveries?cursor=${body.next}`);
    expect(rest.body).toMatchObject({ items: [{ type: 'budget.alert', payload: { data: { fraction: 0.25 } } }], next: null });
  });

  it('hears of a budget that is spent, once', { timeout: 60_000 }, async () => {
    const { app, org } = await makeFamily(gateway, 'spent');
    const { secret } = await makeWebhook(org, '/spent', { events: ['budget.exhausted'] });
    const { key } = await makeKey(gateway, {
      app,
      name: 'spender',
      limits: [{ unit: 'usd', limit: 0.15, window: 'day', alertAt: [0.01] }],
    });
    const statuses = [];
    for (let at = 0; at < 12; at++) statuses.push((await complete(key)).status);
    expect(statuses).toContain(400);
    await expect.poll(() => receiver.at('/spent').length, { timeout: 20_000 }).toBe(1);
    const [message] = receiver.at('/spent');
    expect(message && isSigned(message, secret)).toBe(true);
    expect(message && (await describedAs(message))).toBe(true);
    expect(JSON.parse(message?.body ?? '')).toMatchObject({ type: 'budget.exhausted', data: { limit: 0.15, window: 'day', level: 'key' } });
    for (let at = 0; at < 3; at++) await complete(key);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(receiver.at('/spent')).toHaveLength(1);
  });

  it('is tried out', async () => {
    const { id, secret } = await makeWebhook('dev', '/tried');
    const tried = await call('POST', `/webhooks/${id}/test`);
    expect(tried).toMatchObject({ status: 200, body: { type: 'ping', status: 'delivered', httpStatus: 204, attempts: 1 } });
    const [message] = receiver.at('/tried');
    expect(message && isSigned(message, secret)).toBe(true);
    expect(message && (await describedAs(message))).toBe(true);
    receiver.answer = (path) => (path === '/tried' ? 302 : 204);
    expect((await call('POST', `/webhooks/${id}/test`)).body).toMatchObject({ status: 'failed', error: 'redirect' });
    expect(receiver.at('/redirected')).toEqual([]);
    await call('PATCH', `/webhooks/${id}`, { url: `http://127.0.0.1:${gateway.closedPort}/` });
    expect((await call('POST', `/webhooks/${id}/test`)).body).toMatchObject({ status: 'failed', error: 'unreachable', httpStatus: null });
    expect((await call('GET', `/webhooks/${id}/deliveries`)).body).toMatchObject({ items: [{}, {}, { status: 'delivered' }] });
    expect((await call('POST', '/webhooks/wh_nobody/test')).status).toBe(404);
  });

  it('is made, shown, changed and deleted, with every change in the audit', async () => {
    const { org } = await makeFamily(gateway, 'managed');
    const made = await call('POST', '/webhooks', { org: 'managed', url: receiver.url('/managed?token=t0ken'), events: ['budget.alert'] });
    expect(made.status).toBe(201);
    const { id, secret, ...shown } = made.body;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(shown).toMatchObject({ org, events: ['budget.alert'], disabled: false, previousUntil: null, goneAt: null });
    expect(made.headers.get('location')).toBe(`/admin/v1/webhooks/${id}`);
    expect((await call('GET', `/webhooks/${id}`)).body).toEqual({ id, ...shown });
    expect((await call('GET', '/webhooks?org=managed')).body).toEqual({ items: [{ id, ...shown }], next: null });
    expect((await call('GET', '/webhooks?org=spent&disabled=true')).body).toEqual({ items: [], next: null });

    const changed = await call('PATCH', `/webhooks/${id}`, { disabled: true, events: null }, { 'if-match': '"1"' });
    expect(changed.body).toMatchObject({ disabled: true, events: null });
    expect((await call('PATCH', `/webhooks/${id}`, { disabled: false }, { 'if-match': '"1"' })).status).toBe(412);
    const rotated = await call('POST', `/webhooks/${id}/rotate`, { overlap: '1h' });
    expect(rotated.body.secret).not.toBe(secret);
    expect(Number(rotated.body.previousUntil)).toBeGreaterThan(Date.now());
    await call('POST', `/webhooks/${id}/test`);
    const [message] = receiver.at('/managed?token=t0ken');
    expect(message && [isSigned(message, String(secret)), isSigned(message, String(rotated.body.secret))]).toEqual([true, true]);

    expect((await call('DELETE', `/webhooks/${id}`)).body).toEqual({ id, deleted: true });
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/test'],
      ['POST', '/rotate'],
    ] as const) {
      expect((await call(method, `/webhooks/${id}${path}`)).status).toBe(404);
    }
    expect((await call('GET', '/webhooks?org=managed')).body.items).toEqual([]);
    expect((await call('GET', '/webhooks?org=managed&deleted=true')).body.items).toMatchObject([{ id, deletedAt: expect.any(Number) }]);
    const { body: audit } = await call('GET', `/audit?subject=${id}`);
    const items = Array.isArray(audit.items) ? audit.items : [];
    expect(items.map(({ action }) => action)).toEqual(['webhook.delete', 'webhook.rotate', 'webhook.change', 'webhook.create']);
    expect(JSON.stringify(items)).not.toMatch(/whsec_|t0ken/);
  });

  it.each([
    ['http://hooks.example.com/', /plain http/],
    ['https://10.0.0.7/', /IP address/],
    ['https://169.254.169.254/latest/', /IP address/],
    ['https://user:word@hooks.example.com/', /credentials/],
    ['https://intranet/', /single label/],
    ['ftp://hooks.example.com/', /https/],
    ['nowhere', /not a URL/],
  ])('does not go to %s', async (url, reason) => {
    const { status, body } = await call('POST', '/webhooks', { org: 'dev', url });
    expect(status).toBe(400);
    expect(body.problems).toEqual([{ path: 'url', message: expect.stringMatching(reason) }]);
  });

  it('is refused where it is of nobody, of no event, or one too many', async () => {
    const url = receiver.url('/many');
    expect((await call('POST', '/webhooks', { org: 'nobody-here', url })).body).toMatchObject({ problems: [{ path: 'org' }] });
    for (const wrong of [{ events: [] }, { events: ['budget.moved'] }, { secret: 'whsec_abc' }, { url: undefined }]) {
      expect((await call('POST', '/webhooks', { org: 'dev', url, ...wrong })).status).toBe(400);
    }
    const { org } = await makeFamily(gateway, 'many');
    for (let made = 0; made < 20; made++) await makeWebhook(org, '/many');
    expect(await call('POST', '/webhooks', { org, url })).toMatchObject({
      status: 400,
      body: { detail: expect.stringMatching(/20 webhooks/) },
    });
  });
});
