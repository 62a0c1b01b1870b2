import { env } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { Claim, type ClaimOptions, claimKey, MOST_KEPT } from '../../core/idempotency/claim.ts';
import type { KeptAnswer } from '../../core/idempotency/port.ts';
import { systemClock } from '../ports.ts';
import { SealedIdempotency } from './sealed.ts';

const port = new SealedIdempotency(env.IDEMPOTENCY, 'a secret of the tests');
const encoder = new TextEncoder();

/** A call with a key of its own, or with this one. */
function call(parts: Partial<ClaimOptions> & { readonly key?: string; readonly holder?: string } = {}) {
  const { key = crypto.randomUUID(), holder = crypto.randomUUID(), ...rest } = parts;
  const work: Promise<unknown>[] = [];
  const options: ClaimOptions = {
    port,
    place: { owner: 'app_flow', key, holder },
    fingerprint: 'f',
    clock: systemClock,
    signal: new AbortController().signal,
    patience: 5_000,
    keepFor: 60_000,
    room: { items: 100, bytes: 64 * 1024 * 1024 },
    pipe: () => new IdentityTransformStream(),
    after: (promise) => work.push(promise),
    log: () => undefined,
    ...rest,
  };
  return { key, options, ask: () => claimKey(options), settled: () => Promise.all(work) };
}

async function claimed(of: ReturnType<typeof call>): Promise<Claim> {
  const got = await of.ask();
  if (got instanceof Claim) return got;
  throw new Error('the key was not new');
}

async function told(key: string): Promise<KeptAnswer> {
  const got = await call({ key }).ask();
  if ('answer' in got) return got.answer;
  throw new Error('there was no answer');
}

const answer = (body: BodyInit) =>
  new Response(body, {
    status: 201,
    headers: {
      'content-type': 'text/event-stream',
      'x-weir-model': 'up/m',
      'x-weir-request-id': 'req_1',
      'request-id': 'req_1',
      'x-weir-cost': '0.1',
      ratelimit: '"a";r=1',
      'x-ratelimit-remaining-requests': '1',
      'anthropic-ratelimit-tokens-limit': '1',
      'access-control-allow-origin': '*',
    },
  });

describe('an answer', () => {
  it('is told again without what was of its call alone', async () => {
    const first = call({ holder: 'req_1' });
    const sent = await (await claimed(first)).keepWhole(answer('data: 1\n\n'));
    expect(await sent.text()).toBe('data: 1\n\n');
    expect(sent.headers.get('x-weir-request-id')).toBe('req_1');
    await first.settled();
    expect(await told(first.key)).toEqual({
      requestId: 'req_1',
      status: 201,
      headers: { 'content-type': 'text/event-stream', 'x-weir-model': 'up/m' },
      stream: false,
      body: encoder.encode('data: 1\n\n'),
    });
  });

  it('passes piece by piece, each as it comes, and is kept when it has ended well', async () => {
    const first = call();
    const { readable, writable } = new IdentityTransformStream();
    const good = Promise.withResolvers<boolean>();
    const sent = (await claimed(first)).keepPassing(answer(readable), good.promise, true);
    const writer = writable.getWriter();
    const reader = (sent.body as ReadableStream<Uint8Array>).getReader();
    for (const piece of ['data: 1\n\n', 'data: 2\n\n']) {
      void writer.write(encoder.encode(piece));
      expect(new TextDecoder().decode((await reader.read()).value)).toBe(piece);
    }
    void writer.close();
    expect((await reader.read()).done).toBe(true);
    good.resolve(true);
    await first.settled();
    const kept = await told(first.key);
    expect([new TextDecoder().decode(kept.body), kept.stream]).toEqual(['data: 1\n\ndata: 2\n\n', true]);
  });

  it.each([
    ['ended badly', (sent: Response): Promise<unknown> => sent.text(), false],
    ['lost its reader', async (sent: Response): Promise<unknown> => sent.body?.cancel(), true],
  ] as const)('that %s is not kept: the next call is a new one', async (_what, read, good) => {
    const first = call();
    const pieces = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await scheduler.wait(5);
        controller.enqueue(encoder.encode('data: 1\n\n'));
        if (!good) controller.close();
      },
    });
    await read((await claimed(first)).keepPassing(answer(pieces), Promise.resolve(good), true));
    await first.settled();
    await (await claimed(call({ key: first.key }))).release();
  });

  it('that is too large passes whole, and its key is good for nothing more', async () => {
    const first = call();
    const large = new Uint8Array(MOST_KEPT + 1);
    const sent = (await claimed(first)).keepPassing(answer(large), Promise.resolve(true), false);
    expect((await sent.arrayBuffer()).byteLength).toBe(large.length);
    await first.settled();
    await expect(call({ key: first.key }).ask()).rejects.toMatchObject({ code: 'idempotency_conflict', status: 409, retryable: false });
  });

  it('of the largest size is kept', async () => {
    const first = call();
    const large = crypto.getRandomValues(new Uint8Array(64 * 1024));
    const whole = new Uint8Array(MOST_KEPT);
    for (let at = 0; at < whole.length; at += large.length) whole.set(large, at);
    const sent = await (await claimed(first)).keepWhole(answer(whole));
    expect((await sent.arrayBuffer()).byteLength).toBe(MOST_KEPT);
    await first.settled();
    const digest = async (bytes: Uint8Array) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    expect(await digest((await told(first.key)).body)).toEqual(await digest(whole));
  });
});

describe('a key', () => {
  it('is held for as long as its call runs, and no longer than a lease after it died', async () => {
    const first = call({ lease: 3_000 });
    const claim = await claimed(first);
    await scheduler.wait(5_000);
    await expect(call({ key: first.key, patience: 0 }).ask()).rejects.toMatchObject({
      code: 'idempotency_conflict',
      status: 409,
      retryable: true,
    });
    await claim.release();
    const dead = call({ lease: 200, port: silent() });
    await claimed(dead);
    const second = await claimed(call({ key: dead.key, lease: 200 }));
    await second.release();
  });

  it('of a call that asks for something else is refused', async () => {
    const first = call();
    const claim = await claimed(first);
    await expect(call({ key: first.key, fingerprint: 'g' }).ask()).rejects.toMatchObject({ code: 'idempotency_mismatch', status: 422 });
    await claim.release();
  });

  it('is waited for no longer than its caller is there', async () => {
    const first = call();
    const claim = await claimed(first);
    const caller = new AbortController();
    setTimeout(() => caller.abort(), 50);
    await expect(call({ key: first.key, signal: caller.signal, patience: 3_600_000 }).ask()).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    await claim.release();
  });

  it('that nobody can be asked about stops the call before anything is done', async () => {
    const broken = Object.assign(new SealedIdempotency(env.IDEMPOTENCY, 'x'), { claim: () => Promise.reject(new Error('reset')) });
    await expect(call({ port: broken }).ask()).rejects.toMatchObject({ code: 'overloaded', status: 503, retryable: true });
  });

  it('has one fate: what is said of it later is not heard', async () => {
    const first = call({ holder: 'req_1' });
    const claim = await claimed(first);
    await claim.release();
    await claim.keepWhole(answer('late'));
    await first.settled();
    await (await claimed(call({ key: first.key }))).release();
  });
});

/** The store as a call uses it whose isolate dies after it has taken its key. */
const silent = () =>
  Object.assign(new SealedIdempotency(env.IDEMPOTENCY, 'a secret of the tests'), { renew: () => Promise.resolve(false) });
