import { describe, expect, it } from 'vitest';
import { identityOf as identityIn } from '../../core/caller.ts';
import { fakeCall, fakeExchange } from '../../core/fakes.ts';
import type { AllowLists, StoredKey } from '../../core/tenant.ts';
import { checkOrigin, checkRoute } from './allowed.ts';
import { policiesOf } from './models.ts';

const identityOf = (key: StoredKey) => identityIn(key, key.id);

const stored = (org: AllowLists, key: AllowLists = {}, limits: StoredKey['levels'][number]['limits'] = []): StoredKey => ({
  id: 'key_1',
  org: 'org_1',
  team: 'team_1',
  app: 'app_1',
  generation: 3,
  active: true,
  levels: [
    { level: 'org', id: 'org_1', limits, ...org },
    { level: 'team', id: 'team_1', limits: [] },
    { level: 'app', id: 'app_1', limits: [] },
    { level: 'key', id: 'key_1', limits, ...key },
  ],
  metadata: {},
});

const passes = (check: () => void) => {
  try {
    check();
    return true;
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'not_allowed', status: 403 });
    return false;
  }
};

describe('what a key may', () => {
  it('is everything where no level says otherwise', () => {
    const who = identityOf(stored({}));
    expect(who).toEqual({ keyId: 'key_1', org: 'org_1', team: 'team_1', app: 'app_1', principal: 'app_1', generation: 3 });
    expect(passes(() => checkOrigin(who, { ip: undefined, country: undefined }))).toBe(true);
    expect(passes(() => checkRoute(who, 'llm'))).toBe(true);
    expect(policiesOf(who)).toEqual([]);
  });

  it.each([
    ['10.1.2.3', true],
    ['10.2.0.1', false],
    ['::ffff:10.1.9.9', true],
    ['192.0.2.1', false],
    ['nonsense', false],
    [undefined, false],
  ])('is used from addresses that all levels list: %s', (ip, expected) => {
    const who = identityOf(stored({ ips: ['10.0.0.0/8', '192.0.2.0/24'] }, { ips: ['10.1.0.0/16'] }));
    expect(passes(() => checkOrigin(who, { ip, country: undefined }))).toBe(expected);
  });

  it.each([
    ['DE', true],
    ['FR', false],
    ['T1', false],
    [undefined, false],
  ])('is used from countries that all levels list: %s', (country, expected) => {
    const who = identityOf(stored({ countries: ['DE', 'FR'] }, { countries: ['DE', 'US'] }));
    expect(passes(() => checkOrigin(who, { ip: '10.0.0.1', country }))).toBe(expected);
  });

  it('is used on routes that all levels list', () => {
    const who = identityOf(stored({ routes: ['llm', 'tools'] }, { routes: ['tools'] }));
    expect(passes(() => checkRoute(who, 'tools'))).toBe(true);
    expect(passes(() => checkRoute(who, 'llm'))).toBe(false);
  });

  it.each([
    ['openai/gpt-5-mini', true],
    ['OpenAI/GPT-5-mini', true],
    ['openai/gpt-5', false],
    ['smart', false],
    ['', true],
  ])('is asked for models that all levels list: %j', async (model, expected) => {
    const who = identityOf(stored({ models: ['openai/*', 'smart'] }, { models: ['*-mini'] }));
    const [own] = policiesOf(who);
    const verdict = await own?.policy.open(own.settings, fakeExchange()).request?.(fakeCall({ model }));
    if (expected) expect(verdict).toHaveProperty('go');
    else expect(verdict).toMatchObject({ refuse: { code: 'model_not_allowed', status: 403, details: { param: 'model' } } });
  });

  it('carries the limits of every level with their owner, and fails on one that it cannot read', () => {
    const limits = [{ unit: 'usd', limit: 0.5, per: 'run' }];
    expect(identityOf(stored({}, {}, limits)).limits).toMatchObject([
      { level: 'org', id: 'org_1', limits: [{ unit: 'usd', limit: 500_000_000, per: 'run' }] },
      { level: 'key', id: 'key_1' },
    ]);
    expect(() => identityOf(stored({}, {}, [{ unit: 'pounds', limit: 1 }]))).toThrow(/org_1/);
  });
});
