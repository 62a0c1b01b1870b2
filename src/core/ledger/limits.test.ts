import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../json.ts';
import { type Limit, type Limited, metersFor, ownerOf, readLimit, takesFor } from './limits.ts';
import { checkTakes, levels, meterKey } from './take.ts';

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
    expect(limit({ unit: 'usd', limit: 9, window: 'month', alertAt: [1, 0.5] })).toMatchObject({ alertAt: [0.5, 1] });
    expect(limit({ unit: 'usd', limit: 9, window: 'month', soft: true })).toMatchObject({ alertAt: [1], soft: true });
    expect(limit({ unit: 'usd', limit: 9, soft: false })).not.toHaveProperty('soft');
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
    [{ unit: 'tokens', limit: 1, window: '1m', alertAt: [0.5] }],
    [{ unit: 'concurrent', limit: 1, soft: true }],
    [{ unit: 'usd', limit: 1, window: 'month', soft: 'yes' }],
    [{ unit: 'usd', limit: 1, window: 'month', alertAt: 0.5 }],
    [{ unit: 'usd', limit: 1, window: 'month', alertAt: [0] }],
    [{ unit: 'usd', limit: 1, window: 'month', alertAt: [50] }],
    [{ unit: 'usd', limit: 1, window: 'month', alertAt: [0.5, 0.5] }],
    [{ unit: 'usd', limit: 1, window: 'month', alertAt: ['0.5'] }],
    [{ unit: 'tokens', limit: 1, tools: ['mcp/team/search'] }],
    [{ unit: 'tool-calls', limit: 1, tools: [] }],
    [{ unit: 'tool-calls', limit: 1, tools: 'mcp/*' }],
    [{ unit: 'tool-calls', limit: 1, tools: ['search*'] }],
    [{ unit: 'tool-calls', limit: 1, tools: [`mcp/${'x'.repeat(125)}`] }],
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

  it('counts with a limit for some tools only where one of these is called', () => {
    const searches = { unit: 'tool-calls', limit: 5, per: 'run' } as const;
    const owner = (...limits: readonly Limit[]) => [{ level: 'key', id: 'key_1', limits }] as const;
    const limited = owner(limit({ ...searches, tools: ['mcp/team/*Search', 'mcp/team/find'] }), limit({ ...searches, limit: 9 }));
    const of = (model: string) => takesFor(limited, { run: 'r/1', model }, { 'tool-calls': 1 }).map((take) => take.limit);
    expect(of('mcp/team/web__search')).toEqual([5, 9]);
    expect(of('mcp/team/find')).toEqual([5, 9]);
    expect(of('mcp/team/finds')).toEqual([9]);
    expect(of('mcp/other/find')).toEqual([9]);
    expect(of('search')).toEqual([9]);
    expect(takesFor(limited, { run: 'r/1' }, { 'tool-calls': 1 })).toHaveLength(1);

    const [take] = takesFor(limited, { run: 'r/1', model: 'mcp/team/find' }, { 'tool-calls': 1 });
    expect(take && ownerOf(take)).toEqual({ level: 'key', id: 'key_1', each: 'r/1', tools: ['mcp/team/*Search', 'mcp/team/find'] });
    const whole = owner(limit({ unit: 'usd', limit: 1, tools: ['mcp/*'] }));
    const [bare] = takesFor(whole, { model: 'mcp/a/b' }, { usd: 1 });
    expect(bare && ownerOf(bare)).toEqual({ level: 'key', id: 'key_1', tools: ['mcp/*'] });
  });

  it('has one meter for the same tools in any order, and no run can be called like one', () => {
    const at = (tools: readonly string[] | undefined, run: string) =>
      takesFor(
        [{ level: 'key', id: 'k', limits: [limit({ unit: 'requests', limit: 5, per: 'run', ...(tools === undefined ? {} : { tools }) })] }],
        { run, model: 'mcp/a/b' },
        { requests: 1 },
      ).map(meterKey);
    expect(at(['mcp/a/*', 'mcp/b/*'], 'r')).toEqual(at(['mcp/b/*', 'mcp/a/*'], 'r'));
    const [key = ''] = at(['mcp/a/*'], 'r');
    for (const run of [key, key.slice(key.indexOf('?')), '?', '/r']) expect(at(undefined, run)).not.toEqual([key]);
  });

  it('counts by session for those that have one', () => {
    const key = { level: 'key', id: 'k', limits: [limit({ unit: 'requests', limit: 5, per: 'session' })] } as const;
    expect(takesFor([key], { session: 's1' }, { requests: 1 })).toMatchObject([{ level: 'session', subject: 'key:k/s1' }]);
    expect(takesFor([key], {}, { requests: 1 })).toEqual([]);
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

  it('is refused by no soft limit, and a soft limit takes the place of none that refuses', () => {
    const soft = limit({ unit: 'usd', limit: 20e-9, window: 'month', soft: true });
    const hard = limit({ unit: 'usd', limit: 25e-9, window: 'month', alertAt: [0.8] });
    const of = (...limits: readonly Limit[]) => takesFor([{ level: 'app', id: 'app_1', limits }], {}, { usd: 3 });
    expect(of(soft)).toMatchObject([{ limit: 20, soft: true, watched: [{ limit: 20, at: [1], soft: true }] }]);
    for (const takes of [of(soft, hard), of(hard, soft)]) {
      expect(takes).toMatchObject([
        {
          limit: 25,
          watched: [
            { limit: 25, at: [0.8] },
            { limit: 20, at: [1], soft: true },
          ],
        },
      ]);
      expect(takes[0]).not.toHaveProperty('soft');
      expect(() => checkTakes(takes)).not.toThrow();
    }
    expect(() => checkTakes(of(hard).map((take) => ({ ...take, watched: [{ limit: 25, at: [Number.NaN] }] })))).toThrow(RangeError);
  });

  it('says whose limit it is, whatever users and runs are called', () => {
    const text = fc.array(fc.constantFrom(...'aZ9_:/%.- "\\\n漢é'), { maxLength: 12 }).map((letters) => letters.join(''));
    const owner = fc.record({ level: fc.constantFrom('org' as const, 'team' as const, 'app' as const, 'key' as const), id: fc.nat() });
    const dollar = limit({ unit: 'usd', limit: 1 });
    fc.assert(
      fc.property(owner, fc.constantFrom(...levels), text, ({ level, id }, per, each) => {
        // Ids are the gateway's own: letters, digits and underscores.
        const owned = { level, id: `${level}_${id}` };
        const [take] = takesFor([{ ...owned, limits: [{ ...dollar, per }] }], { [per]: each }, { usd: 1 });
        expect(take && ownerOf(take)).toEqual(per === level ? owned : { ...owned, each });
      }),
    );
  });

  it('is the same whatever calls of the same caller came before', () => {
    const of = (text: Json) => limit(text);
    const limits = (): readonly Limited[] => [
      {
        level: 'org',
        id: 'o',
        limits: [of({ unit: 'usd', limit: 9, window: 'month', alertAt: [0.5] }), of({ unit: 'images', limit: 4, window: '1d' })],
      },
      {
        level: 'app',
        id: 'a',
        limits: [of({ unit: 'tokens', limit: 9, window: '1d', per: 'user' }), of({ unit: 'usd', limit: 1, per: 'run' })],
      },
      {
        level: 'key',
        id: 'k',
        limits: [of({ unit: 'requests', limit: 9, window: '1m', burst: 3 }), of({ unit: 'requests', limit: 5, window: '1m' })],
      },
    ];
    const amount = fc.option(fc.nat(9), { nil: undefined });
    const who = fc.option(fc.constantFrom('', '-', '+', '1:', 'x', '1:x'), { nil: undefined });
    const calls = fc.array(
      fc.record({
        subjects: fc.record({ user: who, run: who }),
        amounts: fc.record({ usd: amount, images: amount, tokens: amount, requests: amount }),
      }),
    );
    const present = (each: object) => JSON.parse(JSON.stringify(each)) as Record<string, never>;
    fc.assert(
      fc.property(calls, (asked) => {
        const known = limits();
        for (const { subjects, amounts } of asked) {
          const [by, of] = [present(subjects), present(amounts)];
          expect(takesFor(known, by, of)).toEqual(takesFor(limits(), by, of));
          expect(metersFor(known, by, of)).toBe(metersFor(known, by, of));
        }
      }),
    );
  });
});
