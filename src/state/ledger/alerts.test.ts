import { evictDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { at, begin, budget, DOLLAR, dataOf, end, idOf, isSigned, ledgerOf, NOW, received, typesOf, webhook } from './fake-receivers.ts';

beforeEach(begin);
afterEach(end);

describe('a budget that is passed', () => {
  it('is told once, signed, with what stands there', async () => {
    const secret = await webhook('org_told', 'wh_told');
    const { spend, alarm, deliveries } = ledgerOf('org_told');
    await spend('h1', 4);
    await alarm();
    expect(received).toEqual([]);
    await spend('h2', 2.5);
    await spend('h3', 1);
    await alarm();
    expect(received).toHaveLength(1);
    const [message] = received;
    expect(message?.url).toBe('https://hooks.example.com/wh_told');
    expect(message?.headers.get('content-type')).toBe('application/json');
    expect(message?.headers.get('webhook-timestamp')).toBe(String(Math.floor(NOW / 1000)));
    expect(idOf(message)).toMatch(/^msg_\w+$/);
    expect(message && (await isSigned(message, secret))).toBe(true);
    expect(message && (await isSigned({ ...message, body: `${message.body} ` }, secret))).toBe(false);
    expect(JSON.parse(message?.body ?? '')).toEqual({
      type: 'budget.alert',
      timestamp: '2040-11-21T12:00:00.000Z',
      data: {
        ...{ org: 'org_told', level: 'key', id: 'key_1', unit: 'usd', window: 'month', limit: 10, used: 6.5, fraction: 0.5 },
        ...{ since: '2040-11-01T00:00:00.000Z', resetsAt: '2040-12-01T00:00:00.000Z' },
      },
    });
    expect(await deliveries('wh_told')).toMatchObject([
      { message: idOf(message), type: 'budget.alert', status: 'delivered', attempts: 1, httpStatus: 200, error: null, nextAt: null },
    ]);
    await alarm();
    expect(received).toHaveLength(1);
  });

  it('is told again in the next period, and not for being asked again', async () => {
    await webhook('org_again', 'wh_again');
    const { spend, settle, alarm, stub } = ledgerOf('org_again');
    await spend('h1', 10);
    for (let time = 0; time < 3; time++) await settle('h1', 10);
    await evictDurableObject(stub);
    await settle('h1', 10);
    await alarm();
    expect(received.map(dataOf).map(({ fraction }) => fraction)).toEqual([0.5, 1]);
    at(Date.UTC(2040, 11, 2));
    await spend('h2', 6);
    await alarm();
    expect(received.slice(2).map(dataOf)).toMatchObject([{ fraction: 0.5, used: 6, since: '2040-12-01T00:00:00.000Z' }]);
  });

  it('is told of what isolates borrowed when they give account, and of what they never gave account of', async () => {
    await webhook('org_lent', 'wh_lent');
    const { client, hold, usage, alarm } = ledgerOf('org_lent', [budget({ limit: 40 })]);
    expect(await client.borrow(hold('l1', 10 * DOLLAR))).toMatchObject({ allowed: true });
    const ended = [{ id: 'c1', usage: { ...usage(4 * DOLLAR), status: 'complete' as const } }];
    await client.giveBack('l1', { used: { usd: 4 * DOLLAR }, ended, open: [{ ...hold('c2', 6 * DOLLAR) }] });
    expect(await client.borrow(hold('l2', 8 * DOLLAR))).toMatchObject({ allowed: false });
    expect(await client.borrow(hold('l2', 7 * DOLLAR))).toMatchObject({ allowed: true });
    await alarm();
    // What is lent is not spent, and that a block is not lent refuses nobody.
    expect(received).toEqual([]);
    await client.settle('c2', { actual: { usd: 10 * DOLLAR }, usage: { ...usage(10 * DOLLAR), status: 'complete' } });
    at(NOW + 61_000);
    await alarm();
    expect(received.map(dataOf)).toMatchObject([{ fraction: 0.5, used: 21 }]);
  });

  it('is told softly where the limit refuses nothing, beside one that does', async () => {
    await webhook('org_soft', 'wh_soft');
    const { spend, reserve, alarm } = ledgerOf('org_soft', [
      budget({ alertAt: [0.9] }),
      budget({ limit: 5, alertAt: [1, 1.5], soft: true }),
    ]);
    await spend('h1', 8);
    expect(await reserve('h2', 4)).toMatchObject({ allowed: false });
    await alarm();
    expect(received.map(dataOf)).toMatchObject([
      { limit: 5, fraction: 1, soft: true, used: 8 },
      { limit: 5, fraction: 1.5, soft: true },
      { limit: 10, used: 8, held: 0, asked: 4 },
    ]);
    expect(typesOf(received)).toEqual(['budget.alert', 'budget.alert', 'budget.exhausted']);
  });

  it('says which run it was where each has its own', async () => {
    await webhook('org_runs', 'wh_runs');
    const { spend, alarm } = ledgerOf('org_runs', [budget({ window: undefined, limit: 1, per: 'run' })]);
    await spend('h1', 0.5);
    await alarm();
    expect(dataOf(received[0])).toEqual({
      ...{ org: 'org_runs', level: 'key', id: 'key_1', per: { run: 'r.1' }, unit: 'usd', window: null, limit: 1, used: 0.5, fraction: 0.5 },
      ...{ since: null, resetsAt: null },
    });
  });
});

describe('a budget that refuses', () => {
  it('is told once in a period, by an alarm of its own', async () => {
    await webhook('org_out', 'wh_out');
    const { spend, reserve, next, exec } = ledgerOf('org_out', [budget({ alertAt: undefined })]);
    await spend('h1', 9);
    await next();
    for (const id of ['h2', 'h3', 'h4']) expect(await reserve(id, 2)).toMatchObject({ allowed: false });
    expect(await exec('SELECT * FROM events')).toHaveLength(1);
    expect(await next()).toBeDefined();
    expect(received.map(dataOf)).toMatchObject([{ limit: 10, used: 9, held: 0, asked: 2, resetsAt: '2040-12-01T00:00:00.000Z' }]);
    expect(typesOf(received)).toEqual(['budget.exhausted']);
  });

  it('is not told while the call may still ask for less', async () => {
    const { spend, client, hold, exec } = ledgerOf('org_yields', [budget({ alertAt: undefined })]);
    await spend('h1', 9);
    const asked = { ...hold('h2', 2 * DOLLAR), yields: ['usd' as const] };
    expect(await client.reserve(asked)).toMatchObject({ allowed: false });
    expect(await exec('SELECT * FROM events')).toEqual([]);
    expect(await client.reserve(hold('h2', DOLLAR))).toMatchObject({ allowed: true });
    expect(await client.reserve({ ...asked, id: 'h3', yields: ['tokens'] })).toMatchObject({ allowed: false });
    expect(await exec('SELECT * FROM events')).toHaveLength(1);
  });

  it('is told with the turn that refused, or not at all', async () => {
    const { spend, reserve, settle, exec } = ledgerOf('org_turn');
    await spend('h0', 4);
    await reserve('h1', 2);
    await exec(`CREATE TRIGGER broken BEFORE INSERT ON ended BEGIN SELECT RAISE(ABORT, 'disk full'); END`);
    await expect(settle('h1', 2)).rejects.toMatchObject({ code: 'overloaded' });
    expect(await exec('SELECT * FROM events')).toEqual([]);
    await exec('DROP TRIGGER broken');
    await settle('h1', 2);
    await settle('h1', 2);
    expect(await exec('SELECT * FROM events')).toHaveLength(1);
  });
});
