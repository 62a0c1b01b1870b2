import type { LedgerStore, Refusal } from './holds.ts';
import { charged, finished, fits, forgettableAt, freesAt, heldAgain, type Meter, meterAt, type Standing, standing } from './meters.ts';
import { type Amounts, type HeldTake, meterKey, type Take } from './take.ts';

/** The meters of one operation: read at once, changed in memory, and written at once where the operation goes through. */
export class TouchedMeters {
  readonly #store: LedgerStore;
  readonly #now: number;
  readonly #meters: Map<string, Meter>;
  readonly #changed = new Map<string, Take>();

  constructor(store: LedgerStore, takes: readonly Take[], now: number) {
    this.#store = store;
    this.#now = now;
    this.#meters = new Map(takes.length === 0 ? [] : store.meters(takes.map(meterKey)));
  }

  at(take: Take): Meter {
    return meterAt(take, this.#meters.get(meterKey(take)), this.#now);
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
    const after = finished(take, this.#meters.get(meterKey(take)), actual, this.#now);
    if (after !== undefined) this.#put(take, after);
  }

  /** Ends each take with what its unit really came to, or with what was held where that is not told. */
  finishAll(takes: readonly HeldTake[], actual: Amounts): void {
    for (const take of takes) this.finish(take, actual[take.unit] ?? take.amount);
  }

  holdAgain(take: HeldTake): void {
    const meter = this.#meters.get(meterKey(take));
    if (meter !== undefined) this.#put(take, heldAgain(take, meter));
  }

  standings(takes: readonly Take[]): readonly Standing[] {
    return takes.map((take) => standing(take, this.at(take), this.#now));
  }

  /** Writes what has changed. */
  save(): void {
    const changed = [...this.#changed].flatMap(([key, take]) => {
      const meter = this.#meters.get(key);
      return meter === undefined ? [] : [{ ...meter, key, idleAt: forgettableAt(take, meter, this.#now) }];
    });
    if (changed.length > 0) this.#store.putMeters(changed);
  }

  #put(take: Take, meter: Meter): void {
    const key = meterKey(take);
    this.#meters.set(key, meter);
    this.#changed.set(key, take);
  }
}
