import { describe, expect, it } from 'vitest';
import type { Json } from '../json.ts';
import { type Limit, readLimit, takesFor } from './limits.ts';
import { checkTakes, meterKey } from './take.ts';

function limit(value: Json): Limit {
  const read = readLimit(value);
  if ('problem' in read) throw new Error(read.problem);
  return read;
}

describe('a limit', () => {
  it('is read as operators write it', () => {
    expect(limit({ unit: 'usd', limit: 0.1, window: 'month' })).toEqual({
      unit: 'usd',
      limit: 100_000_000,
      window: { kind: 'calendar', unit: 'month', zone: 'UTC' },
    });
    expect(limit({ unit: 'tokens', limit: 100_000, window: '1m' })).toEqual({
      unit: 'tokens',
      limit: 100_000,
      window: { kind: 'rate', milliseconds: 60_000 },
    });
    expect(limit({ unit: 'concurrent', limit: 8 })).toEqual({ unit: 'concurrent', limit: 8, window: { kind: 'held' } });
    expect(limit({ unit: 'usd', limit: 0.5, per: 'run' })).toEqual({
      unit: 'usd',
      limit: 500_000_000,
      window: { kind: 'always' },
      per: 'run',
    });
    expect(limit({ unit: 'requests', limit: 60, window: '1m', burst: 10 })).toMatchObject({ burst: 10 });
  });

  it.each<[Json]>([
    [null],
    [{ unit: 'bananas', limit: 1 }],
    [{ unit: 'tokens', limit: -1, window: '1m' }],
    [{ unit: 'tokens', limit: 1.5, window: '1m' }],
    [{ unit: 'tokens', limit: '12', window: '1m' }],
    [{ unit: 'usd', limit: 1e10, window: 'month' }],
    [{ unit: 'usd', limit: 1, window: '1m' }],
    [{ unit: 'tokens', limit: 1, window: 'year' }],
    [{ unit: 'tokens', limit: 1, window: 'day', zone: 'Nowhere' }],
    [{ unit: 'tokens', limit: 1, window: '1m', zone: 'UTC' }],
    [{ unit: 'tokens', limit: 1, window: 'day', burst: 5 }],
    [{ unit: 'tokens', limit: 1e15, window: '1h' }],
    [{ unit: 'concurrent', limit: 1, window: '1m' }],
    [{ unit: 'tokens', limit: 1, window: '1m', per: 'planet' }],
  ])('is refused with what is wrong: %j', (value) => {
    expect(readLimit(value)).toEqual({ problem: expect.any(String) });
  });
});

describe('what a call takes', () => {
  const key = {
    level: 'key',
    id: 'key_1',
    limits: [limit({ unit: 'requests', limit: 60, window: '1m' }), limit({ unit: 'usd', limit: 5, per: 'run' })],
  } as const;
  const app = { level: 'app', id: 'app_1', limits: [limit({ unit: 'tokens', limit: 9, window: '1d', per: 'user' })] } as const;

  it('is one take of each meter that limits it, in units that it has an amount of', () => {
    const takes = takesFor([key, app], { user: 'u/1', run: 'r1' }, { requests: 1, tokens: 7, usd: 3 });
    expect(takes.map(meterKey)).toEqual(['key:requests:60000ms:key_1', 'run:usd:always:key:key_1/r1', 'user:tokens:day@UTC:app:app_1/u/1']);
    expect(takes.map(({ amount }) => amount)).toEqual([1, 3, 7]);
    expect(() => checkTakes(takes)).not.toThrow();
    expect(takesFor([key], { run: 'r1' }, { requests: 1 })).toHaveLength(1);
  });

  it('cannot be made less by leaving out who asks', () => {
    expect(takesFor([app], {}, { tokens: 7 })).toMatchObject([{ level: 'user', subject: 'app:app_1/' }]);
    expect(takesFor([key], {}, { usd: 3 })).toEqual([]);
  });

  it('is judged by the lower of two limits of one meter', () => {
    const twice = {
      level: 'key',
      id: 'k',
      limits: [10, 5, 20].map((each) => limit({ unit: 'requests', limit: each, window: '1m' })),
    } as const;
    expect(takesFor([twice], {}, { requests: 1 })).toMatchObject([{ limit: 5 }]);
  });
});
