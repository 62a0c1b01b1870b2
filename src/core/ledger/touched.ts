import { crossingsOf, EXHAUSTED, isBudget, type LedgerEvent } from './alerts.ts';
import type { LedgerStore, Refusal } from './holds.ts';
import {
  charged,
  finished,
  fits,
  forgettableAt,
  freesAt,
  heldAgain,
  type Meter,
  meterAt,
  resetOf,
  type Standing,
  standing,
} from './meters.ts';
import { type Amounts, type HeldTake, meterKey, type Take } from './take.ts';

/** The meters of one operation: read at once, changed in memory, and written at once where the operation goes through. */
export class TouchedMeters {
  readonly #store: LedgerStore;
  readonly #now: number;
  readonly #before: ReadonlyMap<string, Meter>;
  readonly #meters: Map<string, Meter>;
  readonly #events: LedgerEvent[] = [];
  readonly #changed = new Map<string, Take>();
  /** The meter of each take, written once. */
  readonly #keys = new Map<Take, string>();

  constructor(store: LedgerStore, takes: readonly Take[], now: number) {
    this.#store = store;
    this.#now = now;
    this.#before = takes.length === 0 ? new Map() : store.meters(takes.map((take) => this.#keyOf(take)));
    this.#meters = new Map(this.#before);
  }

  #keyOf(take: Take): string {
    let key = this.#keys.get(take);
    if (key === undefined) {
      key = meterKey(take);
      this.#keys.set(take, key);
    }
    return key;
  }

  at(take: Take): Meter {
    return meterAt(take, this.#meters.get(this.#keyOf(take)), this.#now);
  }

  /** The refusal that lasts longest among the takes that do not fit so many `times`; `undefined` where all fit. */
  refusal(takes: readonly Take[], times = 1): Refusal | undefined {
    let worst: { readonly refusal: Refusal; readonly until: number } | undefined;
    for (const take of takes) {
      const meter = this.at(take);
      if (fits(take, meter, times)) continue;
      const frees = freesAt(take, meter, this.#now);
      const until = frees ?? Number.POSITIVE_INFINITY;
      if (worst !== undefined && worst.until >= until) continue;
      const { level, subject, unit, window, limit, amount } = take;
      const { used } = standing(take, meter, this.#now);
      const about = { reason: 'limit', level, subject, unit, window, limit, used, asked: amount } as const;
      worst = { until, refusal: frees === undefined ? about : { ...about, freesAt: frees } };
    }
    return worst?.refusal;
  }

  charge(take: Take): HeldTake {
    const meter = this.at(take);
    this.#put(take, charged(take, meter));
    return { ...take, start: meter.start };
  }

  finish(take: HeldTake, actual: number): void {
    const after = finished(take, this.#meters.get(this.#keyOf(take)), actual, this.#now);
    if (after !== undefined) this.#put(take, after);
  }

  /** Ends each take with what its unit really came to, or with what was held where that is not told. */
  finishAll(takes: readonly HeldTake[], actual: Amounts): void {
    for (const take of takes) this.finish(take, actual[take.unit] ?? take.amount);
  }

  holdAgain(take: HeldTake): void {
    const meter = this.#meters.get(this.#keyOf(take));
    if (meter !== undefined) this.#put(take, heldAgain(take, meter));
  }

  standings(takes: readonly Take[]): readonly Standing[] {
    return takes.map((take) => standing(take, this.at(take), this.#now));
  }

  /**
   * Notes that budgets refuse a call: those that do not fit, each the first time in its period. One of which nothing is
   * used is not exhausted, it is only smaller than the call.
   */
  exhaust(takes: readonly Take[], org: string): void {
    for (const take of takes) {
      const meter = this.at(take);
      const { spent, reserved, told = [] } = meter;
      if (!isBudget(take) || fits(take, meter) || spent + reserved === 0 || told.includes(EXHAUSTED)) continue;
      const about = { ...this.#about(take, meter, org), limit: take.limit, held: reserved, asked: take.amount };
      this.#events.push({ type: 'budget.exhausted', ...about });
      this.#put(take, { ...meter, told: [...told, EXHAUSTED] });
    }
  }

  /** Writes what has changed, and what is to be told of it. */
  save(org: string): void {
    for (const [key, take] of this.#changed) this.#cross(key, take, org);
    const changed = [...this.#changed].flatMap(([key, take]) => {
      const meter = this.#meters.get(key);
      return meter === undefined ? [] : [{ ...meter, key, idleAt: forgettableAt(take, meter, this.#now) }];
    });
    if (changed.length > 0) this.#store.putMeters(changed);
    for (const event of this.#events.splice(0)) this.#store.tell(event);
  }

  /** Where more is settled now than before: what is reached by it. */
  #cross(key: string, take: Take, org: string): void {
    const meter = this.#meters.get(key);
    if (meter === undefined || take.watched === undefined) return;
    if (meter.spent <= (this.#before.get(key)?.spent ?? 0)) return;
    const crossings = crossingsOf(take, meter);
    if (crossings.length === 0) return;
    for (const { mark: _, ...crossing } of crossings) {
      this.#events.push({ type: 'budget.alert', ...this.#about(take, meter, org), ...crossing });
    }
    this.#meters.set(key, { ...meter, told: [...(meter.told ?? []), ...crossings.map(({ mark }) => mark)] });
  }

  #about(take: Take, meter: Meter, org: string) {
    const { level, subject, unit, window } = take;
    const resetsAt = resetOf(take, meter, this.#now);
    const about = { org, at: this.#now, level, subject, unit, window, used: meter.spent, start: meter.start };
    return resetsAt === undefined ? about : { ...about, resetsAt };
  }

  #put(take: Take, meter: Meter): void {
    const key = this.#keyOf(take);
    this.#meters.set(key, meter);
    this.#changed.set(key, take);
  }
}
