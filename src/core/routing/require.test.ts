import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlanProvider } from '../plan.ts';
import { unmet } from './require.ts';

const provider = (parts: Partial<PlanProvider>) => parts as PlanProvider;
const target = { provider: 'p', model: 'm' };

describe('where a call may be answered', () => {
  it.each([
    ['eu', 'eu', true],
    ['EU', 'eu-west-1', true],
    ['eu', 'eu.frankfurt', true],
    ['eu', 'europe', false],
    ['eu', 'us-eu', false],
    ['eu-west', 'eu', false],
    ['eu-west', 'eu-west-1', true],
  ])('%s allows %s: %s', (allowed, region, fits) => {
    expect(unmet({ ...target, region }, undefined, { regions: [allowed] }) === undefined).toBe(fits);
    expect(unmet(target, provider({ region }), { regions: ['mars', allowed] }) === undefined).toBe(fits);
  });

  it('is nowhere that nobody has written down', () => {
    expect(unmet(target, provider({}), { regions: ['eu'] })).toMatch(/not known/);
    expect(unmet(target, undefined, { zeroRetention: true })).toBeDefined();
    expect(unmet(target, provider({ zeroRetention: false }), { zeroRetention: true })).toBeDefined();
  });

  it('is what the target says, and what its provider says where that is silent', () => {
    expect(unmet({ ...target, region: 'us' }, provider({ region: 'eu' }), { regions: ['eu'] })).toMatch(/us/);
    expect(unmet({ ...target, zeroRetention: false }, provider({ zeroRetention: true }), { zeroRetention: true })).toBeDefined();
    expect(unmet(target, provider({ zeroRetention: true }), { zeroRetention: true })).toBeUndefined();
  });

  it('is everywhere, where nothing is required', () => {
    fc.assert(
      fc.property(fc.option(fc.string(), { nil: undefined }), (region) => {
        expect(unmet(region === undefined ? target : { ...target, region }, undefined, {})).toBeUndefined();
      }),
    );
  });
});
