import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLimit } from '../../core/ledger/limits.ts';
import { calendarWindows, secondsOf, windowCovering, windowOf } from './durations.ts';
import { type FieldProblem, fieldsOf, type LimitDocument, type LitellmLimits, limitsOf } from './limits.ts';

const windows = ['minute', 'hour', 'day', 'week', 'month'] as const;
const durations = ['1m', '60s', '1h', '60m', 'hourly', '1d', '24h', 'daily', '7d', '1w', 'weekly', '30d', '1mo', 'monthly'] as const;

describe('the limits of LiteLLM', () => {
  it.each<[LitellmLimits, readonly LimitDocument[]]>([
    [{}, []],
    [{ max_budget: null, tpm_limit: null }, []],
    [{ max_budget: 25 }, [{ unit: 'usd', limit: 25 }]],
    [{ max_budget: 0 }, [{ unit: 'usd', limit: 0 }]],
    [{ max_budget: 0.000000001, budget_duration: '1d' }, [{ unit: 'usd', limit: 0.000000001, window: 'day' }]],
    [
      { max_budget: 5, soft_budget: 4, budget_duration: '7d' },
      [
        { unit: 'usd', limit: 5, window: 'week' },
        { unit: 'usd', limit: 4, window: 'week', soft: true },
      ],
    ],
    [{ soft_budget: 4 }, [{ unit: 'usd', limit: 4, soft: true }]],
    [{ max_budget: 1, budget_duration: '24h' }, [{ unit: 'usd', limit: 1, window: 'day' }]],
    [{ max_budget: 1, budget_duration: '7d' }, [{ unit: 'usd', limit: 1, window: 'week' }]],
    [{ max_budget: 1, budget_duration: '30d' }, [{ unit: 'usd', limit: 1, window: 'month' }]],
    [{ max_budget: 1, budget_duration: '1mo' }, [{ unit: 'usd', limit: 1, window: 'month' }]],
    [{ max_budget: 1, budget_duration: '1h' }, [{ unit: 'usd', limit: 1, window: 'hour' }]],
    [
      { tpm_limit: 5, rpm_limit: 6, tpd_limit: 7, max_parallel_requests: 8 },
      [
        { unit: 'tokens', limit: 5, window: '1m' },
        { unit: 'requests', limit: 6, window: '1m' },
        { unit: 'tokens', limit: 7, window: 'day' },
        { unit: 'concurrent', limit: 8 },
      ],
    ],
    [
      {
        budget_limits: [
          { max_budget: 1, budget_duration: '1d' },
          { max_budget: 9, budget_duration: '30d' },
        ],
      },
      [
        { unit: 'usd', limit: 1, window: 'day' },
        { unit: 'usd', limit: 9, window: 'month' },
      ],
    ],
  ])('%j are %j', (fields, limits) => {
    const mapped = limitsOf(fields);
    expect(mapped).toMatchObject({ limits, problems: [] });
    for (const limit of mapped.limits) expect(readLimit(limit)).not.toHaveProperty('problem');
  });

  it.each<[LitellmLimits, Partial<FieldProblem>]>([
    [
      { max_budget: 1, budget_duration: '90d' },
      { field: 'budget_duration', message: expect.stringContaining('"90d"') },
    ],
    [{ max_budget: 1, budget_duration: 'soon' }, { field: 'budget_duration' }],
    [{ budget_duration: '1d' }, { field: 'budget_duration' }],
    [{ budget_limits: [{ max_budget: 1, budget_duration: '2h' }] }, { field: 'budget_limits' }],
    [{ max_budget: -1 }, { field: 'max_budget' }],
    [{ rpm_limit: 1.5 }, { field: 'rpm_limit' }],
    [{ max_parallel_requests: -1 }, { field: 'max_parallel_requests' }],
  ])('%j cannot be kept, and says which field', (fields, problem) => {
    expect(limitsOf(fields).problems).toContainEqual(expect.objectContaining(problem));
  });

  it('begin in the time zone of the proxy, where that is the calendar’s to say', () => {
    const zoned = (budget_duration: string) => limitsOf({ max_budget: 1, budget_duration }, { zone: 'Europe/Berlin' }).limits;
    expect(zoned('30d')).toEqual([{ unit: 'usd', limit: 1, window: 'month', zone: 'Europe/Berlin' }]);
    expect(zoned('1h')).toEqual([{ unit: 'usd', limit: 1, window: 'hour' }]);
    expect(limitsOf({ max_budget: 1, budget_duration: '1d' }, { zone: 'UTC' }).limits).toEqual([{ unit: 'usd', limit: 1, window: 'day' }]);
  });

  it('come back as they went, whichever they are', () => {
    const amount = fc.integer({ min: 0, max: 1_000_000 });
    const budget = fc.record({
      max_budget: fc.integer({ min: 0, max: 10 ** 9 }).map((nano) => nano / 1_000),
      budget_duration: fc.constantFrom(...durations),
      soft_budget: fc.option(fc.nat(1_000), { nil: null }),
    });
    const fields = fc.record(
      { tpm_limit: amount, rpm_limit: amount, tpd_limit: amount, max_parallel_requests: amount, budget },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, ({ budget: own, ...rates }) => {
        const { limits, problems } = limitsOf({ ...rates, ...own });
        expect(problems).toEqual([]);
        for (const limit of limits) expect(readLimit(limit)).not.toHaveProperty('problem');
        const back = fieldsOf(limits);
        expect(back.rest).toEqual([]);
        const { max_budget, soft_budget, budget_duration, ...others } = back.fields;
        expect(soft_budget ?? null).toBe(own?.soft_budget ?? null);
        expect(others).toEqual(rates);
        expect(max_budget).toBe(own?.max_budget);
        expect(budget_duration == null ? undefined : windowOf(budget_duration)).toBe(
          own === undefined ? undefined : windowOf(own.budget_duration),
        );
      }),
    );
  });
});

describe('limits of Weir’s', () => {
  const limit: fc.Arbitrary<LimitDocument> = fc.oneof(
    fc.record({ unit: fc.constant('usd' as const), limit: fc.nat(1_000), window: fc.constantFrom(...windows) }),
    fc.record({
      unit: fc.constant('usd' as const),
      limit: fc.nat(1_000),
      window: fc.constantFrom('day', 'month'),
      zone: fc.constant('Asia/Tokyo'),
    }),
    fc.record({ unit: fc.constant('usd' as const), limit: fc.nat(1_000) }),
    fc.record({ unit: fc.constant('usd' as const), limit: fc.nat(1_000), per: fc.constantFrom('run' as const, 'user' as const) }),
    fc.record({
      unit: fc.constantFrom('tokens' as const, 'requests' as const, 'images' as const),
      limit: fc.nat(1_000),
      window: fc.constantFrom('1m', '1h', 'day'),
    }),
    fc.record({ unit: fc.constant('requests' as const), limit: fc.nat(1_000), window: fc.constant('1m'), burst: fc.nat(50) }),
    fc.record({
      unit: fc.constant('usd' as const),
      limit: fc.nat(1_000),
      soft: fc.constant(true),
      window: fc.option(fc.constantFrom(...windows, '1d'), { nil: undefined }),
    }),
    fc.record({
      unit: fc.constant('usd' as const),
      limit: fc.nat(1_000),
      alertAt: fc.array(fc.constant(0.5), { minLength: 1, maxLength: 1 }),
    }),
    fc.record({ unit: fc.constant('concurrent' as const), limit: fc.nat(50) }),
  );
  const sorted = (limits: readonly LimitDocument[]) =>
    limits.map((each) => JSON.stringify(Object.entries({ ...JSON.parse(JSON.stringify(each)) }).sort())).sort();

  it('are never lost between LiteLLM’s words and what it has no words for', () => {
    fc.assert(
      fc.property(fc.array(limit, { maxLength: 8 }), (limits) => {
        const { fields, rest } = fieldsOf(limits);
        const back = limitsOf(fields);
        expect(back.problems).toEqual([]);
        expect(sorted([...back.limits, ...rest])).toEqual(sorted(limits));
      }),
    );
  });
});

describe('spans of time', () => {
  it.each([
    ['30s', 30],
    ['20m', 1_200],
    ['2h', 7_200],
    ['30d', 2_592_000],
    ['1w', 604_800],
    ['1mo', 2_592_000],
    ['soon', undefined],
    ['d', undefined],
    ['1.5d', undefined],
    ['30min', undefined],
  ])('%s', (text, seconds) => {
    expect(secondsOf(text)).toBe(seconds);
  });

  it('are covered by the shortest window that is no shorter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 * 86_400 }), (seconds) => {
        const window = windowCovering(seconds);
        const covering = windows.filter((each) => calendarWindows[each] >= seconds);
        expect(window).toBe(covering[0]);
      }),
    );
  });
});
