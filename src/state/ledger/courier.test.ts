import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEgress } from '../egress.ts';
import { newSigningSecret, SigningSecrets } from '../webhooks/secrets.ts';
import { AlertLog } from './alerts.ts';
import { Courier } from './courier.ts';
import { at, begin, budget, DAY, DOLLAR, end, idOf, isSigned, ledgerOf, NOW, received, typesOf, webhook, world } from './fake-receivers.ts';
import type { Ledger } from './ledger-object.ts';

beforeEach(begin);
afterEach(end);

describe('a receiver', () => {
  it('that fails is asked again, with more and more time between, until it takes the message', async () => {
    const secret = await webhook('org_retry', 'wh_retry');
    const { spend, next, deliveries } = ledgerOf('org_retry');
    await spend('h1', 5);
    const answers = [
      () => new Response('no', { status: 500 }),
      () => Promise.reject(new TypeError('connection reset')),
      () => Promise.reject(new DOMException('too late', 'TimeoutError')),
      () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example.com/' } }),
      () => new Response(null, { status: 204 }),
    ];
    world.reply = () => answers[received.length - 1]?.() ?? new Response('again?', { status: 500 });
    const words = [];
    for (let alarms = 0; received.length < 5 && alarms < 20; alarms++) {
      await next();
      words.push((await deliveries('wh_retry'))[0]?.error);
    }
    expect(new Set(words)).toEqual(new Set(['refused', 'unreachable', 'redirect', null]));
    expect(new Set(received.map(idOf)).size).toBe(1);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(received.map(({ url }) => url)).size).toBe(1);
    for (const request of received) {
      expect(request.headers.get('webhook-timestamp')).toBe(String(Math.floor(request.at / 1000)));
      expect(await isSigned(request, secret)).toBe(true);
    }
    const waits = received.map(({ at: time }, index) => time - (received[index - 1]?.at ?? time)).slice(1);
    waits.forEach((wait, index) => {
      expect(wait).toBeGreaterThanOrEqual(0.67 * 2_000 * 2 ** index - 1);
      expect(wait).toBeLessThanOrEqual(1.34 * 2_000 * 2 ** index + 1);
    });
    expect(await deliveries('wh_retry')).toMatchObject([{ status: 'delivered', attempts: 5, httpStatus: 204 }]);
  });

  it('that never answers well is given up after a day, and the operator sees it', async () => {
    await webhook('org_down', 'wh_down');
    const { spend, next, deliveries } = ledgerOf('org_down');
    await spend('h1', 5);
    world.reply = () => new Response('no', { status: 503 });
    let last: number | undefined;
    for (let alarms = 0; alarms < 100; alarms++) {
      last = (await next()) ?? last;
      if ((await deliveries('wh_down'))[0]?.status === 'failed') break;
    }
    expect(await deliveries('wh_down')).toMatchObject([{ status: 'failed', httpStatus: 503, error: 'refused', nextAt: null }]);
    expect(received.length).toBeGreaterThan(12);
    expect(received.length).toBeLessThan(30);
    expect((last ?? 0) - NOW).toBeLessThanOrEqual(DAY);
    expect((last ?? 0) - NOW).toBeGreaterThan(DAY / 2);
    expect(world.errors).toHaveBeenCalledWith(expect.stringContaining('given up'));
    const before = received.length;
    at(NOW + 3 * DAY);
    await next();
    expect(received).toHaveLength(before);
  });

  it('that does not answer is left when its time is over', async () => {
    await webhook('org_hangs', 'wh_hangs');
    const { spend, stub, deliveries } = ledgerOf('org_hangs');
    await spend('h1', 5);
    world.reply = () => new Promise<never>(() => undefined);
    await runInDurableObject(stub, async (_object: Ledger, { storage }) => {
      const egress = createEgress({ local: false, selfHosts: [], instance: '' });
      const secrets = new SigningSecrets(['secret-of-the-tests']);
      const options = { db: env.DB, egress, secrets, now: () => NOW, random: () => 0.5, patience: 20 };
      expect(await new Courier(new AlertLog(storage), options).deliver()).toBe(NOW + 2_000);
    });
    expect(received).toHaveLength(1);
    expect(await deliveries('wh_hangs')).toMatchObject([{ status: 'waiting', attempts: 1, error: 'timeout', httpStatus: null }]);
  });

  it('that asks for time gets it', async () => {
    await webhook('org_busy', 'wh_busy');
    const { spend, next } = ledgerOf('org_busy');
    await spend('h1', 5);
    world.reply = () => new Response(null, { status: received.length === 1 ? 429 : 200, headers: { 'retry-after': '600' } });
    while (received.length < 2) await next();
    expect((received[1]?.at ?? 0) - (received[0]?.at ?? 0)).toBe(600_000);
  });

  it('whose answer was lost with the object gets the same message again, under the same id', async () => {
    await webhook('org_crash', 'wh_crash');
    const { spend, next, exec, stub, deliveries } = ledgerOf('org_crash');
    await spend('h1', 5);
    await exec(`CREATE TRIGGER broken BEFORE UPDATE ON deliveries BEGIN SELECT RAISE(ABORT, 'gone'); END`);
    await next();
    expect(received).toHaveLength(1);
    await exec('DROP TRIGGER broken');
    await evictDurableObject(stub);
    for (let alarms = 0; alarms < 5 && received.length < 2; alarms++) await next();
    expect(received.map(idOf)).toEqual([idOf(received[0]), idOf(received[0])]);
    expect(await deliveries('wh_crash')).toMatchObject([{ status: 'delivered' }]);
    await next();
    expect(received).toHaveLength(2);
  });

  it('that is down keeps no other from hearing', async () => {
    const [one, two] = [await webhook('org_two', 'wh_one'), await webhook('org_two', 'wh_two', { events: ['budget.alert'] })];
    await webhook('org_two', 'wh_other', { events: ['budget.exhausted'] });
    const { spend, next, deliveries } = ledgerOf('org_two');
    await spend('h1', 5);
    world.reply = ({ url }) => new Response(null, { status: url.endsWith('wh_one') ? 500 : 200 });
    await next();
    expect(received.map(({ url }) => url).sort()).toEqual(['https://hooks.example.com/wh_one', 'https://hooks.example.com/wh_two']);
    expect(new Set(received.map(idOf)).size).toBe(1);
    for (const request of received) {
      expect(await isSigned(request, one)).toBe(request.url.endsWith('wh_one'));
      expect(await isSigned(request, two)).toBe(request.url.endsWith('wh_two'));
    }
    expect(await deliveries('wh_one')).toMatchObject([{ status: 'waiting' }]);
    expect(await deliveries('wh_two')).toMatchObject([{ status: 'delivered' }]);
    expect(await deliveries('wh_other')).toEqual([]);
  });

  it('that is down is not asked for everything that waits for it', async () => {
    await webhook('org_rest', 'wh_rest');
    const { spend, next } = ledgerOf('org_rest', [budget({ alertAt: [0.1, 0.2, 0.3, 0.4] })]);
    await spend('h1', 5);
    world.reply = () => new Response(null, { status: received.length === 1 ? 500 : 200 });
    await next();
    expect(received).toHaveLength(1);
    while (received.length < 5) await next();
    expect(received.slice(1).map(({ at: time }) => time)).toEqual(received.slice(1).map(() => received[1]?.at));
    expect(new Set(received.map(idOf)).size).toBe(4);
  });

  it('that says that it is gone hears nothing more', async () => {
    await webhook('org_gone', 'wh_gone');
    const { spend, next, deliveries } = ledgerOf('org_gone');
    await spend('h1', 10);
    world.reply = () => new Response(null, { status: 410 });
    await next();
    expect(received).toHaveLength(1);
    expect((await deliveries('wh_gone')).map(({ status }) => status).sort()).toEqual(['canceled', 'failed']);
    expect(await env.DB.prepare('SELECT gone_at FROM webhooks WHERE id = ?').bind('wh_gone').first()).toEqual({ gone_at: Date.now() });
    at(Date.UTC(2040, 11, 2));
    await spend('h2', 10);
    await next();
    expect(received).toHaveLength(1);
  });
});

describe('a webhook', () => {
  it('that is disabled hears nothing, and what waits for it is dropped', async () => {
    await webhook('org_off', 'wh_off', { disabled: true });
    await webhook('org_off', 'wh_late');
    const { spend, next, deliveries } = ledgerOf('org_off');
    await spend('h1', 5);
    world.reply = () => new Response(null, { status: 500 });
    await next();
    expect(received.map(({ url }) => url)).toEqual(['https://hooks.example.com/wh_late']);
    await env.DB.prepare('UPDATE webhooks SET disabled = 1 WHERE id = ?').bind('wh_late').run();
    await next();
    await next();
    expect(received).toHaveLength(1);
    expect(await deliveries('wh_late')).toMatchObject([{ status: 'canceled', attempts: 1 }]);
    expect(await deliveries('wh_off')).toEqual([]);
  });

  it('signs with both secrets while a rotation overlaps, and with the new one after it', async () => {
    const before = await webhook('org_rotated', 'wh_rotated');
    const after = newSigningSecret();
    const sealed = await new SigningSecrets(['secret-of-the-tests']).seal('wh_rotated', after);
    await env.DB.prepare('UPDATE webhooks SET previous_secret = secret, secret = ?, previous_until = ? WHERE id = ?')
      .bind(sealed ?? null, NOW + DAY, 'wh_rotated')
      .run();
    const { spend, next } = ledgerOf('org_rotated');
    await spend('h1', 5);
    await next();
    at(NOW + 2 * DAY);
    await spend('h2', 5);
    await next();
    const [first, second] = received;
    expect(first && [await isSigned(first, before), await isSigned(first, after)]).toEqual([true, true]);
    expect(second && [await isSigned(second, before), await isSigned(second, after)]).toEqual([false, true]);
  });

  it('whose secret nobody can read is sent nothing, and says so', async () => {
    await webhook('org_unreadable', 'wh_unreadable', { sealedWith: 'another secret' });
    const { spend, next, deliveries } = ledgerOf('org_unreadable');
    await spend('h1', 5);
    await next();
    expect(received).toEqual([]);
    expect(await deliveries('wh_unreadable')).toMatchObject([{ status: 'waiting', error: 'secret_unreadable' }]);
  });

  it('that was once let stand at an address that must not be reached is not reached', async () => {
    await webhook('org_inside', 'wh_inside');
    const { client } = ledgerOf('org_inside');
    for (const url of ['https://10.0.0.7/', 'https://169.254.169.254/', 'http://hooks.example.com/', 'https://hooks.internal/']) {
      await env.DB.prepare('UPDATE webhooks SET url = ? WHERE id = ?').bind(url, 'wh_inside').run();
      expect(await client.ping('wh_inside')).toMatchObject({ status: 'failed', error: 'address_refused', httpStatus: null });
    }
    expect(received).toEqual([]);
  });

  it('is sent a ping at once, and once, whatever else is so', async () => {
    const secret = await webhook('org_ping', 'wh_ping', { disabled: true, events: ['budget.alert'] });
    const { client, next } = ledgerOf('org_ping');
    expect(await client.ping('wh_ping')).toMatchObject({ type: 'ping', status: 'delivered', attempts: 1, httpStatus: 200 });
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ type: 'ping', data: { org: 'org_ping', webhook: 'wh_ping' } });
    expect(received[0] && (await isSigned(received[0], secret))).toBe(true);
    world.reply = () => new Response(null, { status: 503, headers: { 'retry-after': '1' } });
    expect(await client.ping('wh_ping')).toMatchObject({ status: 'failed', error: 'refused', nextAt: null });
    await next();
    expect(received).toHaveLength(2);
    expect(await client.ping('wh_told_to_nobody')).toBeUndefined();
    // Another organisation's is nobody's here.
    await webhook('org_ping_other', 'wh_ping_other');
    expect(await client.ping('wh_ping_other')).toBeUndefined();
  });

  it('hears of it later where the database does not answer', async () => {
    await webhook('org_db', 'wh_db');
    const { spend, next, client, hold } = ledgerOf('org_db');
    await spend('h1', 5);
    await env.DB.prepare('ALTER TABLE webhooks RENAME TO elsewhere').run();
    await next();
    // Nothing waits for it.
    expect(await client.reserve(hold('h2', DOLLAR))).toMatchObject({ allowed: true });
    await env.DB.prepare('ALTER TABLE elsewhere RENAME TO webhooks').run();
    expect(received).toEqual([]);
    for (let alarms = 0; alarms < 5 && received.length === 0; alarms++) await next();
    expect(typesOf(received)).toEqual(['budget.alert']);
  });
});

it('what piles up beyond all measure is given up, oldest first', async () => {
  await webhook('org_pile', 'wh_pile');
  const { stub, exec, next, spend } = ledgerOf('org_pile');
  await exec('SELECT 1');
  await runInDurableObject(stub, (_object: Ledger, state) => {
    state.storage.sql.exec(
      `WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 1100)
       INSERT INTO deliveries (webhook, message, type, org, body, at, status, attempts, next_at)
         SELECT 'wh_pile', 'msg_' || n, 'budget.alert', 'org_pile', '{}', ?, 'waiting', 1, ? FROM many`,
      NOW,
      NOW + DAY / 2,
    );
  });
  await spend('h1', 5);
  await next();
  expect(await exec('SELECT COUNT(*) AS waiting FROM deliveries WHERE next_at IS NOT NULL')).toEqual([{ waiting: 999 }]);
  expect(await exec("SELECT error, COUNT(*) AS number, MAX(message = 'msg_1') AS oldest FROM deliveries WHERE status = 'failed'")).toEqual([
    { error: 'too_many', number: 101, oldest: 1 },
  ]);
});
