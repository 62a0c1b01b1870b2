import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calendarWindows, isCalendarWindow } from '../../admin/litellm/durations.ts';
import { NO_TABLES, tablesIn } from './litellm-source.ts';
import { approximating, importTenants, type TenantOptions } from './litellm-tenants.ts';
import { Notes } from './plan.ts';

describe('keys and teams', () => {
  const options: TenantOptions = {
    org: 'litellm',
    limits: {},
    accessGroups: new Map([['house', ['own', 'region']]]),
    now: Date.parse('2026-11-21'),
    sha256: (text) => `hash of ${text}`,
  };
  const of = (tables: Partial<typeof NO_TABLES>, more: Partial<TenantOptions> = {}) => {
    const notes = new Notes();
    const orgs = importTenants({ ...NO_TABLES, ...tables }, { ...options, ...more }, notes);
    const keys = orgs.flatMap((org) =>
      org.teams.flatMap((team) =>
        team.apps.flatMap((app) => app.keys.map((key) => ({ ...key, at: `${org.name}/${team.name}/${app.name}` }))),
      ),
    );
    return { orgs, keys, notes: notes.list, told: notes.list.map(({ what }) => what) };
  };
  const hash = 'a'.repeat(64);

  it('are in the organisation and the team that they were in', () => {
    const { keys, orgs } = of({
      organizations: [{ organization_id: 'o1', organization_alias: 'Lab', max_budget: 9, budget_duration: '30d' }],
      teams: [
        { team_id: 't1', team_alias: 'core', organization_id: 'o1' },
        { team_id: 't2', team_alias: 'core' },
        { team_id: 't3', team_alias: 'core' },
      ],
      keys: [
        { token: hash, key_alias: 'a', team_id: 't1' },
        { token: hash, key_alias: 'b', team_id: 't2' },
        { token: hash, key_alias: 'c', team_id: 't3' },
        { token: hash, key_alias: 'd', user_id: 'ann' },
        { token: hash, key_alias: 'e', organization_id: 'o1' },
        { token: hash, key_alias: 'f', team_id: 'gone' },
      ],
    });
    expect(Object.fromEntries(keys.map(({ name, at }) => [name, at]))).toEqual({
      a: 'Lab/core/default',
      b: 'litellm/core/default',
      c: 'litellm/core-2/default',
      d: 'litellm/default/ann',
      e: 'Lab/default/default',
      f: 'litellm/default/default',
    });
    expect(orgs.find(({ name }) => name === 'Lab')?.rules.limits).toEqual([{ unit: 'usd', limit: 9, window: 'month' }]);
  });

  it('keep their limits, models, metadata, end and state', () => {
    const { keys } = of({
      keys: [
        {
          token: hash.toUpperCase(),
          key_alias: 'all',
          models: ['house', 'chat'],
          max_budget: 5,
          budget_duration: '1d',
          tpm_limit: '100',
          rpm_limit: 7,
          max_parallel_requests: 2,
          blocked: true,
          expires: '2027-01-01T00:00:00',
          user_id: 'ann',
          metadata: { a: 1, b: { c: 2 } },
        },
      ],
    });
    expect(keys).toEqual([
      {
        at: 'litellm/default/ann',
        name: 'all',
        old: 'all',
        hash,
        expiresAt: Date.parse('2027-01-01T00:00:00Z'),
        rules: {
          limits: [
            { unit: 'usd', limit: 5, window: 'day' },
            { unit: 'tokens', limit: 100, window: '1m' },
            { unit: 'requests', limit: 7, window: '1m' },
            { unit: 'concurrent', limit: 2 },
          ],
          models: ['own', 'region', 'chat'],
          metadata: { a: 1, b: '{"c":2}', litellm_user_id: 'ann' },
          disabled: true,
        },
      },
    ]);
  });

  it('take what the budget says that they name, and the time zone of the proxy', () => {
    const budgets = [{ budget_id: 'b1', max_budget: 3, budget_duration: '7d', rpm_limit: 4 }];
    const { keys } = of({ budgets, keys: [{ token: hash, key_alias: 'a', budget_id: 'b1', rpm_limit: 9 }] }, { zone: 'Europe/Berlin' });
    expect(keys[0]?.rules.limits).toEqual([
      { unit: 'usd', limit: 3, window: 'week', zone: 'Europe/Berlin' },
      { unit: 'requests', limit: 9, window: '1m' },
    ]);
  });

  it('are held to what is left of a budget that is for good', () => {
    const { keys, told } = of({
      keys: [
        { token: hash, key_alias: 'a', max_budget: 5, spend: 4.999 },
        { token: hash, key_alias: 'b', max_budget: 5, spend: 7 },
      ],
    });
    expect(keys.map(({ rules }) => rules.limits)).toEqual([[{ unit: 'usd', limit: 0.001 }], [{ unit: 'usd', limit: 0 }]]);
    expect(told).toEqual(['max_budget of key a', 'max_budget of key b']);
  });

  it('never lose a restriction in silence', () => {
    const { keys, told } = of({
      keys: [
        { token: 'sk-as-it-was', key_alias: 'plain' },
        { token: 'short', key_alias: 'unknown' },
        { token: hash, key_alias: 'nothing', models: ['no-default-models'] },
        {
          token: hash,
          key_alias: 'more',
          guardrails: ['g'],
          model_rpm_limit: { x: 1 },
          allowed_routes: ['/chat'],
          something_new: 1,
          aliases: { a: 'b' },
        },
        { token: hash, key_alias: 'ended', expires: '2020-01-01T00:00:00' },
      ],
    });
    expect(keys.map(({ name, hash: of, rules }) => [name, of, rules.disabled])).toEqual([
      ['plain', 'hash of sk-as-it-was', false],
      ['unknown', undefined, false],
      ['nothing', hash, true],
      ['more', hash, false],
    ]);
    expect([...told].sort()).toEqual(
      [
        'key ended',
        'key unknown',
        'key nothing',
        'aliases of key more',
        'guardrails of key more',
        'model_rpm_limit of key more',
        'allowed_routes of key more',
        'something_new of key more',
      ].sort(),
    );
  });

  it('are read as a database writes them down, too', () => {
    const tables = tablesIn({
      LiteLLM_VerificationToken: [{ token: hash, key_alias: 'a', models: '{own,chat}', metadata: '{"x":1}', team_id: 't' }],
      LiteLLM_TeamTable: [{ team_id: 't', team_alias: 'core', models: '["own"]' }],
    });
    expect(tables?.keys).toMatchObject([{ models: ['own', 'chat'], metadata: { x: 1 } }]);
    expect(tables?.teams).toMatchObject([{ models: ['own'] }]);
    expect(tablesIn([{ token: 'x' }])?.keys).toHaveLength(1);
    expect(tablesIn('x')).toBeUndefined();
  });

  it('get no more from a window that the calendar has not', () => {
    const duration = fc.tuple(fc.integer({ min: 1, max: 400 }), fc.constantFrom('m', 'h', 'd', 'w'));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), duration, (amount, [count, unit]) => {
        const seconds = count * { m: 60, h: 3_600, d: 86_400, w: 604_800 }[unit];
        const limit = approximating('x', new Notes())({ max_budget: amount, budget_duration: `${count}${unit}` });
        const window = isCalendarWindow(limit?.window) ? calendarWindows[limit.window] : Number.POSITIVE_INFINITY;
        expect((limit?.limit ?? 0) / window).toBeLessThanOrEqual((amount / seconds) * (1 + 1e-9));
      }),
    );
  });
});
