import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countHops, extendVia, isLoop } from './via.ts';

const passed = (hops: number, first: string | null = null) => {
  let via = first;
  for (let hop = 0; hop < hops; hop++) via = extendVia(via, hop % 2 === 0 ? 'a' : '');
  return new Headers(via === null ? {} : { via });
};

describe('via', () => {
  it.each([
    [0, false],
    [1, false],
    [3, false],
    [4, true],
    [9, true],
  ])('after %i gateways, a loop is %s', (hops, expected) => {
    expect(isLoop(passed(hops))).toBe(expected);
  });

  it('leaves other proxies alone and does not count them', () => {
    expect(extendVia('1.1 varnish', '')).toBe('1.1 varnish, 1.1 weir');
    expect(extendVia(null, 'eu-1')).toBe('1.1 weir (eu-1)');
    expect(isLoop(new Headers({ via: '1.1 varnish, 1.0 fred, HTTP/2 weirdo, 1.1 x (weir), 1.1 weir.example.com' }))).toBe(false);
    expect(isLoop(passed(4, '2 edge'))).toBe(true);
  });

  it('counts entries of several header lines, in any case', () => {
    const headers = new Headers();
    for (const entry of ['1.1 Weir', '1.1 weir', '1.1\tWEIR (x)', 'HTTP/1.1 weir']) headers.append('via', entry);
    expect(isLoop(headers)).toBe(true);
  });

  it('adds exactly one hop to whatever came in', () => {
    fc.assert(
      fc.property(fc.string(), fc.stringMatching(/^[a-z0-9-]*$/), (incoming, instance) => {
        expect(countHops(extendVia(incoming, instance))).toBe(countHops(incoming) + 1);
      }),
    );
  });
});
