import { applyD1Migrations, createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import worker, { type Env } from '../worker.ts';

// What a call depends on may be slow without being dead: callers must not notice, but for limits that cannot be checked.

/** Milliseconds that a slow dependency takes: who waits for it to the end waits longer than a test may take. */
const SLOW = 3_600_000;

const dependencies = ['DB', 'CACHE', 'HEALTH', 'LEDGER', 'CONTINUITY', 'IDEMPOTENCY'] as const;
type Dependency = (typeof dependencies)[number];

/** How long each takes to answer, for as long as it is set. */
class Slowness {
  slow: Dependency | undefined;

  async of(dependency: Dependency): Promise<void> {
    if (this.slow === dependency) await new Promise((resolve) => setTimeout(resolve, SLOW));
  }
}

/** The same object, each of whose methods waits before it does what it does. `within`: methods that give another such object. */
function faulty<T extends object>(real: T, wait: () => Promise<void>, within: readonly string[] = []): T {
  return new Proxy(real, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || typeof name !== 'string') return value;
      return (...given: unknown[]) => {
        const call = (): unknown => Reflect.apply(value, target, given.map(bared));
        if (!within.includes(name)) return wait().then(call);
        const inner = call();
        return typeof inner === 'object' && inner !== null ? bare(faulty(inner, wait, within), inner) : inner;
      };
    },
  });
}

/** What stands behind a wrapped object: a statement is handed back to the database that made it. */
const behind = new WeakMap<object, object>();
function bare<T extends object>(wrapped: T, real: object): T {
  behind.set(wrapped, real);
  return wrapped;
}
const bared = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(bared);
  return typeof value === 'object' && value !== null ? (behind.get(value) ?? value) : value;
};

/** A deployment of its own, with a memory of its own, on bindings that can be slowed. */
function deployment() {
  const slowness = new Slowness();
  const slowed = <T extends object>(dependency: Dependency, real: T, within: readonly string[] = []) =>
    faulty(real, () => slowness.of(dependency), within);
  const bindings: Env = {
    ...env,
    DB: slowed('DB', env.DB, ['prepare', 'bind']),
    CACHE: slowed('CACHE', env.CACHE),
    HEALTH: slowed('HEALTH', env.HEALTH, ['getByName', 'get', 'idFromName']),
    LEDGER: slowed('LEDGER', env.LEDGER, ['getByName', 'get', 'idFromName']),
    CONTINUITY: slowed('CONTINUITY', env.CONTINUITY, ['getByName', 'get', 'idFromName']),
    IDEMPOTENCY: slowed('IDEMPOTENCY', env.IDEMPOTENCY, ['getByName', 'get', 'idFromName']),
  };
  const ask = async (path: string, body: object, headers: { readonly [name: string]: string } = {}) => {
    const request = new Request<unknown, IncomingRequestCfProperties>(`http://weir${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer weir_dev_key-of-the-tests', 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const response = await worker.fetch(request, bindings, createExecutionContext());
    const text = await response.text();
    return { status: response.status, text };
  };
  return { slowness, ask };
}

const chat = (extra: object = {}) => ({ model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello' }], ...extra });

const calls: readonly {
  readonly what: string;
  readonly path: string;
  readonly body: object;
  readonly headers?: { readonly [name: string]: string };
}[] = [
  { what: 'a chat', path: '/v1/chat/completions', body: chat() },
  { what: 'a stream', path: '/v1/chat/completions', body: chat({ stream: true }) },
  { what: 'a call of a run', path: '/v1/chat/completions', body: chat(), headers: { 'x-weir-run': 'slow' } },
  { what: 'a stored response', path: '/v1/responses', body: { model: 'sandbox/echo', input: 'Hello' } },
];

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(dependencies)('where %s is slow', (dependency) => {
  it.each(calls)('$what is answered all the same', async ({ path, body, headers }) => {
    const { slowness, ask } = deployment();
    const before = await ask(path, body, headers);
    expect(before.status, before.text).toBe(200);
    slowness.slow = dependency;
    // What was learnt a moment ago is good for a second.
    await sleep(1_100);
    const during = await ask(path, body, headers);
    expect(during.status, during.text).toBe(200);
    const next = await ask(path, body, headers);
    expect(next.status, next.text).toBe(200);
  });
});

describe('what cannot be checked is not let through, and that is said soon', () => {
  it('a call under limits, where the ledger is slow', async () => {
    const { slowness, ask } = deployment();
    const limits = [{ unit: 'requests', limit: 100, window: '1m' }];
    const made = await ask('/admin/v1/keys', { app: 'dev', name: 'limited', limits }, { authorization: 'Bearer admin-token-of-the-tests' });
    expect(made.status, made.text).toBe(201);
    const { key } = JSON.parse(made.text) as { readonly key: string };
    const headers = { authorization: `Bearer ${key}` };
    expect((await ask('/v1/chat/completions', chat(), headers)).status).toBe(200);
    slowness.slow = 'LEDGER';
    const { status, text } = await ask('/v1/chat/completions', chat(), headers);
    expect({ status, text }).toMatchObject({ status: 503, text: expect.stringContaining('cannot be checked') });
  });

  it('a call with an Idempotency-Key, where nobody can say whether it was answered', async () => {
    const { slowness, ask } = deployment();
    const key = () => ({ 'idempotency-key': `"${crypto.randomUUID()}"` });
    expect((await ask('/v1/chat/completions', chat(), key())).status).toBe(200);
    slowness.slow = 'IDEMPOTENCY';
    const { status } = await ask('/v1/chat/completions', chat(), key());
    expect(status).toBe(503);
  });

  it('a stranger, where the database is slow', async () => {
    const { slowness, ask } = deployment();
    expect((await ask('/v1/chat/completions', chat())).status).toBe(200);
    slowness.slow = 'DB';
    const { status } = await ask('/v1/chat/completions', chat(), { authorization: 'Bearer weir_live_0000000000000000_nobody' });
    expect([401, 503]).toContain(status);
  });
});
