import type { Extended, Hold, LedgerStore, NewHold, Refusal, Reserved } from './holds.ts';
import { checkTakes, type HeldTake, meterKey, type Take } from './take.ts';
import { TouchedMeters } from './touched.ts';
import { isSound, type UsageDraft } from './usage.ts';

// Every function here is one synchronous turn over a store. Nothing may wait between what is read and what is written:
// with one `await` in between, a thousand calls at once all pass a limit of a hundred.

/** The longest that a hold may live without a word from its caller. */
const MOST_TTL = 24 * 3_600_000;

/** Holds from all meters, or from none. Throws `RangeError` on takes that no meter can count. */
export function reserve(store: LedgerStore, asked: NewHold, now: number): Reserved {
  return open(store, asked, now, 1, undefined);
}

/**
 * Deducts a block and lends it. Near a limit's end nothing is lent: `times` blocks must fit, so that what lies unused in
 * one place never keeps a call in another from what is left.
 */
export function borrow(store: LedgerStore, asked: NewHold, now: number, times: number): Reserved {
  return open(store, asked, now, times, true);
}

function open(store: LedgerStore, asked: NewHold, now: number, times: number, lease: true | undefined): Reserved {
  checkTakes(asked.takes);
  if (!isSound(asked.usage)) throw new RangeError('An estimate has numbers that cannot be true');
  const meters = new TouchedMeters(store, asked.takes, now);
  const generation = store.generation();
  const known = store.hold(asked.id);
  const refusal = known === undefined ? refusalOf(store, asked, generation, () => meters.refusal(asked.takes, times)) : undefined;
  if (refusal !== undefined) {
    // A block that is not lent keeps no call from anything.
    if (refusal.reason === 'limit' && lease === undefined) noteExhausted(meters, asked);
    return { allowed: false, generation, refusal, standings: meters.standings(asked.takes) };
  }
  if (known === undefined) {
    const takes = asked.takes.map((take) => meters.charge(take));
    meters.save(asked.usage.org);
    store.putHold(holdOf(asked, takes, now, lease));
  }
  return { allowed: true, generation, standings: meters.standings(asked.takes) };
}

export function holdOf({ id, subjects, generation, usage, ttl }: NewHold, takes: readonly HeldTake[], now: number, lease?: true): Hold {
  return { id, subjects, generation, takes, usage, expiresAt: now + boundedTtl(ttl), ...(lease === undefined ? {} : { lease }) };
}

function noteExhausted(meters: TouchedMeters, { takes, usage: { org }, yields = [] }: NewHold): void {
  meters.exhaust(
    takes.filter(({ unit }) => !yields.includes(unit)),
    org,
  );
  meters.save(org);
}

function boundedTtl(ttl: number): number {
  if (!(ttl > 0)) throw new RangeError(`A hold cannot live for ${ttl} ms`);
  return Math.ceil(Math.min(ttl, MOST_TTL));
}

function refusalOf(store: LedgerStore, asked: NewHold, generation: number, limits: () => Refusal | undefined): Refusal | undefined {
  if (store.ended(asked.id) !== undefined) return { reason: 'ended' };
  return stoppedBy(store, asked) ?? (asked.generation < generation ? { reason: 'outdated' } : limits());
}

function stoppedBy(store: LedgerStore, { subjects }: Pick<NewHold, 'subjects'>): Refusal | undefined {
  const subject = subjects.find((each) => store.isStopped(each));
  return subject === undefined ? undefined : { reason: 'stopped', subject };
}

/** Puts other takes in the place of a hold's, in one turn. What both have in common is not asked for again. */
export function move(store: LedgerStore, id: string, takes: readonly Take[], usage: UsageDraft, now: number): Reserved {
  checkTakes(takes);
  if (!isSound(usage)) throw new RangeError('An estimate has numbers that cannot be true');
  const generation = store.generation();
  const hold = store.hold(id);
  const meters = new TouchedMeters(store, [...takes, ...(hold?.takes ?? [])], now);
  const refuse = (refusal: Refusal): Reserved => ({ allowed: false, generation, refusal, standings: meters.standings(takes) });
  if (hold === undefined || hold.lease === true) return refuse({ reason: store.ended(id) === undefined ? 'unknown' : 'ended' });
  const stopped = stoppedBy(store, hold);
  if (stopped !== undefined) return refuse(stopped);

  const before = new Map(hold.takes.map((take) => [meterKey(take), take]));
  const plans = takes.map((take) => planMove(meters, take, before.get(meterKey(take))));
  const kept = new Set(plans.map(({ kept }) => kept));
  const refusal = meters.refusal(plans.flatMap(({ more }) => (more === undefined ? [] : [more])));
  if (refusal !== undefined) return refuse(refusal);

  for (const take of hold.takes) if (!kept.has(take)) meters.finish(take, 0);
  const held = plans.map(({ take, kept, more }) => {
    if (kept === undefined) return meters.charge(take);
    if (more !== undefined) meters.charge(more);
    else meters.finish({ ...kept, amount: kept.amount - take.amount }, 0);
    return { ...take, start: kept.start };
  });
  meters.save(usage.org);
  store.putHold({ ...hold, takes: held, usage });
  return { allowed: true, generation, standings: meters.standings(takes) };
}

interface MovePlan {
  readonly take: Take;
  /** What the hold has of the same meter and the same period. */
  readonly kept: HeldTake | undefined;
  /** What must be taken in addition. */
  readonly more: Take | undefined;
}

function planMove(meters: TouchedMeters, take: Take, held: HeldTake | undefined): MovePlan {
  const kept = held !== undefined && (take.window.kind === 'rate' || meters.at(take).start === held.start) ? held : undefined;
  if (kept === undefined) return { take, kept, more: take };
  return { take, kept, more: take.amount > kept.amount ? { ...take, amount: take.amount - kept.amount } : undefined };
}

/** Lets a hold live on, and says whether its call may. */
export function extend(store: LedgerStore, id: string, ttl: number, now: number): Extended {
  const hold = store.hold(id);
  if (hold === undefined) return { state: 'ended' };
  const expiresAt = Math.max(hold.expiresAt, now + boundedTtl(ttl));
  if (expiresAt > hold.expiresAt) store.putHold({ ...hold, expiresAt });
  const refusal = stoppedBy(store, hold);
  return refusal === undefined ? { state: 'open' } : { state: 'open', refusal };
}
