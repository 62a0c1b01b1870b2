import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import type { ClaimPlace, KeptAnswer } from '../../core/idempotency/port.ts';
import { OwnerKeys } from '../secret.ts';
import type { Idempotency } from './idempotency-object.ts';
import { SealedIdempotency } from './sealed.ts';

const SECRET = 'a secret of the tests';
const HOUR = 3_600_000;
const LEASE = 20_000;
const ROOM = { items: 1_000, bytes: 64 * 1024 * 1024 };

const store = (secret = SECRET) => new SealedIdempotency(env.IDEMPOTENCY, secret);
const objectOf = async (owner: string) =>
  env.IDEMPOTENCY.getByName(await (await OwnerKeys.derive(SECRET, owner, 'idempotency')).name('object'));
const place = (owner: string, key = 'key-1', holder = 'req_1'): ClaimPlace => ({ owner, key, holder });
const answer = (text: string): KeptAnswer => ({
  requestId: 'req_1',
  status: 200,
  headers: { 'content-type': 'text/event-stream', 'x-weir-model': 'up/m' },
  stream: true,
  body: new TextEncoder().encode(text),
});

/** Everything that stands in an owner's storage, as one text. */
async function stored(owner: string): Promise<string> {
  return runInDurableObject(await objectOf(owner), (_object: Idempotency, state) => {
    const rows = [...state.storage.sql.exec('SELECT * FROM claims'), ...state.storage.sql.exec('SELECT * FROM answer_pieces')];
    return rows
      .flatMap((row) => Object.values(row))
      .map((value) => (value instanceof ArrayBuffer ? new TextDecoder('latin1').decode(value) : String(value)))
      .join('\n');
  });
}

async function keep(owner: string, text = 'hello', keepFor = HOUR): Promise<void> {
  expect(await store().claim(place(owner), 'f', LEASE)).toEqual({ state: 'new' });
  await store().keep(place(owner), answer(text), keepFor, ROOM);
}

describe('a key', () => {
  it('stands for the answer of its call, whole, whatever its bytes', async () => {
    const body = crypto.getRandomValues(new Uint8Array(60_000));
    await store().claim(place('app_a'), 'f', LEASE);
    await store().keep(place('app_a'), { ...answer(''), body }, HOUR, ROOM);
    const verdict = await store().claim(place('app_a', 'key-1', 'req_2'), 'f', LEASE);
    expect(verdict).toEqual({ state: 'done', answer: { ...answer(''), body } });
  });

  it('is of its owner, and of nobody else', async () => {
    await keep('app_b');
    expect(await store().claim(place('app_c'), 'f', LEASE)).toEqual({ state: 'new' });
    expect(await store().claim(place('app_b', 'key-2'), 'f', LEASE)).toEqual({ state: 'new' });
    expect(await store('another secret').claim(place('app_b'), 'f', LEASE)).toEqual({ state: 'new' });
    expect(await store().claim(place('app_b', 'key-1', 'req_2'), 'g', LEASE)).toEqual({ state: 'mismatch' });
  });

  it('cannot be read where it lies: not the answer, not the key, not what was asked', async () => {
    expect(await store().claim(place('app_sealed', 'key-canary'), 'fingerprint-canary', LEASE)).toEqual({ state: 'new' });
    await store().keep(place('app_sealed', 'key-canary'), answer('canary-in-the-answer'), HOUR, ROOM);
    const text = await stored('app_sealed');
    expect(text.length).toBeGreaterThan(200);
    expect(text).not.toContain('canary');
    expect(text).not.toContain('up/m');
    expect(text).not.toContain('app_sealed');
  });

  it('says that it was answered where the answer was not kept, or cannot be opened', async () => {
    await store().claim(place('app_d'), 'f', LEASE);
    await store().keep(place('app_d'), undefined, HOUR, ROOM);
    expect(await store().claim(place('app_d', 'key-1', 'req_2'), 'f', LEASE)).toEqual({ state: 'unkept' });
    await keep('app_e');
    await runInDurableObject(await objectOf('app_e'), (_object: Idempotency, state) => {
      state.storage.sql.exec("UPDATE answer_pieces SET sealed = x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'");
    });
    expect(await store().claim(place('app_e', 'key-1', 'req_2'), 'f', LEASE)).toEqual({ state: 'unkept' });
  });

  it('goes to one of fifty that ask for it at once', async () => {
    const verdicts = await Promise.all(
      Array.from({ length: 50 }, (_, at) => store().claim(place('app_f', 'key-1', `req_${at}`), 'f', LEASE)),
    );
    expect(verdicts.filter(({ state }) => state === 'new')).toHaveLength(1);
    expect(verdicts.filter(({ state }) => state === 'running')).toHaveLength(49);
  });
});

describe('who waits', () => {
  it.each([
    ['is answered', (at: ClaimPlace) => store().keep(at, answer('late'), HOUR, ROOM), 'done'],
    ['is given up', (at: ClaimPlace) => store().release(at), 'new'],
  ] as const)('hears at once that the call %s', async (_what, end, state) => {
    const at = place(`app_${state}`);
    await store().claim(at, 'f', LEASE);
    const order: string[] = [];
    const waiting = store()
      .wait({ ...at, holder: 'req_2' }, 10_000)
      .then(() => order.push('heard'));
    await scheduler.wait(50);
    order.push('ended');
    await end(at);
    await waiting;
    expect(order).toEqual(['ended', 'heard']);
    expect((await store().claim({ ...at, holder: 'req_2' }, 'f', LEASE)).state).toBe(state);
  });

  it('does not wait for longer than it said, than the lease lasts, or where nobody is at work', async () => {
    await store().claim(place('app_g'), 'f', 3_000);
    await store().wait(place('app_g', 'key-1', 'req_2'), 20);
    expect((await store().claim(place('app_g', 'key-1', 'req_2'), 'f', LEASE)).state).toBe('running');
    await store().wait(place('app_g', 'key-1', 'req_2'), 60_000);
    expect((await store().claim(place('app_g', 'key-1', 'req_2'), 'f', LEASE)).state).toBe('new');
    await keep('app_h');
    await store().wait(place('app_h', 'key-1', 'req_2'), 60_000);
  });

  it('finds that a call which lost its key can neither renew nor answer it', async () => {
    await store().claim(place('app_i'), 'f', 1);
    await scheduler.wait(20);
    expect(await store().claim(place('app_i', 'key-1', 'req_2'), 'f', LEASE)).toEqual({ state: 'new' });
    expect(await store().renew(place('app_i'), LEASE)).toBe(false);
    await store().keep(place('app_i'), answer('of the first'), HOUR, ROOM);
    await store().release(place('app_i'));
    expect(await store().renew(place('app_i', 'key-1', 'req_2'), LEASE)).toBe(true);
    expect((await store().claim(place('app_i', 'key-1', 'req_3'), 'f', LEASE)).state).toBe('running');
  });
});

describe('the alarm', () => {
  it('deletes what is over, and an object with nothing left; the object goes on all the same', async () => {
    await keep('app_j', 'short', 1);
    const object = await objectOf('app_j');
    await scheduler.wait(20);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    const tables = await runInDurableObject(object, (_object: Idempotency, state) => [
      ...state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name IN ('claims', 'answer_pieces')"),
    ]);
    expect(tables).toEqual([]);
    await keep('app_j', 'again');
    expect((await store().claim(place('app_j', 'key-1', 'req_2'), 'f', LEASE)).state).toBe('done');
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect((await store().claim(place('app_j', 'key-1', 'req_3'), 'f', LEASE)).state).toBe('done');
  });
});
