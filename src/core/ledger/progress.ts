import type { Hold, LedgerStore, Progress } from './holds.ts';
import { estimateOf, isSound, rowOf, type UsageReport, type UsageRow } from './usage.ts';

// What is held and counted is the lease's affair: progress says which calls it is for, so that each has a row of its own
// even where nobody gives account of the lease.

/** Notes what became of the calls of leases. Rows of calls that have ended go out. Throws `RangeError` on numbers that cannot be true. */
export function progress(store: LedgerStore, told: readonly Progress[], now: number): void {
  store.willAsk?.(told.flatMap(({ ended }) => ended.map(({ id }) => id)));
  for (const { lease, number, begun, ended, left } of told) {
    if (![...begun, ...ended].every(({ usage }) => isSound(usage))) {
      throw new RangeError('The progress of a lease has numbers that cannot be true');
    }
    for (const { id, usage } of ended) recordEnded(store, id, usage, now);
    // A lease whose account has come needs none: its calls have ended or are held for.
    if (store.hold(lease)?.lease !== true) continue;
    const cost = ended.reduce((sum, { usage }) => sum + (usage.cost ?? 0), 0);
    store.putProgress(lease, number, { begun, over: [...ended.map(({ id }) => id), ...left], cost });
  }
}

/** The row of one call of a lease, unless it ended otherwise before. */
export function recordEnded(store: LedgerStore, id: string, usage: UsageReport, now: number): void {
  if (store.ended(id) === undefined) store.putRow(rowOf(id, usage, now));
}

/** Ends the calls of a lease that is lost, as they were estimated. Returns the row of what of the lease no call is known for. */
export function endLost(store: LedgerStore, lease: Hold, now: number): UsageRow {
  const told = store.progressOf(lease.id);
  const over = new Set(told.flatMap((each) => each.over));
  let known = told.reduce((sum, { cost }) => sum + cost, 0);
  // What was said of a call last counts: another target may have been asked than the first.
  const begun = new Map(told.flatMap((each) => each.begun).map((call) => [call.id, call.usage]));
  store.willAsk?.([...begun.keys()]);
  for (const [id, usage] of begun) {
    // One that was moved to other meters has a hold of its own.
    if (over.has(id) || store.ended(id) !== undefined || store.hold(id) !== undefined) continue;
    store.end(id, 'abandoned', now, estimateOf(id, usage, 'abandoned', now));
    known += usage.cost ?? 0;
  }
  const { cost } = lease.usage;
  const usage = cost === undefined ? lease.usage : { ...lease.usage, cost: Math.max(0, cost - known) };
  return estimateOf(lease.id, usage, 'lost', now);
}
