// The ledger told a second time, for tests: it keeps every charge there ever was and adds them up anew for each question.
// It shares no code with what it checks. Production code must not import this file.

export interface OracleMeter {
  readonly kind: 'minute' | 'day' | 'always' | 'held' | 'rate';
  /** Of rates: milliseconds in which a limit drains. */
  readonly length: number;
}

export interface OracleTake {
  readonly meter: number;
  readonly limit: number;
  readonly amount: number;
  /** It refuses nothing. */
  readonly soft?: boolean;
  readonly watches?: readonly OracleWatch[];
}

/** A part of a limit that must be told once in a period, when what is settled comes to it. */
export interface OracleWatch {
  readonly limit: number;
  readonly part: readonly [numerator: number, denominator: number];
  readonly soft: boolean;
}

/** What was told, and what it said. */
export interface OracleTold {
  readonly used: number;
  readonly limit: number;
}

/** A call that goes on when its lease ends, with its share of each meter. */
export interface OpenCall {
  readonly id: string;
  readonly expiresAt: number;
  readonly shares: ReadonlyMap<number, number>;
}

interface Charge {
  readonly owner: string;
  readonly meter: number;
  readonly period: number;
  readonly at: number;
  readonly limit: number;
  /** What was charged at first. */
  readonly most: number;
  /** What of it is held, or was until it ended. */
  amount: number;
  /** Undefined while it is held. */
  actual: number | undefined;
  /** As its call asked for them last. */
  watches: readonly OracleWatch[];
}

export class Oracle {
  readonly #meters: readonly OracleMeter[];
  readonly #charges: Charge[] = [];
  /** What was settled beyond what was held, at its time: rates count it then. */
  readonly #debts: { readonly meter: number; readonly at: number; readonly amount: number }[] = [];
  /** Of rates: the latest time at which each was touched, and whether anything ever came back to it. */
  readonly #latest: number[];
  readonly #refunded: boolean[];
  readonly open = new Map<string, { expiresAt: number; lease: boolean }>();
  readonly over = new Set<string>();
  readonly rows = new Map<string, string>();
  /** By meter, period and what was told: whatever was told twice would stand here once. */
  readonly told = new Map<string, OracleTold>();

  constructor(meters: readonly OracleMeter[]) {
    this.#meters = meters;
    this.#latest = meters.map(() => Number.NEGATIVE_INFINITY);
    this.#refunded = meters.map(() => false);
  }

  /** What the store must hold of a meter that does not drain: settled and held units of its latest period. */
  sums(meter: number): { readonly spent: number; readonly reserved: number } {
    const period = this.#periodNow(meter, Number.NEGATIVE_INFINITY);
    const charges = this.#charges.filter((charge) => charge.meter === meter && charge.period === period);
    const held = charges.filter(({ actual }) => actual === undefined);
    return {
      spent: this.#kind(meter) === 'held' ? 0 : charges.reduce((sum, { actual }) => sum + (actual ?? 0), 0),
      reserved: held.reduce((sum, { amount }) => sum + amount, 0),
    };
  }

  /** Whether takes must be admitted (`yes`), must not (`no`), or may be either: where a rate gave back what may have drained. */
  verdict(takes: readonly OracleTake[], now: number, times: number): 'yes' | 'no' | 'either' {
    const each = takes.map((take) => this.#verdictOf(take, now, times));
    if (each.includes('no')) return 'no';
    return each.includes('either') ? 'either' : 'yes';
  }

  #verdictOf({ meter, limit, amount, soft }: OracleTake, now: number, times: number): 'yes' | 'no' | 'either' {
    if (soft === true) return 'yes';
    if (this.#kind(meter) !== 'rate') return this.#usedAt(meter, now) + amount * times <= limit ? 'yes' : 'no';
    if (this.#levelOf(meter, limit, now, ({ most }) => most) + amount * times <= limit) return 'yes';
    const least = this.#levelOf(meter, limit, now, ({ amount: held, actual }) => Math.min(held, actual ?? held));
    return this.#refunded[meter] === true && least + amount * times <= limit ? 'either' : 'no';
  }

  /** Settled and held of a period that does not drain. */
  #usedAt(meter: number, now: number): number {
    const period = this.#periodNow(meter, now);
    const charges = this.#charges.filter((charge) => charge.meter === meter && charge.period === period);
    return charges.reduce(
      (sum, { amount: held, actual }) => sum + (actual === undefined ? held : this.#kind(meter) === 'held' ? 0 : actual),
      0,
    );
  }

  /** A call was refused: budgets that have no room for it are told of, where anything of them is used. */
  refused(takes: readonly OracleTake[], now: number): void {
    for (const take of takes) {
      const kind = this.#kind(take.meter);
      if (kind === 'rate' || kind === 'held' || this.#verdictOf(take, now, 1) === 'yes' || this.#usedAt(take.meter, now) === 0) continue;
      const period = this.#periodNow(take.meter, now);
      this.#tell(take.meter, period, 'exhausted', take.limit);
    }
  }

  #spentIn(meter: number, period: number): number {
    const charges = this.#charges.filter((charge) => charge.meter === meter && charge.period === period);
    return charges.reduce((sum, { actual }) => sum + (actual ?? 0), 0);
  }

  #tell(meter: number, period: number, what: string, limit: number): void {
    const name = `${meter}/${period}/${what}`;
    if (!this.told.has(name)) this.told.set(name, { used: this.#spentIn(meter, period), limit });
  }

  /** More was settled: whatever part of a limit that comes to is told, unless its period is over. */
  #watch(charges: readonly Charge[]): void {
    const [first] = charges;
    if (first === undefined || charges.every(({ actual }) => actual === undefined || actual === 0)) return;
    const { meter, period, watches } = first;
    if (period !== this.#periodNow(meter, Number.NEGATIVE_INFINITY)) return;
    for (const { limit, part, soft } of watches) {
      if (this.#spentIn(meter, period) * part[1] < part[0] * limit) continue;
      this.#tell(meter, period, `${soft ? 'soft ' : ''}${part[0] / part[1]}`, limit);
    }
  }

  /** The level of a bucket that drains evenly: the most, over all beginnings, of what came since less what can have drained. */
  #levelOf(meter: number, limit: number, now: number, count: (charge: Charge) => number): number {
    const at = Math.max(now, this.#latest[meter] ?? now);
    const events = [
      ...this.#charges.filter((charge) => charge.meter === meter).map((charge) => ({ at: charge.at, amount: count(charge) })),
      ...this.#debts.filter((debt) => debt.meter === meter),
    ];
    const length = this.#meters[meter]?.length ?? 1;
    const levels = events.map(({ at: begin }) => {
      const came = events.filter((event) => event.at >= begin).reduce((sum, { amount }) => sum + amount, 0);
      return came - (limit * (at - begin)) / length;
    });
    return Math.max(0, ...levels);
  }

  hold(owner: string, takes: readonly OracleTake[], now: number, expiresAt: number, lease: boolean): void {
    for (const take of takes) this.#charge(owner, take, now);
    this.open.set(owner, { expiresAt, lease });
  }

  #charge(owner: string, { meter, limit, amount, watches = [] }: OracleTake, now: number): void {
    const period = this.#periodNow(meter, now);
    const at = this.#touch(meter, now);
    this.#charges.push({ owner, meter, period, at, limit, most: amount, amount, actual: undefined, watches });
  }

  /** `actual` by meter; what it does not say counts as it was held. */
  end(owner: string, actual: (meter: number) => number | undefined, now: number, row: string | undefined): void {
    for (const meter of this.#meters.keys()) {
      const charges = this.#heldBy(owner, meter);
      let rest = actual(meter);
      charges.forEach((charge, index) => {
        const part = index === charges.length - 1 ? rest : rest === undefined ? undefined : Math.min(rest, charge.amount);
        if (rest !== undefined && part !== undefined) rest -= part;
        this.#close(charge, part ?? charge.amount, now);
      });
      this.#watch(charges);
    }
    this.#over(owner, row);
  }

  /** Ends a lease: what was used counts, and its open calls hold on in its place, as from when it was lent. */
  endLease(owner: string, used: (meter: number) => number, open: readonly OpenCall[], now: number): void {
    for (const charge of this.#charges.filter((each) => each.owner === owner && each.actual === undefined)) {
      for (const { id, shares } of open) this.#charges.push({ ...charge, owner: id, ...shared(shares.get(charge.meter)) });
      this.#close(charge, used(charge.meter), now);
      this.#watch([charge]);
    }
    for (const { id, expiresAt } of open) this.open.set(id, { expiresAt, lease: false });
    this.#over(owner, undefined);
  }

  #over(owner: string, row: string | undefined): void {
    this.open.delete(owner);
    this.over.add(owner);
    if (row !== undefined) this.rows.set(owner, row);
  }

  #close(charge: Charge, actual: number, now: number): void {
    const at = this.#touch(charge.meter, now);
    if (actual < charge.amount) this.#refunded[charge.meter] = true;
    if (actual > charge.amount) this.#debts.push({ meter: charge.meter, at, amount: actual - charge.amount });
    charge.actual = actual;
  }

  /** What `move` must ask for in addition: what is not held of the same meter and period already. */
  moreFor(owner: string, takes: readonly OracleTake[], now: number): OracleTake[] {
    return takes.flatMap((take) => {
      const kept = this.#keptBy(owner, take.meter, now);
      const more = take.amount - sumOf(kept);
      return kept.length === 0 || more > 0 ? [{ ...take, amount: more }] : [];
    });
  }

  move(owner: string, takes: readonly OracleTake[], now: number): void {
    const kept = new Map(takes.map((take) => [take, this.#keptBy(owner, take.meter, now)]));
    const stays = new Set([...kept.values()].flat());
    for (const charge of this.#charges.filter((each) => each.owner === owner && each.actual === undefined)) {
      if (!stays.has(charge)) this.#close(charge, 0, now);
    }
    for (const [take, charges] of kept) {
      const more = take.amount - sumOf(charges);
      for (const charge of charges) charge.watches = take.watches ?? [];
      if (charges.length === 0 || more > 0) this.#charge(owner, { ...take, amount: more }, now);
      else this.#cut(charges, -more, now);
    }
  }

  #cut(charges: readonly Charge[], less: number, now: number): void {
    let rest = less;
    for (const charge of charges.toReversed()) {
      const cut = Math.min(rest, charge.amount);
      rest -= cut;
      charge.amount -= cut;
      if (cut > 0) this.#refunded[charge.meter] = true;
      this.#touch(charge.meter, now);
    }
  }

  #heldBy(owner: string, meter: number): readonly Charge[] {
    return this.#charges.filter((each) => each.owner === owner && each.actual === undefined && each.meter === meter);
  }

  #keptBy(owner: string, meter: number, now: number): readonly Charge[] {
    const period = this.#periodNow(meter, now);
    return this.#heldBy(owner, meter).filter((charge) => charge.period === period);
  }

  #touch(meter: number, now: number): number {
    const at = Math.max(now, this.#latest[meter] ?? now);
    if (this.#kind(meter) === 'rate') this.#latest[meter] = at;
    return at;
  }

  #kind(meter: number): OracleMeter['kind'] {
    return this.#meters[meter]?.kind ?? 'always';
  }

  /** The period of the calendar that a new charge falls into: never an earlier one than there was. */
  #periodNow(meter: number, now: number): number {
    const kind = this.#kind(meter);
    if (kind !== 'minute' && kind !== 'day') return 0;
    const length = kind === 'minute' ? 60_000 : 86_400_000;
    const periods = this.#charges.filter((charge) => charge.meter === meter).map(({ period }) => period);
    return Math.max(Math.floor(now / length), ...periods);
  }
}

const sumOf = (charges: readonly Charge[]) => charges.reduce((sum, { amount }) => sum + amount, 0);

const shared = (amount = 0) => ({ most: amount, amount });
