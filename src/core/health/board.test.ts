import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_BREAKER, placeName } from '../health.ts';
import { Board } from './board.ts';
import type { Standing } from './breaker.ts';
import type { Told } from './news.ts';

const NOW = 1_800_000_000_000;
const place = placeName('mock', 'a', 'key');
const settings = { ...DEFAULT_BREAKER, failures: 5 };
const closed: Standing = { open: false, openFor: 0, restFor: 0, failedProbes: 0 };
const open: Standing = { ...closed, open: true, openFor: 5_000, why: 'upstream_error' };
const usual: Told = {
  place,
  good: 0,
  failed: 0,
  run: 0,
  settings,
  hasRested: false,
  hasReleased: false,
  standing: closed,
  pace: { inFlight: 0 },
};

const boardOf = (most?: number) => new Board({ id: 'b', random: () => 0.5, ...(most === undefined ? {} : { most }) });
const stateOf = (board: Board, now: number) => board.list(now).find((each) => each.place === place)?.state;

describe('a board', () => {
  it('adds up failures in a row of isolates, until one of them has a good answer', () => {
    const board = boardOf();
    for (const isolate of ['i', 'j', 'k', 'l']) board.hear(isolate, [{ ...usual, failed: 1, run: 1 }], NOW);
    board.hear('m', [{ ...usual, good: 1, failed: 1, run: 1 }], NOW);
    for (const isolate of ['i', 'j', 'k']) board.hear(isolate, [{ ...usual, failed: 1, run: 5 }], NOW);
    expect(stateOf(board, NOW)).toBe('closed');
    board.hear('i', [{ ...usual, failed: 1, run: 6 }], NOW);
    expect(stateOf(board, NOW)).toBe('open');
  });

  it('adds up what part of all calls fails', () => {
    const board = boardOf();
    for (let call = 0; call < 4; call++) board.hear('i', [{ ...usual, good: 1, failed: 1, run: 0 }], NOW);
    expect(stateOf(board, NOW)).toBe('closed');
    board.hear('j', [{ ...usual, good: 1, failed: 1, run: 0 }], NOW);
    expect(stateOf(board, NOW)).toBe('open');
  });

  it('tells each isolate what has changed since it asked last', () => {
    const board = boardOf();
    board.hear('i', [usual], NOW);
    const { version } = board.news(undefined, 0, NOW);
    expect(board.news('b', version, NOW).places).toEqual([]);
    board.hear('i', [{ ...usual, change: 'opened', standing: open }], NOW);
    const news = board.news('b', version, NOW + 1_000);
    expect(news.places).toEqual([{ place, standing: { ...open, openFor: 4_000 } }]);
    expect(board.news('b', news.version, NOW).places).toEqual([]);
    board.hear('j', [{ ...usual, change: 'closed' }], NOW);
    expect(board.news('b', news.version, NOW).places).toMatchObject([{ standing: { open: false } }]);
  });

  it('tells who comes new only what is not as usual', () => {
    const board = boardOf();
    board.hear('i', [{ ...usual, change: 'opened', standing: open }], NOW);
    expect(board.news('another board', 77, NOW).places).toHaveLength(1);
    board.hear('i', [{ ...usual, change: 'closed' }], NOW);
    expect(board.news(undefined, 0, NOW).places).toEqual([]);
  });

  it('gives the right to probe also for a place that it does not know', () => {
    const board = boardOf();
    expect(board.probe('i', place, { ...open, openFor: 0 }, NOW).admission).toBe('probe');
    expect(board.probe('j', place, { ...open, openFor: 0 }, NOW + 1).admission).toBe('refused');
  });

  it('gives it again to the isolate that has it and asks again, for a minute to nobody else', () => {
    const board = boardOf();
    const ask = (isolate: string, now: number) => board.probe(isolate, place, { ...open, openFor: 0 }, now).admission;
    expect([ask('i', NOW), ask('i', NOW + 1_000), ask('j', NOW + 2_000), ask('j', NOW + 60_999)]).toEqual([
      'probe',
      'probe',
      'refused',
      'refused',
    ]);
    expect(ask('j', NOW + 61_000)).toBe('probe');
    expect(ask('i', NOW + 61_001)).toBe('refused');
  });

  it('takes it back only from who has it', () => {
    const board = boardOf();
    const ask = (isolate: string) => board.probe(isolate, place, { ...open, openFor: 0 }, NOW).admission;
    ask('i');
    board.hear('j', [{ ...usual, hasReleased: true, standing: open }], NOW);
    expect(ask('j')).toBe('refused');
    board.hear('i', [{ ...usual, hasReleased: true, standing: open }], NOW);
    expect(ask('j')).toBe('probe');
  });

  it('lets who asks too early know for how long it is open, and who asks too late that it is closed', () => {
    const board = boardOf();
    board.hear('i', [{ ...usual, change: 'opened', standing: open }], NOW);
    expect(board.probe('j', place, open, NOW + 4_000)).toMatchObject({ admission: 'refused', standing: { openFor: 1_000 } });
    board.hear('i', [{ ...usual, change: 'closed' }], NOW);
    expect(board.probe('j', place, open, NOW + 5_000)).toMatchObject({ admission: 'go', standing: { open: false } });
  });

  it('tells of resets, of places that it does not know as well', () => {
    const board = boardOf();
    board.hear('i', [usual], NOW);
    const { version } = board.news(undefined, 0, NOW);
    board.reset({ provider: 'other' }, NOW);
    expect(board.news('b', version, NOW).resets).toEqual([{ provider: 'other' }]);
    expect(board.news('b', version + 1, NOW).resets).toEqual([]);
    expect(board.news(undefined, 0, NOW).resets).toEqual([]);
  });

  it('remembers so many places, those that are open longest', () => {
    const board = boardOf(20);
    board.hear('i', [{ ...usual, change: 'opened', standing: { ...open, openFor: 60_000 } }], NOW);
    for (let at = 0; at < 100; at++) board.hear('i', [{ ...usual, place: placeName('mock', `m${at}`, 'key'), good: 1 }], NOW + at);
    expect(board.list(NOW + 100).length).toBeLessThanOrEqual(20);
    expect(stateOf(board, NOW + 100)).toBe('open');
  });

  it('never lets two isolates probe at once, whatever they tell', () => {
    const isolate = fc.constantFrom('i', 'j', 'k');
    const step = fc.oneof(
      fc.record({ ask: isolate }),
      fc.record({ wait: fc.nat(30_000) }),
      // Who has the right may end it by any end; the others tell of failures and of calls of before.
      fc.record({ end: isolate, how: fc.constantFrom('opened', 'closed', 'released') }),
      fc.record({ tell: isolate, failed: fc.nat(6) }),
    );
    let granted = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const board = boardOf();
        let now = NOW;
        let prober: { readonly isolate: string; readonly since: number } | undefined;
        for (const each of steps) {
          if ('wait' in each) now += each.wait;
          else if ('ask' in each) {
            if (board.probe(each.ask, place, { ...open, openFor: 0 }, now).admission !== 'probe') continue;
            granted += 1;
            expect(prober === undefined || prober.isolate === each.ask || now - prober.since >= 60_000).toBe(true);
            prober = { isolate: each.ask, since: now };
          } else if ('tell' in each) board.hear(each.tell, [{ ...usual, failed: each.failed, run: each.failed, standing: open }], now);
          else if (prober?.isolate === each.end) {
            prober = undefined;
            const end = each.how === 'released' ? { hasReleased: true } : { change: each.how };
            board.hear(each.end, [{ ...usual, ...end, standing: each.how === 'closed' ? closed : open }], now);
          }
        }
      }),
    );
    expect(granted).toBeGreaterThan(100);
  });
});
