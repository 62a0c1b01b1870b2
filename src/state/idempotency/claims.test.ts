import { env, runInDurableObject } from 'cloudflare:test';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Claims } from './claims.ts';
import type { Idempotency } from './idempotency-object.ts';

const LEASE = 20;
const KEEP = 100;
const ROOM = { items: 1_000, bytes: 1024 * 1024 };
const bytes = (text: string) => new TextEncoder().encode(text);

/** The claims of an owner of this test's own, whose time is told by it. */
function withClaims<T>(use: (claims: Claims, clock: { at: number }) => T): Promise<T> {
  return runInDurableObject(env.IDEMPOTENCY.getByName(crypto.randomUUID()), (_object: Idempotency, state) => {
    const clock = { at: 1_000 };
    return use(new Claims(state.storage.sql, { now: () => clock.at }), clock);
  });
}

type Step =
  | { readonly do: 'claim' | 'renew' | 'keep' | 'lose' | 'release'; readonly holder: number; readonly asks: number; readonly name: number }
  | { readonly do: 'time'; readonly ms: number };

const number = (max: number) => fc.integer({ min: 0, max });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('claim', 'renew', 'keep', 'lose', 'release'),
      holder: number(3),
      asks: number(1),
      name: number(1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('time'), ms: fc.constantFrom(1, 7, LEASE, KEEP) }) },
);

/** What a key is by the rules as they are told to callers, kept without a database. */
interface Known {
  holder?: number;
  asks: number;
  until: number;
  answer?: string | undefined;
}

/** What the claims say to a step, and what they must say. */
function told(
  claims: Claims,
  at: number,
  known: Map<number, Known>,
  each: Exclude<Step, { do: 'time' }>,
  run: string,
): [got: unknown, wanted: unknown] {
  const { name, holder, asks } = each;
  const [key, by] = [`${run} name-${name}`, `call-${holder}`];
  const now = known.get(name);
  const lives = now !== undefined && now.until > at;
  const holds = now !== undefined && now.holder === holder;
  switch (each.do) {
    case 'claim': {
      const verdict = claims.claim(key, `asks-${asks}`, by, LEASE);
      const got = verdict.state === 'done' ? new TextDecoder().decode(verdict.sealed) : verdict.state;
      if (lives && now.asks !== asks) return [got, 'mismatch'];
      if (lives && now.holder === undefined) return [got, now.answer ?? 'unkept'];
      if (lives && !holds) return [got, 'running'];
      known.set(name, { holder, asks, until: at + LEASE });
      return [got, 'new'];
    }
    case 'renew':
      if (holds) known.set(name, { ...now, until: at + LEASE });
      return [claims.renew(key, by, LEASE), holds];
    case 'release':
      if (holds) known.delete(name);
      return [claims.release(key, by), holds];
    default: {
      const answer = each.do === 'keep' ? `answer of ${by}` : undefined;
      if (holds) known.set(name, { asks: now.asks, until: at + KEEP, answer });
      return [claims.keep(key, by, answer === undefined ? undefined : bytes(answer), KEEP, ROOM), holds];
    }
  }
}

/** Takes the steps, each told as it must be, and never told to two callers that the key is theirs. */
function replay(steps: readonly Step[], claims: Claims, clock: { at: number }, run: string): void {
  const known = new Map<number, Known>();
  const working = new Map<number, { readonly holder: number; readonly until: number }>();
  for (const each of steps) {
    if (each.do === 'time') {
      clock.at += each.ms;
      continue;
    }
    const [got, wanted] = told(claims, clock.at, known, each, run);
    expect(got).toEqual(wanted);
    // By what the callers were told alone: who was told `new` works until it says otherwise or was silent too long.
    const other = working.get(each.name);
    if (got === 'new') expect(other === undefined || other.holder === each.holder || other.until <= clock.at).toBe(true);
    const { holder } = each;
    if (got === 'new' || (got === true && each.do === 'renew')) working.set(each.name, { holder, until: clock.at + LEASE });
    else if (got === true) working.delete(each.name);
  }
}

describe('claims', () => {
  it('are as told, in any order of events: never is a key held by two, and only its own answer is told', async () => {
    await withClaims((claims, clock) => {
      let runs = 0;
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
          runs += 1;
          replay(steps, claims, clock, `run-${runs}`);
        }),
        { numRuns: 300 },
      );
      expect(runs).toBe(300);
    });
  });

  it('hold an answer that is larger than one value of the database', async () => {
    const large = new Uint8Array(3 * 1024 * 1024 + 5).map((_, at) => at % 251);
    const verdict = await withClaims((claims) => {
      claims.claim('large', 'a', 'first', LEASE);
      claims.keep('large', 'first', large, KEEP, { ...ROOM, bytes: 2 * large.length });
      return claims.claim('large', 'a', 'second', LEASE);
    });
    expect(verdict.state === 'done' && Buffer.compare(verdict.sealed, large)).toBe(0);
  });

  it('let the oldest answers go where there is no room, and no call that runs', async () => {
    await withClaims((claims, clock) => {
      const room = { items: 3, bytes: 25 };
      claims.claim('running', 'a', 'slow', 10_000);
      for (const name of ['one', 'two', 'three']) {
        clock.at += 1;
        claims.claim(name, 'a', name, LEASE);
        claims.keep(name, name, bytes('ten bytes.'), KEEP, room);
      }
      expect(claims.size()).toEqual({ items: 3, bytes: 20 });
      expect(claims.claim('running', 'a', 'other', LEASE).state).toBe('running');
      expect(claims.claim('three', 'a', 'other', LEASE).state).toBe('done');
      expect(claims.claim('two', 'a', 'other', LEASE).state).toBe('done');
      expect(claims.claim('one', 'a', 'other', LEASE).state).toBe('new');
    });
  });

  it('leave nothing behind when they are over', async () => {
    await withClaims((claims, clock) => {
      claims.claim('done', 'a', 'x', LEASE);
      claims.keep('done', 'x', bytes('answer'), KEEP, ROOM);
      claims.claim('crashed', 'a', 'y', LEASE);
      expect(claims.nextEnd()).toBe(clock.at + LEASE);
      clock.at += LEASE;
      claims.sweep();
      expect(claims.size()).toEqual({ items: 1, bytes: 6 });
      clock.at += KEEP;
      claims.sweep();
      expect(claims.size()).toEqual({ items: 0, bytes: 0 });
      expect(claims.nextEnd()).toBeUndefined();
    });
  });
});
