import { applyD1Migrations, reset } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Json } from '../../core/json.ts';
import { type Limit, readLimit, type Subjects, takesFor } from '../../core/ledger/limits.ts';
import type { Amounts } from '../../core/ledger/take.ts';
import type { TenantLevel } from '../../core/tenant.ts';
import { LedgerClient } from '../../state/ledger/client.ts';

beforeEach(async () => {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

async function call(method: string, path: string, body?: unknown) {
  const response = await exports.default.fetch(
    new Request(`http://gateway/admin/v1${path}`, {
      method,
      headers: { authorization: 'Bearer admin-token-of-the-tests' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
  return { status: response.status, body: (await response.json()) as { readonly items?: Json } };
}

const LIMITS = {
  org: [{ unit: 'usd', limit: 25, window: 'month' }],
  team: [{ unit: 'tokens', limit: 100, window: 'day', per: 'user' }],
  app: [
    { unit: 'usd', limit: 0.5, per: 'run' },
    { unit: 'requests', limit: 60, window: '1m', burst: 80 },
  ],
  key: [
    { unit: 'concurrent', limit: 8 },
    { unit: 'requests', limit: 100, window: 'day' },
    { unit: 'requests', limit: 10, window: 'day' },
  ],
} as const satisfies { readonly [level in TenantLevel]: readonly Json[] };
const IDS = { org: 'org_dev', team: 'team_dev', app: 'app_dev', key: 'key_dev' } as const;

const limited = (['org', 'team', 'app', 'key'] as const).map((level) => ({
  level,
  id: IDS[level],
  limits: LIMITS[level].map((each) => readLimit(each)).filter((each): each is Limit => !('problem' in each)),
}));

const ledger = new LedgerClient(env.LEDGER, IDS.org);
const usage = { requestId: 'r', startedAt: 0, org: IDS.org, team: IDS.team, app: IDS.app, keyId: IDS.key, model: 'm' };

/** A call as the gateway holds it. */
async function hold(id: string, amounts: Amounts, subjects: Subjects = {}) {
  const takes = takesFor(limited, { ...IDS, ...subjects }, amounts);
  expect(await ledger.reserve({ id, subjects: [], generation: 99, takes, ttl: 900_000, usage })).toMatchObject({ allowed: true });
}

const limit = async (level: TenantLevel, query = '') => (await call('GET', `/${level}s/${IDS[level]}/limits${query}`)).body.items;

describe('the limits of one thing', { timeout: 60_000 }, () => {
  beforeEach(async () => {
    for (const level of ['org', 'team', 'app', 'key'] as const) {
      expect(await call('PATCH', `/${level}s/${IDS[level]}`, { limits: LIMITS[level] })).toMatchObject({ status: 200 });
    }
  });

  it('are shown with what is used, held and left, money in dollars', async () => {
    await hold('h1', { usd: 1_500_000_000, tokens: 30, requests: 1, concurrent: 1 });
    await hold('h2', { usd: 2_000_000_001, tokens: 5, requests: 1, concurrent: 1 });
    await ledger.settle('h1', { actual: { usd: 250_000_000, tokens: 20, requests: 1 }, usage: { ...usage, status: 'complete' } });
    const month = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() + 1);
    expect(await limit('org')).toEqual([
      { ...LIMITS.org[0], each: null, used: 0.25, held: 2.000000001, remaining: 22.749999999, resetsAt: month },
    ]);
    expect(await limit('key')).toMatchObject([
      { unit: 'concurrent', used: 0, held: 1, remaining: 7, resetsAt: null },
      { unit: 'requests', limit: 100, used: 1, held: 1, remaining: 98, resetsAt: expect.any(Number) },
      { unit: 'requests', limit: 10, used: 1, held: 1, remaining: 8 },
    ]);
    // A rate does not tell held from used, and lets its burst through.
    expect(await limit('app')).toMatchObject([
      { unit: 'usd' },
      { ...LIMITS.app[1], used: 2, held: 0, remaining: 78, resetsAt: expect.any(Number) },
    ]);
  });

  it('per user and run are those of the one that is named', async () => {
    await hold('h1', { usd: 100_000_000, tokens: 30 }, { user: 'ann', run: 'r/1' });
    await hold('h2', { tokens: 7 }, { user: 'bob' });
    await hold('h3', { tokens: 3 });
    const none = { each: null, used: null, held: null, remaining: null, resetsAt: null };
    expect(await limit('team')).toEqual([{ ...LIMITS.team[0], ...none }]);
    expect(await limit('team', '?user=ann')).toMatchObject([{ each: 'ann', held: 30, used: 0, remaining: 70 }]);
    expect(await limit('team', '?user=bob')).toMatchObject([{ each: 'bob', held: 7, remaining: 93 }]);
    expect(await limit('team', '?user=carol')).toMatchObject([{ each: 'carol', held: 0, remaining: 100 }]);
    expect(await limit('app', '?run=r%2F1')).toMatchObject([
      { each: 'r/1', held: 0.1, remaining: 0.4, resetsAt: null },
      { each: null, used: 0 },
    ]);
    expect(await limit('app')).toMatchObject([none, { used: 0 }]);
  });

  it('never show less than nothing as left', async () => {
    await hold('h1', { requests: 5 });
    await call('PATCH', `/keys/${IDS.key}`, { limits: [{ unit: 'requests', limit: 3, window: 'day' }] });
    expect(await limit('key')).toMatchObject([{ limit: 3, held: 5, remaining: 0 }]);
  });
});

it('what nothing limits asks no ledger, and what is not there is not found', async () => {
  expect(await call('GET', '/keys/key_dev/limits')).toEqual({ status: 200, body: { items: [] } });
  for (const path of ['/keys/key_none/limits', '/orgs/team_dev/limits', '/apps/app_none/limits']) {
    expect(await call('GET', path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  }
  expect(await call('GET', '/keys/key_dev/limits?users=ann')).toMatchObject({ status: 400, body: { param: 'users' } });
});
