import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../gateway.ts';
import { type Answered, agentOf, ask } from '../ledger/caller.ts';
import { admin, type GatewayProcess, startProcess } from '../ledger/gateway-process.ts';
import { type LyingVendor, lie, startLyingVendor, WORDS } from '../ledger/lying-vendor.ts';
import { MOST, NANO_PER_TOKEN, outputOf, PRICES } from '../ledger/rounds.ts';
import { storedLedger, storedUsage, type UsageRow } from '../ledger/stored.ts';
import { startVendor, type Vendor } from '../ledger/vendor.ts';

// What vendors and operators do to budgets. What is counted is read from the gateway's files, not asked of it.

let stateDir: string;
let gateway: GatewayProcess;
let vendor: Vendor;
let liar: LyingVendor;
const agent = agentOf(200);
let numbers = 0;
/** Every answer of a model named `m-ok-twice` comes to twice as much as was asked for. */
const DOUBLE = 2 * MOST;

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'weir-faults-'));
  [gateway, vendor, liar] = await Promise.all([
    startProcess(stateDir),
    startVendor((call, body) => (body.includes('twice') ? DOUBLE : outputOf(call))),
    startLyingVendor(),
  ]);
  await publish();
}, 60_000);
afterAll(async () => {
  agent.destroy();
  await gateway?.stop();
  await Promise.all([vendor?.close(), liar?.close()]);
  await rm(stateDir, { recursive: true, force: true });
});

/** `dear`: prices are that many times as high. */
async function publish(dear = 1): Promise<void> {
  const prices = { 'm-*': { ...PRICES['m-*'], output: PRICES['m-*'].output * dear } };
  const provider = (origin: string, priced: object) => ({ like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' }, prices: priced });
  const providers = { up: provider(vendor.origin, prices), liar: provider(liar.origin, { 'm-*': LIARS }) };
  await admin(gateway.url, 'PUT', '/config', { providers });
}

/** What the one costs who lies: here input counts too, and much less where it was cached. Dollars a million tokens. */
const LIARS = { input: 1, cacheRead: 0.1, output: 10 };
const IN = LIARS.input * 1_000;
const OUT = LIARS.output * 1_000;

interface Key {
  readonly id: string;
  readonly key: string;
}

/** A key of an app of its own. */
async function keyWith(limits: readonly object[]): Promise<Key> {
  const app = `app-${crypto.randomUUID()}`;
  await admin(gateway.url, 'POST', '/apps', { team: 'dev', name: app });
  return admin<Key & { readonly [field: string]: unknown }>(gateway.url, 'POST', '/keys', { app, name: 'k', limits });
}

interface Options {
  readonly model?: string;
  readonly stream?: boolean;
  readonly text?: string;
}

function call({ key }: Key, { model = 'up/m-ok', stream = false, text }: Options = {}): Promise<Answered> {
  numbers += 1;
  const content = text ?? `call-${numbers}`;
  return ask({
    ...{ url: `${gateway.url}/v1/chat/completions`, key, agent },
    body: JSON.stringify({ model, stream, max_tokens: MOST, messages: [{ role: 'user', content }] }),
  });
}

/** The row of an answer, once it has gone out. */
async function rowOf({ requestId }: Answered): Promise<UsageRow> {
  const find = () => storedUsage(stateDir).find(({ request_id }) => request_id === requestId);
  await until(() => find() !== undefined, 15_000, `the row of ${requestId}`);
  const row = find();
  if (row === undefined) throw new Error(`the row of ${requestId} has gone`);
  return row;
}

const spentBy = ({ id }: Key) => storedLedger(stateDir).meters.find(({ key }) => key.startsWith('key:usd:') && key.endsWith(id))?.spent;

describe('a vendor that lies about usage', () => {
  const good = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 };
  const lies: readonly (readonly [name: string, usage: string])[] = [
    ['negative output', JSON.stringify({ ...good, completion_tokens: -5 })],
    ['negative input', JSON.stringify({ ...good, prompt_tokens: -5 })],
    ['negative both', '{"prompt_tokens":-142066,"completion_tokens":-142066,"total_tokens":-284132}'],
    ['the least integer', JSON.stringify({ ...good, completion_tokens: Number.MIN_SAFE_INTEGER })],
    ['a fraction', JSON.stringify({ ...good, completion_tokens: 2.5 })],
    ['a fraction of the input', JSON.stringify({ ...good, prompt_tokens: 0.1 })],
    ['a tiny number', '{"prompt_tokens":7,"completion_tokens":5e-324,"total_tokens":7}'],
    ['1e308', '{"prompt_tokens":7,"completion_tokens":1e308,"total_tokens":12}'],
    ['-1e308', '{"prompt_tokens":7,"completion_tokens":-1e308,"total_tokens":12}'],
    ['1e309, which is infinite', '{"prompt_tokens":7,"completion_tokens":1e309,"total_tokens":12}'],
    ['-1e309', '{"prompt_tokens":-1e309,"completion_tokens":5,"total_tokens":12}'],
    ['more than is safe', '{"prompt_tokens":7,"completion_tokens":9007199254740993,"total_tokens":12}'],
    ['a text', JSON.stringify({ ...good, completion_tokens: '12' })],
    ['a text in the input', JSON.stringify({ ...good, prompt_tokens: '7' })],
    ['an empty text', JSON.stringify({ ...good, completion_tokens: '' })],
    ['NaN as a text', JSON.stringify({ ...good, completion_tokens: 'NaN' })],
    ['Infinity as a text', JSON.stringify({ ...good, completion_tokens: 'Infinity' })],
    ['null', JSON.stringify({ ...good, completion_tokens: null })],
    ['null everywhere', '{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null}'],
    ['true', JSON.stringify({ ...good, completion_tokens: true })],
    ['false', JSON.stringify({ ...good, completion_tokens: false })],
    ['a list', JSON.stringify({ ...good, completion_tokens: [5] })],
    ['an object', JSON.stringify({ ...good, completion_tokens: { value: 5 } })],
    ['missing output', '{"prompt_tokens":7,"total_tokens":12}'],
    ['missing both', '{"total_tokens":12}'],
    ['nothing', '{}'],
    ['null for all of it', 'null'],
    ['a number for all of it', '12'],
    ['a list for all of it', '[7,5,12]'],
  ];
  /** What was cached is a discount: one that cannot be is none. */
  const discounts: typeof lies = [
    ['more cached than there is', JSON.stringify({ ...good, prompt_tokens_details: { cached_tokens: 5_000 } })],
    ['a negative cache', JSON.stringify({ ...good, prompt_tokens_details: { cached_tokens: -5_000 } })],
    ['a cache of a fraction', JSON.stringify({ ...good, prompt_tokens_details: { cached_tokens: 6.5 } })],
    ['a cache as a text', JSON.stringify({ ...good, prompt_tokens_details: { cached_tokens: '6' } })],
    ['no details', JSON.stringify({ ...good, prompt_tokens_details: null, completion_tokens_details: null })],
  ];
  const due = 7 * IN + 5 * OUT;

  it.each(['whole', 'streamed'])('is charged what can be counted, and never credited: %s', { timeout: 90_000 }, async (way) => {
    const key = await keyWith([{ unit: 'usd', limit: 1 }]);
    const truth = await call(key, { model: 'liar/m-lie', stream: way === 'streamed', text: lie(JSON.stringify(good)) });
    expect(await rowOf(truth)).toMatchObject({ cost: due, estimated: 0, status: 'complete' });
    const answered: (readonly [name: string, answer: Answered])[] = [];
    let before = spentBy(key) ?? 0;
    for (const [name, usage] of [...lies, ...discounts]) {
      const answer = await call(key, { model: 'liar/m-lie', stream: way === 'streamed', text: lie(usage) });
      expect(answer, name).toMatchObject({ status: 200, whole: true });
      answered.push([name, answer]);
      // What was counted never becomes less.
      const now = spentBy(key) ?? 0;
      expect(now, name).toBeGreaterThanOrEqual(before);
      before = now;
    }
    const wrong: object[] = [];
    let sum = due;
    for (const [name, answer] of answered) {
      const { cost, estimated } = await rowOf(answer);
      sum += cost ?? 0;
      // Some token for each word and one of input at least, and not more than all that the call held.
      const counted = Number.isSafeInteger(cost) && Number(cost) >= WORDS.length * OUT + IN && Number(cost) <= MOST * OUT + 200 * IN;
      const isDiscount = discounts.some((each) => each[0] === name);
      if (isDiscount ? cost !== due : !counted || estimated !== 1) wrong.push({ name, cost, estimated });
    }
    expect(wrong).toEqual([]);
    // Where calls come often their isolate settles them, and the account goes back to the ledger when its second is over.
    await until(() => spentBy(key) === sum, 15_000, 'all of it is spent').catch(() => undefined);
    expect(spentBy(key)).toBe(sum);
  });
});

describe('a vendor that charges more than it was asked for', () => {
  it('is believed, and later calls find less room: what passes the limit is what was under way', async () => {
    // Four of these fit by what they hold, and each comes to twice that.
    const key = await keyWith([{ unit: 'usd', limit: (4 * MOST * NANO_PER_TOKEN) / 1e9 }]);
    vendor.hold();
    const calls = Array.from({ length: 8 }, (_, at) => call(key, { model: 'up/m-held', text: `twice call-${1_000_000 + at}` }));
    try {
      await until(() => vendor.held === 4, 15_000, 'four are let through');
    } finally {
      vendor.release();
    }
    const answers = await Promise.all(calls);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
    for (const answer of answers.filter(({ status }) => status === 200)) {
      expect(await rowOf(answer)).toMatchObject({ cost: DOUBLE * NANO_PER_TOKEN, output_tokens: DOUBLE, estimated: 0 });
    }
    expect(spentBy(key)).toBe(4 * DOUBLE * NANO_PER_TOKEN);
    expect((await call(key)).status).toBe(400);
  });
});

describe('an operator who changes things under a call', () => {
  it('cannot change its price, and finds a lower limit held from then on', async () => {
    const key = await keyWith([{ unit: 'usd', limit: 1 }]);
    vendor.hold();
    const under = call(key, { model: 'up/m-held', stream: true });
    try {
      await until(() => vendor.held === 1, 15_000, 'the call is under way');
      await publish(10);
      await admin(gateway.url, 'PATCH', `/keys/${key.id}`, { limits: [{ unit: 'usd', limit: (MOST * NANO_PER_TOKEN) / 1e9 }] });
      // Below what is held already.
      await until(async () => (await call(key)).status === 400, 15_000, 'the lower limit holds');
    } finally {
      vendor.release();
    }
    const answer = await under;
    expect(answer).toMatchObject({ status: 200, whole: true });
    const bill = vendor.bills.findLast(({ model }) => model === 'm-held');
    expect((await rowOf(answer)).cost).toBe(Number(bill?.output) * NANO_PER_TOKEN);
    await publish();
  });
});

describe('a rate', () => {
  it('lets through its burst and what has drained since, and says when to come again', async () => {
    const [limit, burst] = [60, 40];
    const key = await keyWith([{ unit: 'requests', limit, window: '1m', burst }]);
    const begun = performance.now();
    const answers = await Promise.all(Array.from({ length: 200 }, () => call(key)));
    const seconds = (performance.now() - begun) / 1_000;
    const admitted = answers.filter(({ status }) => status === 200);
    expect(admitted.length).toBeGreaterThanOrEqual(burst);
    expect(admitted.length).toBeLessThanOrEqual(burst + (limit / 60) * seconds + 1);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(200 - admitted.length);
    for (const { headers } of refused) {
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
      expect(String(headers.ratelimit)).toMatch(/;r=0;t=\d+/);
    }
  });
});

describe('a user of whom nobody has heard', () => {
  it('has one budget from its first call on, however many come at once', async () => {
    const key = await keyWith([{ unit: 'requests', limit: 5, per: 'user' }]);
    const asked = await Promise.all(
      Array.from({ length: 100 }, () =>
        ask({
          ...{ url: `${gateway.url}/v1/chat/completions`, key: key.key, agent },
          headers: { 'x-weir-user': 'nobody-yet' },
          body: JSON.stringify({ model: 'up/m-ok', max_tokens: MOST, messages: [{ role: 'user', content: 'call-0' }] }),
        }),
      ),
    );
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(storedLedger(stateDir).meters.filter(({ key: name }) => name.includes('nobody-yet'))).toHaveLength(1);
  });
});

describe('the account', () => {
  it('has one row for every answer, and tells of no other', async () => {
    const key = await keyWith([
      { unit: 'usd', limit: 1 },
      { unit: 'requests', limit: 1_000 },
    ]);
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, at) => call(key, { model: at % 6 === 0 ? 'up/m-fail' : 'up/m-ok', stream: at % 2 === 0 })),
    );
    const served = answers.filter(({ status }) => status === 200).map(({ requestId }) => requestId);
    expect(served).toHaveLength(100);
    const rows = () => storedUsage(stateDir).filter(({ key_id }) => key_id === key.id);
    await until(() => storedLedger(stateDir).waiting === 0 && rows().length >= 120, 15_000, 'all rows have gone out');
    const found = rows();
    expect(new Set(found.map(({ request_id }) => request_id))).toEqual(new Set(answers.map(({ requestId }) => requestId)));
    expect(found).toHaveLength(120);
    expect(found.reduce((sum, { cost }) => sum + (cost ?? 0), 0)).toBe(spentBy(key));
    // Granted is settled, reserved or free: once what was lent has come back nothing is reserved, so all the rest is free.
    const reserved = () => {
      const { holds, meters } = storedLedger(stateDir);
      return holds.length + meters.filter((meter) => meter.key.endsWith(key.id) && meter.reserved > 0).length;
    };
    await until(() => reserved() === 0, 15_000, 'nothing is reserved any more');
  });
});
