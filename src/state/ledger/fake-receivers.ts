import { applyD1Migrations, env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { expect, type MockInstance, vi } from 'vitest';
import { readLimit, takesFor } from '../../core/ledger/limits.ts';
import { newSigningSecret, SigningSecrets } from '../webhooks/secrets.ts';
import type { Delivery } from './alerts.ts';
import { LedgerClient } from './client.ts';
import type { Ledger } from './ledger-object.ts';

// Instruments for tests. Production code must not import this file.

/** Later than the machine's own clock: no alarm comes by itself. */
export const NOW = Date.UTC(2040, 10, 21, 12);
export const DAY = 86_400_000;
export const DOLLAR = 1_000_000_000;

export interface Received {
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
  readonly at: number;
}

/** What came to the receivers. */
export const received: Received[] = [];
/** What they say, and what the ledger said to its log. */
export const world: { reply: (request: Received) => Response | Promise<Response>; errors: MockInstance<typeof console.error> | undefined } =
  {
    reply: () => new Response('thanks', { status: 200 }),
    errors: undefined,
  };

export const at = (now: number) => vi.useFakeTimers({ now, toFake: ['Date'] });

/** In the place of the network: every request is kept and answered as the test says. */
export async function begin(): Promise<void> {
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  received.length = 0;
  world.reply = () => new Response('thanks', { status: 200 });
  world.errors = vi.spyOn(console, 'error').mockReturnValue();
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    expect(init).toMatchObject({ method: 'POST', redirect: 'manual' });
    const request = { url: String(input), headers: new Headers(init?.headers), body: String(init?.body), at: Date.now() };
    received.push(request);
    const left = new Promise<never>((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
    return Promise.race([world.reply(request), left]);
  });
  at(NOW);
}

export function end(): void {
  vi.useRealTimers();
  vi.restoreAllMocks();
}

export interface Hook {
  readonly events?: readonly string[];
  readonly disabled?: boolean;
  readonly sealedWith?: string;
}

/** A webhook of an organisation, as the admin API stores it. Returns its secret. */
export async function webhook(
  org: string,
  id: string,
  { events, disabled = false, sealedWith = 'secret-of-the-tests' }: Hook = {},
): Promise<string> {
  const secret = newSigningSecret();
  await env.DB.prepare('INSERT OR IGNORE INTO orgs (id, name, created_at, updated_at) VALUES (?, ?, 0, 0)').bind(org, org).run();
  await env.DB.prepare(
    'INSERT INTO webhooks (id, org_id, url, events, disabled, secret, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, 0, 0)',
  )
    .bind(
      ...[id, org, `https://hooks.example.com/${id}`, events === undefined ? null : JSON.stringify(events), disabled ? 1 : 0],
      (await new SigningSecrets([sealedWith]).seal(id, secret)) ?? null,
    )
    .run();
  return secret;
}

export const budget = (parts: object = {}) => {
  const limit = readLimit({ unit: 'usd', limit: 10, window: 'month', alertAt: [0.5, 1], ...parts });
  if ('problem' in limit) throw new Error(limit.problem);
  return limit;
};

/** An organisation's ledger, and calls of one key with these limits. */
export function ledgerOf(org: string, limits = [budget()]) {
  const client = new LedgerClient(env.LEDGER, org);
  const stub = env.LEDGER.getByName(org);
  const usage = (cost: number) => ({ requestId: 'req_1', startedAt: NOW, org, team: 't', app: 'a', keyId: 'key_1', cost });
  const takes = (amount: number) => takesFor([{ level: 'key', id: 'key_1', limits }], { run: 'r.1' }, { usd: amount });
  const hold = (id: string, amount: number) => ({
    id,
    subjects: [],
    generation: 0,
    takes: takes(amount),
    ttl: 60_000,
    usage: usage(amount),
  });
  const reserve = (id: string, dollars: number) => client.reserve(hold(id, dollars * DOLLAR));
  const settle = (id: string, dollars: number) =>
    client.settle(id, { actual: { usd: dollars * DOLLAR }, usage: { ...usage(dollars * DOLLAR), status: 'complete' } });
  const spend = async (id: string, dollars: number) => {
    expect(await reserve(id, dollars)).toMatchObject({ allowed: true });
    await settle(id, dollars);
  };
  const alarm = () => runDurableObjectAlarm(stub);
  /** Until its next alarm, which rings; `undefined` where there is none. */
  const next = async () => {
    const time = await runInDurableObject(stub, (_object: Ledger, state) => state.storage.getAlarm());
    if (time === null) return undefined;
    at(Math.max(time, Date.now()));
    await alarm();
    return time;
  };
  const exec = (statement: string) => runInDurableObject(stub, (_object: Ledger, state) => state.storage.sql.exec(statement).toArray());
  const deliveries = (id: string): Promise<readonly Delivery[]> => client.deliveries(id, undefined, 100);
  return { client, stub, hold, usage, reserve, settle, spend, alarm, next, exec, deliveries };
}

/** The specification, read a second time: whether any of the signatures is the secret's. */
export async function isSigned({ headers, body }: Received, secret: string): Promise<boolean> {
  const bytes = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (letter) => letter.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  const content = new TextEncoder().encode([headers.get('webhook-id'), headers.get('webhook-timestamp'), body].join('.'));
  const verdicts = (headers.get('webhook-signature') ?? '').split(' ').map((each) => {
    const [version, signature = ''] = each.split(',');
    return (
      version === 'v1' &&
      crypto.subtle.verify(
        'HMAC',
        key,
        Uint8Array.from(atob(signature), (letter) => letter.charCodeAt(0)),
        content,
      )
    );
  });
  return (await Promise.all(verdicts)).includes(true);
}

export const typesOf = (requests: readonly Received[]) => requests.map(({ body }) => JSON.parse(body).type);
export const dataOf = (request: Received | undefined) => JSON.parse(request?.body ?? '{}').data;
export const idOf = (request: Received | undefined) => request?.headers.get('webhook-id');
