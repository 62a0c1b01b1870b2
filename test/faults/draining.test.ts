import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, openCall, post } from '../client.ts';
import { type Row, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { storedLedger, storedUsage } from '../ledger/stored.ts';
import { make, makeFamily, makeKey } from '../tenants.ts';

// Callers who leave where the operator has answers read to their ends all the same.

const NANO = 1_000_000_000;
/** A token a thousandth of a dollar. */
const PRICES = { '*': { input: 1_000, output: 1_000, maxOutput: 4_096 } };

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const { origin } = gateway.upstream;
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: { like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' }, prices: PRICES },
        ant: { like: 'anthropic', baseUrl: origin, key: { value: 'k' }, prices: PRICES },
      },
      models: {
        hasty: { targets: ['up/fault/pace?ms=20&words=2000&id=hasty-'], onDisconnect: 'abort' },
        bounded: { targets: ['up/fault/pace?ms=20&words=2000&id=bounded-'], onDisconnect: { drain: 1 } },
      },
      routes: [{ name: 'llm', kind: 'llm', onDisconnect: 'drain' }],
      limits: { ping: 200 },
    }),
  });
  expect(response.status, await response.text()).toBeLessThan(300);
});
afterAll(() => gateway?.stop());

const words = (text: string) => [...text.matchAll(/w\d+/g)].length;

/** Asks, and leaves once so many words were there. */
async function leaveAfter(count: number, dialect: Dialect, model: string, options: Parameters<typeof openCall>[3] = {}) {
  const call = await openCall(gateway.url, dialect, model, options);
  const said = () => call.received().toString();
  await until(() => words(said()) >= count, 15_000, `${count} words`).catch((late: unknown) => {
    throw new Error(`${late}: ${call.response.statusCode} ${said().slice(0, 500)}`);
  });
  call.leave();
  return { id: String(call.headers['x-weir-request-id']), leftAt: Date.now() };
}

type Full = Row & { readonly facts?: { readonly [fact: string]: unknown } };

/** The only row of a run, after time for a second one that must not come. */
async function onlyRow(run: string): Promise<Full> {
  await gateway.rows({ run }, 1);
  await sleep(600);
  const [row, ...others] = await gateway.rows({ run }, 1);
  expect(others).toEqual([]);
  if (row === undefined) throw new Error('no row');
  return (await gateway.row(row.id)) as Full;
}

const ended = (mark: string, within = 30_000) =>
  until(() => gateway.upstream.journal.of(mark).some(({ endedAt }) => endedAt !== undefined), within, `${mark} is read to its end`);

const ways: readonly { readonly way: string; readonly dialect: Dialect; readonly provider: string; readonly extra: object }[] = [
  { way: 'untouched', dialect: 'openai', provider: 'up', extra: { stream_options: { include_usage: true } } },
  { way: 'usage-hidden', dialect: 'openai', provider: 'up', extra: {} },
  { way: 'anthropic', dialect: 'anthropic', provider: 'ant', extra: {} },
  { way: 'translated', dialect: 'anthropic', provider: 'up', extra: {} },
  { way: 'translated-back', dialect: 'openai', provider: 'ant', extra: {} },
];

describe.concurrent('a caller who leaves an answer that is drained', () => {
  it.each(ways)('is charged what the vendor says, once: $way', async ({ way, dialect, provider, extra }) => {
    const run = `drained-${way}`;
    const mark = `id=${run}.`;
    await leaveAfter(3, dialect, `${provider}/fault/pace?ms=20&words=100&${mark}`, { extra, headers: { 'x-weir-run': run } });
    await ended(mark);
    const row = await onlyRow(run);
    expect(row).toMatchObject({ status: 'complete', usage: { output: 100 }, facts: { drained: true } });
    expect(row.usage?.estimated).toBeUndefined();
    expect(gateway.upstream.journal.one(mark).closedByPeerAt).toBeUndefined();
  });

  it('is so long after a Worker would have ended', { timeout: 150_000 }, async () => {
    const mark = 'id=long-';
    const { leftAt } = await leaveAfter(3, 'openai', `up/fault/pace?ms=100&words=390&${mark}`, { headers: { 'x-weir-run': 'long' } });
    await ended(mark, 100_000);
    expect(Date.now() - leftAt).toBeGreaterThan(35_000);
    const row = await onlyRow('long');
    expect(row).toMatchObject({ status: 'complete', usage: { output: 390 } });
    expect(row.usage?.estimated).toBeUndefined();
  });

  it('who reads to the end finds nothing different', async () => {
    const headers = { 'x-weir-run': 'patient' };
    const response = await post(gateway.url, 'openai', 'up/ok/text?words=5', { headers, extra: { stream: true } });
    expect(await response.text()).toMatch(/w4(?:.|\n)*data: \[DONE\]\s*$/);
    expect(response.headers.get('x-weir-model')).toBe('up/ok/text?words=5');
    const whole = await post(gateway.url, 'anthropic', 'up/ok/text?words=5', { headers });
    expect(await whole.json()).toMatchObject({ content: [{ text: 'w0 w1 w2 w3 w4' }] });
    const rows = await gateway.rows({ run: 'patient' }, 2);
    expect(rows.map(({ id }) => id).sort()).toEqual([response, whole].map(({ headers: given }) => given.get('x-weir-request-id')).sort());
    for (const { id } of rows) expect((await gateway.row(id)) as Full).not.toMatchObject({ facts: { drained: true } });
    const refused = await post(gateway.url, 'openai', 'up/fault/status?code=400', { headers });
    expect(refused.status).toBe(400);
  });

  it('before a word was said is charged for the answer that then comes', async () => {
    const mark = 'id=silent-';
    const headers = { 'x-weir-run': 'silent' };
    const { leave } = await openCall(gateway.url, 'openai', `up/fault/held-back?words=7&${mark}`, { headers });
    leave();
    // Time to notice it.
    await sleep(3_000);
    gateway.upstream.journal.goOn(mark);
    await ended(mark);
    expect(await onlyRow('silent')).toMatchObject({ status: 'complete', usage: { output: 7 }, facts: { drained: true } });
  });

  it('is waited for no longer than the operator says, and then charged by estimate', async () => {
    const { leftAt } = await leaveAfter(3, 'openai', 'bounded', { headers: { 'x-weir-run': 'bounded' } });
    const seen = gateway.upstream.journal.one('id=bounded-');
    await until(() => seen.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
    expect((seen.closedByPeerAt ?? 0) - leftAt).toBeGreaterThan(800);
    expect(await onlyRow('bounded')).toMatchObject({ status: 'aborted', usage: { estimated: true }, facts: { drained: true } });
  });

  it('is not waited for where the model says so', async () => {
    await leaveAfter(3, 'openai', 'hasty', { headers: { 'x-weir-run': 'hasty' } });
    const seen = gateway.upstream.journal.one('id=hasty-');
    await until(() => seen.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
    const row = await onlyRow('hasty');
    expect(row).toMatchObject({ status: 'aborted', usage: { estimated: true } });
    expect(row.facts?.drained).toBeUndefined();
  });

  it('and whose run is stopped then is charged for what came until then', async () => {
    const run = 'stopped';
    const mark = 'id=stopped-';
    await leaveAfter(3, 'openai', `up/fault/pace?ms=20&words=2000&${mark}`, { headers: { 'x-weir-run': run } });
    const response = await gateway.admin(`/runs/${run}/stop`, { method: 'POST', body: JSON.stringify({ app: 'dev' }) });
    expect(response.status, await response.text()).toBeLessThan(300);
    const seen = gateway.upstream.journal.one(mark);
    await until(() => seen.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
    const row = await onlyRow(run);
    expect(row).toMatchObject({ usage: { estimated: true }, facts: { drained: true } });
    expect(row.usage?.output).toBeLessThan(2_000);
  });

  it('and whose budget ends then is charged for no more than there was', async () => {
    const run = 'spent';
    const mark = 'id=spent-';
    const family = await makeFamily(gateway, run);
    const { id, key } = await makeKey(gateway, { app: family.app, name: run, limits: [{ unit: 'usd', limit: 1.2, window: 'month' }] });
    const headers = { authorization: `Bearer ${key}`, 'x-weir-run': run };
    await leaveAfter(3, 'openai', `up/fault/pace?ms=3&words=4000&${mark}`, { headers });
    const seen = gateway.upstream.journal.one(mark);
    await until(() => seen.closedByPeerAt !== undefined, 20_000, 'the upstream is closed');
    expect(await onlyRow(run)).toMatchObject({ facts: { drained: true } });
    const account = () => storedUsage(gateway.stateDir).filter(({ key_id }) => key_id === id);
    await until(() => account().length > 0, 15_000, 'it is settled');
    expect(account()).toHaveLength(1);
    expect(account()[0]?.cost).toBeGreaterThan(0.5 * NANO);
    expect(account()[0]?.cost).toBeLessThanOrEqual(1.2 * NANO);
  });

  it('and whose key is revoked then is read no further', async () => {
    const run = 'revoked';
    const mark = 'id=revoked-';
    const family = await makeFamily(gateway, run);
    const { id, key } = await makeKey(gateway, { app: family.app, name: run });
    const headers = { authorization: `Bearer ${key}`, 'x-weir-run': run };
    await leaveAfter(3, 'openai', `up/fault/pace?ms=20&words=2000&${mark}`, { headers });
    const revoked = await gateway.admin(`/keys/${id}`, { method: 'DELETE' });
    expect(revoked.status, await revoked.text()).toBeLessThan(300);
    const seen = gateway.upstream.journal.one(mark);
    await until(() => seen.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
    const row = await onlyRow(run);
    expect(row).toMatchObject({ usage: { estimated: true }, facts: { drained: true } });
    expect(row.usage?.output).toBeLessThan(2_000);
  });

  it('finds the whole answer under the key that the call had', async () => {
    const mark = 'id=kept-';
    const model = `up/fault/pace?ms=20&words=60&${mark}`;
    const headers = { 'idempotency-key': '"left-and-came-back"', 'x-weir-run': 'kept' };
    await leaveAfter(3, 'openai', model, { headers });
    await ended(mark);
    const again = await post(gateway.url, 'openai', model, { headers, extra: { stream: true } });
    const text = await again.text();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(text).toContain('w59');
    expect(text).toContain('[DONE]');
    expect(gateway.upstream.journal.of(mark)).toHaveLength(1);
  });
});

describe('a call that is handed on', () => {
  it('is asked who it is once, and from where it came', async () => {
    const family = await makeFamily(gateway, 'from-here');
    const { key } = await makeKey(gateway, { app: family.app, name: 'here', ips: ['192.0.2.0/24'] });
    const from = async (address: string) => {
      const headers = { authorization: `Bearer ${key}`, 'cf-connecting-ip': address };
      const response = await post(gateway.url, 'openai', 'up/ok/text?words=2', { headers });
      await response.arrayBuffer();
      return response.status;
    };
    expect(await from('192.0.2.7')).toBe(200);
    expect(await from('198.51.100.7')).toBe(403);
    const stranger = await post(gateway.url, 'openai', 'up/ok/text', { headers: { authorization: 'Bearer nobody' } });
    expect(stranger.status).toBe(401);
  });
});

describe('hundreds of callers who leave at once', () => {
  it('leave a ledger whose sum is that of its rows, and nothing held', { timeout: 120_000 }, async () => {
    const COUNT = 300;
    const org = await make(gateway, 'orgs', { name: 'leavers', limits: [{ unit: 'usd', limit: 1_000, window: 'month' }] });
    const team = await make(gateway, 'teams', { name: 'leavers', org: org.id });
    const app = await make(gateway, 'apps', { name: 'leavers', team: team.id });
    const { id, key } = await makeKey(gateway, { app: app.id, name: 'leaver' });
    const one = async (at: number) => {
      const isDrained = at % 2 === 0;
      const model = isDrained ? `up/fault/pace?ms=10&words=40&id=crowd-${at}-` : 'hasty';
      await leaveAfter(at % 7, 'openai', model, {
        headers: { authorization: `Bearer ${key}`, 'x-weir-run': 'crowd' },
        extra: { max_tokens: 100 },
      });
    };
    for (let from = 0; from < COUNT; from += 30) await Promise.all(Array.from({ length: 30 }, (_, at) => one(from + at)));
    const rows = () => storedUsage(gateway.stateDir).filter(({ key_id }) => key_id === id);
    await until(() => rows().length >= COUNT && storedLedger(gateway.stateDir, org.id).holds.length === 0, 30_000, 'all are settled');
    await sleep(500);
    const account = rows();
    expect(account).toHaveLength(COUNT);
    expect(new Set(account.map(({ request_id }) => request_id)).size).toBe(COUNT);
    const { meters } = storedLedger(gateway.stateDir, org.id);
    const [meter] = meters.filter(({ key: name }) => name.includes('usd'));
    expect(meter?.reserved).toBe(0);
    expect(meter?.spent).toBe(account.reduce((sum, { cost }) => sum + (cost ?? 0), 0));
    const drained = account.filter(({ status }) => status === 'complete');
    expect(drained).toHaveLength(COUNT / 2);
    for (const each of drained) expect(each).toMatchObject({ output_tokens: 40, estimated: 0, cost: ((40 + 11) * NANO) / 1_000 });
  });
});
