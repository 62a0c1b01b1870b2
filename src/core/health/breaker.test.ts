import { describe, expect, it } from 'vitest';
import { DEFAULT_BREAKER } from '../health.ts';
import { Breaker, type Entry, PROBE_LEASE } from './breaker.ts';

const NOW = 1_800_000_000_000;
const settings = { ...DEFAULT_BREAKER, failures: 3, cooldown: 1_000, mostCooldown: 5_000 };
/** In the middle: no jitter. */
const middle = () => 0.5;
const why = 'upstream_error';

const begin = (breaker: Breaker, now: number): Entry => {
  const admission = breaker.admit(now);
  return { turn: breaker.turnOf(admission), probe: breaker.probeOf(admission, now) };
};
const fail = (breaker: Breaker, now: number, entry = begin(breaker, now)) => breaker.failed(entry, settings, why, now, middle);

function opened(now = NOW): Breaker {
  const breaker = new Breaker(now);
  for (let call = 0; call < 3; call++) fail(breaker, now);
  expect(breaker.state(now)).toBe('open');
  return breaker;
}

describe('a closed breaker', () => {
  it('opens after so many failures in a row', () => {
    const breaker = new Breaker(NOW);
    expect(fail(breaker, NOW)).toBeUndefined();
    expect(fail(breaker, NOW)).toBeUndefined();
    breaker.succeeded(begin(breaker, NOW), settings, NOW);
    expect(fail(breaker, NOW)).toBeUndefined();
    expect(fail(breaker, NOW)).toBeUndefined();
    expect(breaker.state(NOW)).toBe('closed');
    expect(fail(breaker, NOW)).toBe('opened');
    expect(breaker.state(NOW)).toBe('open');
    expect(breaker.reason(NOW)).toBe(why);
  });

  it('opens where half of at least ten calls in the window failed', () => {
    const breaker = new Breaker(NOW);
    const rated = { ...settings, failures: 100 };
    for (let call = 0; call < 4; call++) breaker.succeeded(begin(breaker, NOW), rated, NOW);
    for (let call = 0; call < 5; call++) expect(breaker.failed(begin(breaker, NOW), rated, why, NOW, middle)).toBeUndefined();
    expect(breaker.failed(begin(breaker, NOW), rated, why, NOW, middle)).toBe('opened');
  });

  it('does not look back further than the window', () => {
    const breaker = new Breaker(NOW);
    const rated = { ...settings, failures: 100 };
    for (let call = 0; call < 9; call++) breaker.failed(begin(breaker, NOW), rated, why, NOW, middle);
    expect(breaker.failed(begin(breaker, NOW + 10_000), rated, why, NOW + 10_000, middle)).toBeUndefined();
  });

  it('looks back by the window of each model on its own', () => {
    const breaker = new Breaker(NOW);
    const long = { ...settings, failures: 100, least: 2 };
    const short = { ...long, window: 100 };
    breaker.failed(begin(breaker, NOW), long, why, NOW, middle);
    breaker.succeeded(begin(breaker, NOW), short, NOW);
    expect(breaker.failed(begin(breaker, NOW), short, why, NOW, middle)).toBe('opened');
  });
});

describe('an open breaker', () => {
  it('refuses for its cooldown, moved by a tenth at most', () => {
    for (const [random, cooldown] of [
      [0, 900],
      [0.5, 1_000],
      [1, 1_100],
    ] as const) {
      const breaker = new Breaker(NOW);
      for (let call = 0; call < 3; call++) breaker.failed(begin(breaker, NOW), settings, why, NOW, () => random);
      expect(breaker.retryAt(NOW)).toBeCloseTo(NOW + cooldown, 3);
      expect(breaker.admit(NOW + cooldown - 1)).toBe('refused');
      expect(breaker.admit(NOW + cooldown + 1)).toBe('probe');
    }
  });

  it('lets exactly one of 500 through when its time has come', () => {
    const breaker = opened();
    const admissions = Array.from({ length: 500 }, () => breaker.admit(NOW + 1_000));
    expect(admissions.filter((each) => each === 'probe')).toHaveLength(1);
    expect(admissions.filter((each) => each === 'refused')).toHaveLength(499);
  });

  it('closes at the first content of the probe', () => {
    const breaker = opened();
    const probe = begin(breaker, NOW + 1_000);
    expect(breaker.state(NOW + 1_000)).toBe('half-open');
    expect(breaker.began(probe, NOW + 1_100)).toBe('closed');
    expect(breaker.admit(NOW + 1_100)).toBe('go');
    expect(breaker.succeeded(probe, settings, NOW + 1_200)).toBeUndefined();
    expect(breaker.reason(NOW + 1_200)).toBeUndefined();
  });

  it('opens for twice as long each time its probe fails, up to a bound', () => {
    const breaker = opened();
    let now = NOW;
    for (const cooldown of [1_000, 2_000, 4_000, 5_000, 5_000]) {
      expect(breaker.retryAt(now)).toBe(now + cooldown);
      now += cooldown;
      expect(fail(breaker, now)).toBe('opened');
    }
  });

  it('opens again where the probe that closed it breaks off, for longer', () => {
    const breaker = opened();
    const probe = begin(breaker, NOW + 1_000);
    breaker.began(probe, NOW + 1_000);
    expect(breaker.failed(probe, settings, 'upstream_interrupted', NOW + 3_000, middle)).toBe('opened');
    expect(breaker.retryAt(NOW + 3_000)).toBe(NOW + 5_000);
  });

  it('heeds no call that began before', () => {
    const breaker = new Breaker(NOW);
    const old = Array.from({ length: 10 }, () => begin(breaker, NOW));
    for (let call = 0; call < 3; call++) fail(breaker, NOW);
    for (const entry of old.slice(0, 5)) fail(breaker, NOW + 500, entry);
    breaker.succeeded(old[5] ?? begin(breaker, NOW), settings, NOW + 600);
    expect(breaker.retryAt(NOW + 600)).toBe(NOW + 1_000);
    breaker.succeeded(begin(breaker, NOW + 1_000), settings, NOW + 1_000);
    for (const entry of old.slice(6)) expect(fail(breaker, NOW + 1_100, entry)).toBeUndefined();
    expect(breaker.state(NOW + 1_100)).toBe('closed');
  });

  it('is told nothing by calls that were made all the same', () => {
    const breaker = opened();
    const forced = { turn: breaker.turnOf('refused'), probe: breaker.probeOf('refused', NOW) };
    breaker.succeeded(forced, settings, NOW);
    expect(breaker.state(NOW)).toBe('open');
  });
});

describe('a probe', () => {
  it('that says nothing makes way for another one', () => {
    const breaker = opened();
    expect(breaker.release(begin(breaker, NOW + 1_000))).toBe(true);
    expect(breaker.state(NOW + 1_000)).toBe('half-open');
    expect(breaker.admit(NOW + 1_000)).toBe('probe');
  });

  it('that is lost makes way for another one after a minute, and counts no more once that has gone', () => {
    const breaker = opened();
    const lost = begin(breaker, NOW + 1_000);
    expect(breaker.admit(NOW + 1_000 + PROBE_LEASE - 1)).toBe('refused');
    const later = NOW + 1_000 + PROBE_LEASE;
    const next = begin(breaker, later);
    expect(next.probe).not.toBe(0);
    expect(breaker.began(lost, later)).toBeUndefined();
    expect(fail(breaker, later, lost)).toBeUndefined();
    expect(breaker.state(later)).toBe('half-open');
    expect(breaker.began(next, later)).toBe('closed');
  });

  it('that never begins makes way within a second', () => {
    const breaker = opened();
    expect(breaker.admit(NOW + 1_000)).toBe('probe');
    expect(breaker.admit(NOW + 1_999)).toBe('refused');
    expect(breaker.admit(NOW + 2_000)).toBe('probe');
  });

  it('lets those who are refused ask again in a second', () => {
    const breaker = opened();
    begin(breaker, NOW + 1_000);
    expect(breaker.retryAt(NOW + 1_000)).toBe(NOW + 2_000);
  });
});

describe('a rest', () => {
  it('refuses until it is over, and then lets everybody go', () => {
    const breaker = new Breaker(NOW);
    breaker.rest(2_000, NOW);
    expect(breaker.admit(NOW + 1_999)).toBe('refused');
    expect(breaker.retryAt(NOW)).toBe(NOW + 2_000);
    expect(breaker.reason(NOW)).toBe('upstream_rate_limited');
    expect(breaker.admit(NOW + 2_000)).toBe('go');
    expect(breaker.admit(NOW + 2_000)).toBe('go');
    expect(breaker.reason(NOW + 2_000)).toBeUndefined();
  });

  it('never becomes shorter, and counts neither as good nor as failed', () => {
    const breaker = new Breaker(NOW);
    fail(breaker, NOW);
    fail(breaker, NOW);
    breaker.rest(10_000, NOW);
    breaker.rest(1_000, NOW);
    expect(breaker.retryAt(NOW)).toBe(NOW + 10_000);
    expect(fail(breaker, NOW + 10_000)).toBe('opened');
  });
});

describe('a refused credential', () => {
  it('opens at once, for longer when it is refused again', () => {
    const breaker = new Breaker(NOW);
    const refuse = (now: number) => breaker.refusedCredential(begin(breaker, now), settings, 'upstream_credential', now, middle);
    expect(refuse(NOW)).toBe('opened');
    expect(breaker.retryAt(NOW)).toBe(NOW + 1_000);
    expect(refuse(NOW + 1_000)).toBe('opened');
    expect(breaker.retryAt(NOW + 1_000)).toBe(NOW + 3_000);
  });
});

describe('what others tell', () => {
  it('opens and closes it as it stands there', () => {
    const here = new Breaker(NOW);
    const there = opened();
    here.adopt(there.standing(NOW + 300), NOW + 5_000_000);
    expect(here.retryAt(NOW + 5_000_000)).toBe(NOW + 5_000_700);
    expect(here.reason(NOW + 5_000_000)).toBe(why);
    there.reset(NOW + 400);
    here.adopt(there.standing(NOW + 400), NOW + 5_000_100);
    expect(here.admit(NOW + 5_000_100)).toBe('go');
  });

  it('does not disturb a probe that is out', () => {
    const breaker = opened();
    const probe = begin(breaker, NOW + 1_000);
    breaker.adopt(opened().standing(NOW), NOW + 1_000);
    expect(breaker.admit(NOW + 3_000)).toBe('refused');
    expect(breaker.began(probe, NOW + 3_000)).toBe('closed');
  });

  it('gives way where somebody else may probe', () => {
    const breaker = opened();
    expect(breaker.admit(NOW + 1_000)).toBe('probe');
    breaker.yield(NOW + 1_000, 500);
    expect(breaker.admit(NOW + 1_499)).toBe('refused');
    expect(breaker.admit(NOW + 1_500)).toBe('probe');
  });
});
