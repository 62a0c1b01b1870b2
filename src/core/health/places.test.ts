import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorCodes, GatewayError } from '../errors.ts';
import { seededRandom } from '../fakes.ts';
import { type BreakerSettings, DEFAULT_BREAKER, placeName, type Try } from '../health.ts';
import { isMeant, Places, partsOf } from './places.ts';

const NOW = 1_800_000_000_000;
const settings: BreakerSettings = { ...DEFAULT_BREAKER, failures: 3, cooldown: 1_000, mostCooldown: 8_000 };
const place = placeName('mock', 'a', 'key');
const other = placeName('mock', 'b', 'key');
const own = placeName('mock', 'a', 'own');

function watched(most?: number) {
  let now = NOW;
  const places = new Places({ clock: { now: () => now }, random: () => 0.5, ...(most === undefined ? {} : { most }) });
  const begin = (at = place, set = settings) => places.begin(at, set, places.admit(at), 100, 60);
  return {
    places,
    begin,
    wait: (milliseconds: number) => {
      now += milliseconds;
    },
    fail: (code: ErrorCode, at = place, details = {}) => begin(at).failed(new GatewayError(code, 'x', details)),
  };
}

describe('a place', () => {
  it('is closed and idle while nothing is known of it', () => {
    const { places } = watched();
    expect(places.of(place)).toEqual({ state: 'closed', inFlight: 0 });
    expect(places.headroom(place)).toBeUndefined();
    expect(places.headroom(place, { tokens: 5 })).toEqual({ tokens: 5 });
    expect(places.retryAt(place)).toBeUndefined();
    expect(places.admit(place)).toBe('go');
  });

  it('tells how fast it answers and what is under way', () => {
    const { places, begin, wait } = watched();
    const trying = begin();
    expect(places.of(place).inFlight).toBe(1);
    wait(250);
    trying.began();
    wait(1_000);
    trying.ended(50);
    expect(places.of(place)).toEqual({ state: 'closed', inFlight: 0, firstTokenMs: 250, tokensPerSecond: 50 });
  });

  it('opens after failures and is found good again by one call', () => {
    const { places, begin, wait, fail } = watched();
    for (let call = 0; call < 3; call++) fail('upstream_unreachable');
    expect(places.of(place).state).toBe('open');
    expect(places.lastError(place)).toBe('upstream_unreachable');
    expect(places.retryAt(place)).toBe(NOW + 1_000);
    wait(1_000);
    expect(places.of(place).state).toBe('half-open');
    const admissions = Array.from({ length: 500 }, () => places.admit(place));
    expect(admissions.filter((each) => each !== 'refused')).toEqual(['probe']);
    places.begin(place, settings, 'probe').ended(1);
    expect(places.of(place).state).toBe('closed');
    begin().ended(1);
    expect(places.lastError(place)).toBeUndefined();
  });

  it('opens also where its answers break off after they began', () => {
    const { places, begin } = watched();
    for (let call = 0; call < 3; call++) {
      const trying = begin();
      trying.began();
      trying.failed(new GatewayError('upstream_interrupted', 'x'));
    }
    expect(places.of(place).state).toBe('open');
  });

  it('does not take a long answer that was not streamed for a slow one', () => {
    const { places, begin, wait } = watched();
    for (let at = 0; at < 20; at++) {
      const trying = begin(place, { ...settings, slow: 500 });
      wait(30_000);
      trying.ended(2_000);
    }
    expect(places.of(place).state).toBe('closed');
  });

  it('counts an answer that is too slow as failed, once', () => {
    const { places, begin, wait } = watched();
    const slow = { ...settings, slow: 500 };
    for (let call = 0; call < 3; call++) {
      expect(places.of(place).state).toBe('closed');
      const trying = begin(place, slow);
      wait(501);
      trying.began();
      trying.ended(5);
    }
    expect(places.of(place).state).toBe('open');
    const { places: once, begin: beginOnce, wait: waitOnce } = watched();
    for (let call = 0; call < 2; call++) {
      const trying = beginOnce(place, slow);
      waitOnce(501);
      trying.began();
      trying.failed(new GatewayError('upstream_interrupted', 'x'));
    }
    expect(once.of(place).state).toBe('closed');
  });

  it('is not asked again until its rate limit lets it', () => {
    const { places, wait, fail } = watched();
    fail('upstream_rate_limited', place, { retryAfter: 2 });
    expect(places.admit(place)).toBe('refused');
    expect(places.of(place).state).toBe('open');
    expect(places.lastError(place)).toBe('upstream_rate_limited');
    expect(places.retryAt(place)).toBe(NOW + 2_000);
    wait(2_000);
    expect([places.admit(place), places.admit(place)]).toEqual(['go', 'go']);
  });

  it('is closed to a credential that it refuses, and to that alone', () => {
    const { places, fail } = watched();
    fail('upstream_credential');
    expect(places.admit(place)).toBe('refused');
    expect(places.admit(placeName('mock', 'a', '2'))).toBe('go');
  });

  it('is never closed to others by what one caller brings', () => {
    const { places, fail } = watched();
    for (let call = 0; call < 50; call++) {
      fail('upstream_credential', own);
      fail('upstream_rate_limited', own, { retryAfter: 60 });
      fail('upstream_rejected', own);
      fail('upstream_rejected', place);
    }
    expect(places.admit(own)).toBe('go');
    expect(places.admit(place)).toBe('go');
    for (let call = 0; call < 3; call++) fail('upstream_overloaded', own);
    expect(places.admit(own)).toBe('refused');
  });

  it('lets another call find out where the one that should is the caller’s own fault, or left', () => {
    const { places, wait, fail, begin } = watched();
    for (let call = 0; call < 3; call++) fail('upstream_error');
    wait(1_000);
    fail('upstream_rejected');
    expect(places.of(place).state).toBe('half-open');
    begin().left();
    expect(places.admit(place)).toBe('probe');
  });

  it('ends a try once: what comes after its end counts for nothing', () => {
    const { places, begin } = watched();
    const trying = begin();
    trying.ended(1);
    for (let call = 0; call < 5; call++) trying.failed(new GatewayError('upstream_error', 'x'));
    trying.left();
    trying.began();
    expect(places.of(place)).toMatchObject({ state: 'closed', inFlight: 0 });
  });

  it('has what was bought, less what was sent and what its answers really took', () => {
    const { places, begin } = watched();
    const capacity = { tokens: 1_000, requests: 10 };
    const trying = begin();
    expect(places.headroom(place, capacity)).toEqual({ tokens: 900, requests: 9 });
    trying.ended(10);
    expect(places.headroom(place, capacity)).toEqual({ tokens: 950, requests: 9 });
    begin().failed(new GatewayError('upstream_overloaded', 'x'));
    expect(places.headroom(place, capacity)).toEqual({ tokens: 950, requests: 8 });
  });

  it('remembers what its vendor says is left', () => {
    const { places, begin } = watched();
    const trying = begin();
    trying.heard(new Headers({ 'x-ratelimit-remaining-tokens': '700', 'x-ratelimit-limit-tokens': '1000' }));
    begin();
    expect(places.headroom(place)).toEqual({ tokens: 600 });
  });
});

it('remembers so many places, and forgets the idlest first', () => {
  const { places, begin, wait, fail } = watched(50);
  for (let call = 0; call < 3; call++) fail('upstream_error');
  const busy = begin(other);
  for (let at = 0; at < 500; at++) {
    wait(1);
    begin(placeName('mock', `m${at}`, 'key')).ended(1);
  }
  expect([...places.records].length).toBeLessThanOrEqual(50);
  expect(places.of(place).state).toBe('open');
  expect(places.of(other).inFlight).toBe(1);
  busy.ended(1);
  for (let at = 0; at < 200; at++) begin(placeName('mock', `busy${at}`, 'key'));
  expect([...places.records].length).toBeLessThanOrEqual(50);
});

it('names of places are told apart and chosen by their parts', () => {
  expect(partsOf('azure/org/model#1#key')).toEqual({ provider: 'azure', model: 'org/model#1', credential: 'key' });
  expect(isMeant('azure/a#key', {})).toBe(true);
  expect(isMeant('azure/a#key', { provider: 'azure', credential: 'key' })).toBe(true);
  expect(isMeant('azure/a#key', { provider: 'azure', model: 'b' })).toBe(false);
});

it('a reset closes what is meant, and nothing else', () => {
  const { places, fail } = watched();
  for (let call = 0; call < 3; call++) {
    fail('upstream_error');
    fail('upstream_error', other);
  }
  places.reset({ model: 'a' });
  expect([places.admit(place), places.admit(other)]).toEqual(['go', 'refused']);
});

const codes = Object.keys(errorCodes) as ErrorCode[];
const harmless = codes.filter((code) => errorCodes[code].fault !== 'upstream');
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ begin: fc.constantFrom(place, other, own) }) },
  { weight: 3, arbitrary: fc.record({ end: fc.nat(20), how: fc.constantFrom('ended', 'left', 'began', ...codes) }) },
  { weight: 3, arbitrary: fc.record({ end: fc.nat(20), how: fc.constant<'upstream_error'>('upstream_error') }) },
  { weight: 2, arbitrary: fc.record({ wait: fc.oneof(fc.nat(2_000), fc.nat(100_000)) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Each> ? Each : never;

/** Plays the steps; returns how many probes there were, and the most that were out at once and had time left. */
function play(steps: readonly Step[]) {
  let now = NOW;
  const places = new Places({ clock: { now: () => now }, random: seededRandom(7) });
  const open: { readonly trying: Try; readonly at: string; readonly probe: boolean; readonly since: number }[] = [];
  let most = 0;
  let probes = 0;
  for (const each of steps) {
    if ('wait' in each) now += each.wait;
    else if ('begin' in each) {
      const admission = places.admit(each.begin);
      if (admission === 'refused') continue;
      if (admission === 'probe') probes += 1;
      open.push({ trying: places.begin(each.begin, settings, admission), at: each.begin, probe: admission === 'probe', since: now });
    } else if (open.length > 0) {
      const [one] = open.splice(each.end % open.length, 1);
      if (each.how === 'ended') one?.trying.ended(1);
      else if (each.how === 'left') one?.trying.left();
      else if (each.how === 'began') {
        one?.trying.began();
        if (one !== undefined && !one.probe) open.push(one);
      } else one?.trying.failed(new GatewayError(each.how, 'x'));
    }
    for (const at of [place, other, own]) {
      most = Math.max(most, open.filter((one) => one.probe && one.at === at && now - one.since < 60_000).length);
    }
  }
  return { most, probes };
}

describe('whatever happens', () => {
  it('no place has ever two probes out', () => {
    let tried = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const { most, probes } = play(steps);
        tried += probes;
        expect(most).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
    expect(tried).toBeGreaterThan(100);
  });

  it('what is not the fault of a place changes nothing of its state', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom<ErrorCode | 'left'>(...harmless, 'left'), { maxLength: 50 }), fc.boolean(), (faults, isOpen) => {
        const { places, wait, fail, begin } = watched();
        if (isOpen) {
          for (let call = 0; call < 3; call++) fail('upstream_error');
          wait(1_000);
        }
        const before = places.of(place);
        for (const fault of faults) {
          if (fault === 'left') begin().left();
          else fail(fault);
          expect(places.of(place)).toEqual(before);
        }
      }),
    );
  });

  it('what happens at one place changes nothing of another one', () => {
    const apart = (steps: readonly Step[]) => steps.filter((each) => !('end' in each));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, failures) => {
        const seen = [false, true].map((noisy) => {
          const { places, wait, fail } = watched();
          for (let call = 0; call < failures; call++) {
            fail('upstream_error', other);
            if (noisy)
              for (const each of apart(steps)) if ('begin' in each && each.begin !== other) fail('upstream_overloaded', each.begin);
            wait(10);
          }
          return places.of(other);
        });
        expect(seen[1]).toEqual(seen[0]);
      }),
    );
  });
});
