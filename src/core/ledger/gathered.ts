import type { ChangedMeter, EndedHold, Ending, Hold, LedgerStore, LedgerTables } from './holds.ts';
import type { Meter } from './meters.ts';
import type { UsageRow } from './usage.ts';

/**
 * Runs operations over a store whose meters, holds and ends are kept here until all are done, and written then: those
 * of one kind at once, and meters that many touch once. What fails in between has written none of these.
 */
export function gathered<T>(tables: LedgerTables, operation: (store: LedgerStore) => T): T {
  const store = new GatheredStore(tables);
  const result = operation(store);
  store.write();
  return result;
}

class GatheredStore implements LedgerStore {
  readonly #below: LedgerTables;
  readonly #meters = new Map<string, Meter | undefined>();
  readonly #changed = new Map<string, ChangedMeter>();
  /** Holds as they will stand; `null` where one that is stored goes. One that begins and ends in one turn is never stored. */
  readonly #holds = new Map<string, Hold | null>();
  readonly #endings = new Map<string, Ending | undefined>();
  readonly #ends: EndedHold[] = [];
  readonly #rows: UsageRow[] = [];

  constructor(below: LedgerTables) {
    this.#below = below;
  }

  write(): void {
    const below = this.#below;
    if (this.#changed.size > 0) below.putMeters([...this.#changed.values()]);
    const begun: Hold[] = [];
    const gone: string[] = [];
    for (const [id, hold] of this.#holds) {
      if (hold === null) gone.push(id);
      else begun.push(hold);
    }
    if (gone.length > 0) below.dropHolds(gone);
    if (begun.length > 0) below.putHolds(begun);
    if (this.#ends.length > 0) below.putEnds(this.#ends);
    if (this.#rows.length > 0) below.putRows(this.#rows);
  }

  meters(keys: readonly string[]): ReadonlyMap<string, Meter> {
    const unknown = keys.filter((key) => !this.#meters.has(key));
    if (unknown.length > 0) {
      const read = this.#below.meters(unknown);
      for (const key of unknown) this.#meters.set(key, read.get(key));
    }
    const found = new Map<string, Meter>();
    for (const key of keys) {
      const meter = this.#meters.get(key);
      if (meter !== undefined) found.set(key, meter);
    }
    return found;
  }

  putMeters(changed: readonly ChangedMeter[]): void {
    for (const each of changed) {
      const { start, spent, reserved, told } = each;
      this.#meters.set(each.key, told === undefined ? { start, spent, reserved } : { start, spent, reserved, told });
      this.#changed.set(each.key, each);
    }
  }

  hold(id: string): Hold | undefined {
    const here = this.#holds.get(id);
    return here === undefined ? this.#below.hold(id) : (here ?? undefined);
  }

  putHold(hold: Hold): void {
    this.#holds.set(hold.id, hold);
  }

  dropHold(id: string): void {
    if (this.#below.hold(id) === undefined) this.#holds.delete(id);
    else this.#holds.set(id, null);
  }

  /** What is stored: to be asked before anything else is done. */
  expired(now: number, most: number): readonly Hold[] {
    return this.#below.expired(now, most);
  }

  /** Reads how these ended, if they did, at once: they will be asked for one by one. */
  willAsk(ids: readonly string[]): void {
    const unknown = ids.filter((id) => !this.#endings.has(id));
    if (unknown.length === 0) return;
    const read = this.#below.endings(unknown);
    for (const id of unknown) this.#endings.set(id, read.get(id));
  }

  ended(id: string): Ending | undefined {
    if (!this.#endings.has(id)) this.#endings.set(id, this.#below.ended(id));
    return this.#endings.get(id);
  }

  end(id: string, ending: Ending, now: number, usage: UsageRow | undefined): void {
    this.#endings.set(id, ending);
    this.#ends.push({ id, ending, at: now, usage });
  }

  putRow(usage: UsageRow): void {
    this.#rows.push(usage);
  }

  putProgress: LedgerStore['putProgress'] = (lease, number, kept) => this.#below.putProgress(lease, number, kept);
  progressOf: LedgerStore['progressOf'] = (lease) => this.#below.progressOf(lease);
  dropProgress: LedgerStore['dropProgress'] = (lease) => this.#below.dropProgress(lease);
  generation: LedgerStore['generation'] = () => this.#below.generation();
  setGeneration: LedgerStore['setGeneration'] = (generation) => this.#below.setGeneration(generation);
  isStopped: LedgerStore['isStopped'] = (subject) => this.#below.isStopped(subject);
  stop: LedgerStore['stop'] = (subject, now) => this.#below.stop(subject, now);
  tell: LedgerStore['tell'] = (event) => this.#below.tell(event);
}
