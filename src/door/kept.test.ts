import { createExecutionContext } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { PlanSource } from '../config/load.ts';
import { rolls } from '../config/rolls.ts';
import { fakePorts } from '../core/fakes.ts';
import type { ReservedCalls } from '../core/ledger/holds.ts';
import { KeyRing } from '../identity/api-key/ring.ts';
import { AppRing } from '../identity/apps/ring.ts';
import { door } from './index.ts';

const KEY = 'weir_dev_key-of-the-tests';
const clock = { now: () => Date.now() };
const identity = {
  ...{ keyId: 'key_1', org: 'org_1', team: 'team_1', app: 'app_1', principal: 'app_1' },
  limits: [{ level: 'key', id: 'key_1', limits: [{ unit: 'requests', limit: 9, window: { kind: 'always' } }] }],
} as const;

/** A gateway whose ledger lets everything through, and has written it down once `kept` is resolved. */
function gatewayWith(kept: Promise<void> | undefined) {
  const open = { allowed: true, generation: 0, standings: [] } as const;
  const asked: string[] = [];
  const ledger: ReservedCalls = {
    reserve: async ({ id }) => {
      asked.push(id);
      return open;
    },
    move: async () => open,
    settle: async () => ({ ending: 'settled', now: true }),
    release: async () => ({ ending: 'released', now: true }),
    extend: async () => ({ state: 'open' }),
    kept: (id) => (asked.includes(id) ? kept : undefined),
  };
  const planSource = new PlanSource({ bundled: {}, local: true, rolls, secrets: { get: () => undefined }, clock, log: () => undefined });
  const keys = new KeyRing({ clock, fixed: [{ key: KEY, identity }] });
  const { fetch } = door({
    ...{ clock, planSource, keys, apps: new AppRing({ clock }) },
    ports: (after) => ({ ...fakePorts(), clock, after, ledger: () => ledger }),
  });
  return async (stream: boolean) => {
    const body = JSON.stringify({ model: 'sandbox/echo', stream, messages: [{ role: 'user', content: 'Hello' }] });
    const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
    return fetch(new Request('http://gateway/v1/chat/completions', { method: 'POST', headers, body }), {}, createExecutionContext());
  };
}

const soon = (ms: number) => new Promise<'not yet'>((resolve) => setTimeout(resolve, ms, 'not yet'));

describe.each([
  ['a whole answer', false],
  ['a stream', true],
])('%s', (_what, stream) => {
  it('does not leave before it is written down that the call was let through', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const answer = gatewayWith(promise)(stream);
    expect(await Promise.race([answer, soon(300)])).toBe('not yet');
    resolve();
    const { status, body } = await answer;
    expect(status).toBe(200);
    await body?.cancel();
  });

  it('waits for nothing where the ledger was asked', async () => {
    const { status, body } = await gatewayWith(undefined)(stream);
    expect(status).toBe(200);
    await body?.cancel();
  });
});
