import type { Account, Ended, Ending, Hold, LedgerStore, NewHold, Settlement } from './holds.ts';
import { endLost, recordEnded } from './progress.ts';
import { holdOf } from './reserve.ts';
import { type Amounts, checkTakes, isWhole, meterKey, units } from './take.ts';
import { TouchedMeters } from './touched.ts';
import { estimateOf, isSound, rowOf, type UsageRow } from './usage.ts';

/** Ends a hold with what its call came to. Numbers that cannot be true are not counted: the estimate is. */
export function settle(store: LedgerStore, id: string, { actual, usage }: Settlement, now: number): Ended {
  const hold = store.hold(id);
  if (hold === undefined) return endedBefore(store, id);
  if (areAmounts(actual) && isSound(usage)) {
    close(store, hold, actual, 'settled', now, rowOf(id, usage, now));
    return { ending: 'settled', now: true };
  }
  close(store, hold, {}, 'settled', now, estimateOf(id, hold.usage, usage.status, now));
  return { ending: 'settled', now: true, rejected: true };
}

/** Ends a hold as if it had never been. */
export function release(store: LedgerStore, id: string, now: number): Ended {
  const hold = store.hold(id);
  if (hold === undefined) return endedBefore(store, id);
  close(store, hold, nothing, 'released', now, undefined);
  return { ending: 'released', now: true };
}

/** Ends holds that nobody ended in time, as they were estimated. Returns how many; fewer than `most` means that none is left. */
export function sweep(store: LedgerStore, now: number, most: number): number {
  const expired = store.expired(now, most);
  for (const hold of expired) {
    const row = hold.lease === true ? endLost(store, hold, now) : estimateOf(hold.id, hold.usage, 'abandoned', now);
    close(store, hold, {}, 'abandoned', now, row);
  }
  return expired.length;
}

/**
 * Takes the account of a lease: what was used counts, what was not comes back, and calls that go on are held for here.
 * A lease that counts as lost already stays so; its rows are kept all the same, and its open calls, which it has paid for.
 */
export function giveBack(store: LedgerStore, id: string, account: Account, now: number): Ended {
  const hold = store.hold(id);
  checkAccount(account);
  store.willAsk?.([...account.ended, ...account.open].map((each) => each.id));
  for (const each of account.ended) recordEnded(store, each.id, each.usage, now);
  const open = account.open.filter((each) => store.ended(each.id) === undefined && store.hold(each.id) === undefined);
  if (hold === undefined) {
    // An account that is told twice finds its calls here or ended; only those of a lease that was swept are new.
    for (const each of open) store.putHold(holdOf(each, [], now));
    return endedBefore(store, id);
  }
  const meters = new TouchedMeters(store, hold.takes, now);
  for (const take of hold.takes) {
    const still = open.map((call) => amountOf(call, meterKey(take)));
    const used = take.window.kind === 'held' ? 0 : (account.used[take.unit] ?? 0);
    meters.finish(
      take,
      still.reduce((sum, amount) => sum + amount, used),
    );
    for (const amount of still) meters.holdAgain({ ...take, amount });
  }
  meters.save(hold.usage.org);
  const starts = new Map(hold.takes.map((take) => [meterKey(take), take.start]));
  for (const call of open) {
    const takes = call.takes.flatMap((take) => {
      const start = starts.get(meterKey(take));
      return start === undefined ? [] : [{ ...take, start }];
    });
    store.putHold(holdOf(call, takes, now));
  }
  end(store, hold, 'released', now, undefined);
  return { ending: 'released', now: true };
}

/** Throws `RangeError` on numbers that cannot be true: the lease then counts as lost, which is never too little. */
function checkAccount({ used, ended, open }: Account): void {
  for (const { takes } of open) checkTakes(takes);
  if (areAmounts(used) && [...ended, ...open].every(({ usage }) => isSound(usage))) return;
  throw new RangeError('The account of a lease has numbers that cannot be true');
}

const amountOf = (call: NewHold, key: string): number => call.takes.find((take) => meterKey(take) === key)?.amount ?? 0;

function close(store: LedgerStore, hold: Hold, actual: Amounts, ending: Ending, now: number, row: UsageRow | undefined): void {
  const meters = new TouchedMeters(store, hold.takes, now);
  meters.finishAll(hold.takes, actual);
  meters.save(hold.usage.org);
  end(store, hold, ending, now, row);
}

function end(store: LedgerStore, hold: Hold, ending: Ending, now: number, row: UsageRow | undefined): void {
  store.dropHold(hold.id);
  if (hold.lease === true) store.dropProgress(hold.id);
  store.end(hold.id, ending, now, row);
}

const endedBefore = (store: LedgerStore, id: string): Ended => ({ ending: store.ended(id) ?? 'unknown', now: false });

const nothing: Amounts = Object.fromEntries(units.map((unit) => [unit, 0]));

const areAmounts = (amounts: Amounts): boolean => Object.values(amounts).every((amount) => amount === undefined || isWhole(amount));
