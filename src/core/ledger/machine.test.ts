import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LedgerEvent } from './alerts.ts';
import { MemoryStore } from './fakes.ts';
import type { Account, NewHold, Reserved } from './holds.ts';
import { Oracle, type OracleMeter, type OracleTake, type OracleWatch } from './oracle.ts';
import { progress } from './progress.ts';
import { borrow, extend, move, reserve } from './reserve.ts';
import { giveBack, release, settle, sweep } from './settle.ts';
import { type Amounts, meterKey, type Take, type Unit } from './take.ts';
import type { UsageReport } from './usage.ts';
import type { Window } from './windows.ts';

// Random histories of calls that overlap, repeat, come in another order, outlive restarts and see the clock jump, played
// to the ledger and to the oracle, which must agree after every step.

const kinds: readonly { readonly oracle: OracleMeter; readonly unit: Unit; readonly window: Window }[] = [
  { oracle: { kind: 'minute', length: 0 }, unit: 'usd', window: { kind: 'calendar', unit: 'minute', zone: 'UTC' } },
  { oracle: { kind: 'day', length: 0 }, unit: 'tokens', window: { kind: 'calendar', unit: 'day', zone: 'UTC' } },
  { oracle: { kind: 'always', length: 0 }, unit: 'tool-calls', window: { kind: 'always' } },
  { oracle: { kind: 'held', length: 0 }, unit: 'concurrent', window: { kind: 'held' } },
  { oracle: { kind: 'rate', length: 1_000 }, unit: 'requests', window: { kind: 'rate', milliseconds: 1_000 } },
  { oracle: { kind: 'rate', length: 7_000 }, unit: 'images', window: { kind: 'rate', milliseconds: 7_000 } },
];
const jumps = [0, 0, 1, 40, 333, 1_000, 2_500, 9_000, 61_000, -1, -500, -70_000, 0, 100, 86_400_000, 5];
const TTL = 30_000;
const NEAR = 3;
const START = Date.UTC(2026, 10, 21, 23, 58);
const usage = { requestId: 'req', startedAt: START, org: 'o', team: 't', app: 'a', keyId: 'k', cost: 1 };
const report = (): UsageReport => ({ ...usage, status: 'complete' });

/** The digits of one random number, low ones first. */
class Digits {
  #rest: number;
  constructor(number: number) {
    this.#rest = number;
  }
  next(below: number): number {
    const digit = this.#rest % below;
    this.#rest = Math.floor(this.#rest / below);
    return digit;
  }
}

const takeOf = ({ meter, limit, amount, soft, watches = [] }: OracleTake): Take => {
  const kind = kinds[meter];
  if (kind === undefined) throw new Error('no such meter');
  const watched = [false, true].flatMap((softly) => {
    const of = watches.filter((watch) => watch.soft === softly);
    const [first] = of;
    return first === undefined
      ? []
      : [{ limit: first.limit, at: of.map(({ part }) => part[0] / part[1]), ...(softly ? { soft: softly } : {}) }];
  });
  const alerting = { ...(soft === true ? { soft } : {}), ...(watched.length === 0 ? {} : { watched }) };
  return { level: 'key', subject: 'key_1', unit: kind.unit, window: kind.window, limit, amount, ...alerting };
};
/** What operators want to hear of a limit; some limits are soft, and some have a soft one beside them. */
const alertings: readonly ((limit: number) => Pick<OracleTake, 'soft' | 'watches'>)[] = [
  () => ({}),
  (limit) => ({ watches: watchesOf(limit, false, [1, 2], [4, 5], [1, 1]) }),
  (limit) => ({ soft: true, watches: watchesOf(limit, true, [1, 2], [1, 1], [3, 2]) }),
  (limit) => ({ watches: [...watchesOf(limit, false, [7, 100], [1, 1]), ...watchesOf(4, true, [1, 1])] }),
];
const watchesOf = (limit: number, soft: boolean, ...parts: OracleWatch['part'][]) => parts.map((part) => ({ limit, soft, part }));
const meterOf = (unit: Unit) => kinds.findIndex((kind) => kind.unit === unit);

function toldName(event: LedgerEvent): string {
  const meter = meterOf(event.unit);
  const length = { minute: 60_000, day: 86_400_000 }[String(kinds[meter]?.oracle.kind)] ?? 1;
  const what = event.type === 'budget.alert' ? `${event.soft === true ? 'soft ' : ''}${event.fraction}` : 'exhausted';
  return `${meter}/${event.start / length}/${what}`;
}

const byName = ([left]: readonly [string, unknown], [right]: readonly [string, unknown]) => (left < right ? -1 : left > right ? 1 : 0);

class History {
  store = new MemoryStore();
  readonly oracle = new Oracle(kinds.map(({ oracle }) => oracle));
  now = START;
  /** Leases of which the ledger was told that a call goes on. */
  readonly #begun = new Set<string>();

  step(number: number): void {
    const digits = new Digits(number);
    this.now += jumps[digits.next(jumps.length)] ?? 0;
    const kind = digits.next(17);
    const id = `h${digits.next(7)}`;
    if (kind < 5) this.#reserve(id, this.#takes(digits), false, digits.next(2) === 0 ? [] : ['usd', 'tokens']);
    else if (kind < 6) this.#reserve(id, this.#takes(digits), true, []);
    else if (kind < 9) this.#settle(id, digits);
    else if (kind < 10) this.#release(id);
    else if (kind < 12) this.#move(id, this.#takes(digits));
    else if (kind < 13) this.#giveBack(id, digits);
    else if (kind < 14) this.#sweep();
    else if (kind < 15) this.#extend(id);
    else if (kind < 16) this.#progress(id, digits);
    else this.#undo(id, digits);
    this.#compare();
  }

  #takes(digits: Digits): OracleTake[] {
    const mask = digits.next(1 << kinds.length);
    const limit = [3, 5, 8][digits.next(3)] ?? 3;
    const amount = digits.next(5);
    const alerting = digits.next(alertings.length);
    return kinds.flatMap(({ oracle }, meter) => {
      const told = oracle.kind === 'rate' || oracle.kind === 'held' ? {} : alertings[(alerting + meter) % alertings.length]?.(limit);
      // What a rate has drained depends on every limit it ever had: here it has one.
      const held = { meter, limit: oracle.kind === 'rate' ? 5 : limit, amount: (amount + meter) % 5, ...told };
      return (mask >> meter) & 1 ? [held] : [];
    });
  }

  #asked(id: string, takes: readonly OracleTake[]): NewHold {
    return { id, subjects: ['key:key_1'], generation: 0, takes: takes.map(takeOf), ttl: TTL, usage };
  }

  #reserve(id: string, takes: readonly OracleTake[], lease: boolean, yields: readonly Unit[]): void {
    const asked = { ...this.#asked(id, takes), yields };
    const times = lease ? NEAR : 1;
    const got = lease ? borrow(this.store, asked, this.now, NEAR) : reserve(this.store, asked, this.now);
    if (this.oracle.open.has(id)) expect(got.allowed).toBe(true);
    else if (this.oracle.over.has(id)) expect(got).toMatchObject({ allowed: false, refusal: { reason: 'ended' } });
    else {
      this.#judge(got, takes, times);
      if (got.allowed) this.oracle.hold(id, takes, this.now, this.now + TTL, lease);
      else if (!lease)
        this.oracle.refused(
          takes.filter(({ meter }) => !yields.includes(kinds[meter]?.unit ?? 'usd')),
          this.now,
        );
    }
  }

  #judge(got: Reserved, takes: readonly OracleTake[], times: number): void {
    const verdict = this.oracle.verdict(takes, this.now, times);
    if (verdict !== 'either') expect(got.allowed).toBe(verdict === 'yes');
  }

  #settle(id: string, digits: Digits): void {
    const drawn = digits.next(3 ** 6);
    const actual: { [unit in Unit]?: number } = {};
    kinds.forEach(({ unit }, meter) => {
      const digit = Math.floor(drawn / 3 ** meter) % 3;
      if (digit < 2) actual[unit] = digit * 4;
    });
    const ended = settle(this.store, id, { actual, usage: report() }, this.now);
    if (!this.oracle.open.has(id)) return void expect(ended.now).toBe(false);
    expect(ended).toEqual({ ending: 'settled', now: true });
    this.oracle.end(id, (meter) => actual[kinds[meter]?.unit ?? 'usd'], this.now, 'complete');
  }

  #release(id: string): void {
    const open = this.oracle.open.has(id);
    expect(release(this.store, id, this.now).now).toBe(open);
    if (open) this.oracle.end(id, () => 0, this.now, undefined);
  }

  #move(id: string, takes: readonly OracleTake[]): void {
    const got = move(this.store, id, takes.map(takeOf), usage, this.now);
    if (this.oracle.open.get(id)?.lease !== false) return void expect(got.allowed).toBe(false);
    this.#judge(got, this.oracle.moreFor(id, takes, this.now), 1);
    if (got.allowed) this.oracle.move(id, takes, this.now);
  }

  /** Gives back a lease of which half was used by a call that ended, and half is held by one that goes on. */
  #giveBack(id: string, digits: Digits): void {
    const held = this.store.hold(id);
    if (held?.lease !== true) return;
    const goesOn = digits.next(2) === 1 || this.#begun.has(id);
    const share = (amount: number) => Math.floor(amount / 2);
    const used: Amounts = Object.fromEntries(held.takes.map(({ unit, amount }) => [unit, share(amount)]));
    const takes = held.takes.map(({ start: _, ...take }) => ({ ...take, amount: share(take.amount) }));
    const open = goesOn ? [{ ...this.#asked(`${id}-on`, []), takes }] : [];
    const account: Account = { used, ended: [{ id: `${id}-done`, usage: report() }], open };
    giveBack(this.store, id, account, this.now);
    // Told twice, as after an answer that was lost.
    expect(giveBack(this.store, id, account, this.now).now).toBe(false);
    const usedBy = (meter: number) => used[kinds[meter]?.unit ?? 'usd'] ?? 0;
    const shares = new Map(held.takes.map(({ unit, amount }) => [meterOf(unit), share(amount)]));
    this.oracle.endLease(id, usedBy, goesOn ? [{ id: `${id}-on`, expiresAt: this.now + TTL, shares }] : [], this.now);
    this.#done(`${id}-done`, 'complete');
    // Progress that comes late says nothing new.
    progress(this.store, [this.#told(id, 1)], this.now);
  }

  #told = (lease: string, number: number) => ({
    ...{ lease, number, left: [], begun: [{ id: `${lease}-on`, usage }] },
    ended: [{ id: `${lease}-done`, usage: report() }],
  });

  #done(id: string, row: string): void {
    this.oracle.rows.set(id, row);
    this.oracle.over.add(id);
  }

  /** Of a lease one call has ended and one goes on: told once or twice. */
  #progress(id: string, digits: Digits): void {
    if (this.store.hold(id)?.lease !== true) return;
    for (let times = digits.next(2); times >= 0; times--) progress(this.store, [this.#told(id, digits.next(2))], this.now);
    this.#begun.add(id);
    this.#done(`${id}-done`, 'complete');
  }

  #extend(id: string): void {
    const open = this.oracle.open.get(id);
    expect(extend(this.store, id, TTL, this.now).state).toBe(open === undefined ? 'ended' : 'open');
    if (open !== undefined) open.expiresAt = Math.max(open.expiresAt, this.now + TTL);
  }

  #sweep(): void {
    const expired = [...this.oracle.open]
      .filter(([, { expiresAt }]) => expiresAt <= this.now)
      .sort(([, left], [, right]) => left.expiresAt - right.expiresAt);
    expect(sweep(this.store, this.now, 100)).toBe(expired.length);
    for (const [id, { lease }] of expired) {
      this.oracle.end(id, () => undefined, this.now, lease ? 'lost' : 'abandoned');
      if (lease && this.#begun.has(id)) this.#done(`${id}-on`, 'abandoned');
    }
  }

  /** A turn in the midst of which the object ends: what it wrote is undone, and what it told with it. */
  #undo(id: string, digits: Digits): void {
    const store = this.store.copy(digits.next(4));
    try {
      if (digits.next(2) === 0) settle(store, id, { actual: {}, usage: report() }, this.now);
      else reserve(store, this.#asked(id, this.#takes(digits)), this.now);
    } catch (cause) {
      expect(cause).toEqual(new Error('the object has ended'));
    }
  }

  #compare(): void {
    kinds.forEach(({ oracle }, meter) => {
      if (oracle.kind === 'rate') return;
      const key = meterKey(takeOf({ meter, limit: 1, amount: 0 }));
      const { spent, reserved } = this.store.meters([key]).get(key) ?? { spent: 0, reserved: 0 };
      const sums = this.oracle.sums(meter);
      if (sums.spent !== spent || sums.reserved !== reserved) expect({ key, spent, reserved }).toEqual({ key, ...sums });
    });
    if (this.store.told.length !== this.oracle.told.size) this.#compareTold();
    if (this.store.openHolds !== this.oracle.open.size) expect(this.store.openHolds).toBe(this.oracle.open.size);
    if (this.store.rows.length !== this.oracle.rows.size) expect(this.store.rows.map(({ id }) => id)).toEqual([...this.oracle.rows.keys()]);
  }

  /** Each thing once, when it came to be so, and with what stood there then. */
  #compareTold(): void {
    const told = this.store.told.map((event) => [toldName(event), { used: event.used, limit: event.limit }] as const);
    expect(told.toSorted(byName)).toEqual([...this.oracle.told].toSorted(byName));
  }

  /** In the end nothing is held, and every hold has the row that it must have. */
  finish(): void {
    this.now += 40 * 86_400_000;
    this.#sweep();
    this.#compare();
    expect(this.oracle.open.size).toBe(0);
    this.#compareTold();
    expect(new Map(this.store.rows.map(({ id, status }) => [id, status]))).toEqual(this.oracle.rows);
  }
}

describe('a ledger', () => {
  it('agrees with an account kept apart, in 20,000 histories', { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { maxLength: 40, size: 'max' }), (numbers) => {
        const history = new History();
        for (const number of numbers) history.step(number);
        history.finish();
      }),
      { numRuns: 20_000 },
    );
  });
});
