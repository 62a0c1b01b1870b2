import type { Account, Ended, NewHold, Reserved, Settlement } from '../../core/ledger/holds.ts';
import type { Standing } from '../../core/ledger/meters.ts';
import { type Amounts, isWhole, meterKey, type Take, type Unit, units } from '../../core/ledger/take.ts';
import { isSound, type UsageDraft, type UsageReport } from '../../core/ledger/usage.ts';

/** Calls of one block at most. */
export const MOST_CALLS = 2_048;
/** Milliseconds before its end, and the part of it, from which on the next block is wanted. */
const SOON = 250;
const LITTLE = 0.3;
const FEW = 16;

/** A block that was borrowed: calls are held and settled against it here, without asking anybody. */
export class Lease {
  readonly id: string;
  /** Until when calls may take from it, by this isolate's clock. */
  readonly until: number;
  readonly #generation: number;
  readonly #standings: readonly Standing[];
  /** By the number of a unit: what was lent, what of it is neither held by open calls nor used by those that ended, and what those used. */
  readonly #lent = none();
  readonly #left = none();
  readonly #used = none();
  readonly #open = new Map<string, NewHold>();
  /** Rows of calls that ended, save those that the ledger has. */
  readonly #ended = new Map<string, UsageReport>();
  #calls = 0;
  /** Ends of calls that the ledger is just being told of: it must know the calls first. */
  readonly late: { readonly id: string; readonly settlement: Settlement | undefined }[] = [];
  /** Set once the account is on its way. */
  returning = false;

  constructor(asked: NewHold, granted: Reserved, until: number) {
    this.id = asked.id;
    this.until = until;
    this.#generation = granted.generation;
    this.#standings = granted.standings;
    for (const { unit, amount } of asked.takes) {
      this.#lent[numberOf[unit]] = amount;
      this.#left[numberOf[unit]] = amount;
    }
  }

  /** Holds for a call; `undefined` where what is left does not do. */
  take(hold: NewHold, now: number): Reserved | undefined {
    if (this.returning || now >= this.until) return undefined;
    if (this.#calls >= MOST_CALLS) return undefined;
    if (!this.#holds(hold)) return undefined;
    this.#calls += 1;
    return this.#answer();
  }

  /**
   * Holds otherwise for a call, of which another target will be asked; `undefined`, and all as it was, where that takes
   * from other meters or more than is left. Asking the ledger would need room for the call a second time.
   */
  move(id: string, takes: readonly Take[], usage: UsageDraft): Reserved | undefined {
    const before = this.#open.get(id);
    if (before === undefined || this.returning || !isAlike(before.takes, takes)) return undefined;
    this.drop(id);
    const moved = { ...before, takes, usage };
    if (isEven(moved) && this.#holds(moved)) return this.#answer();
    this.#holds(before);
    return undefined;
  }

  #holds(hold: NewHold): boolean {
    for (const { unit, amount } of hold.takes) if (amount > this.#leftOf(unit)) return false;
    this.#put(hold.takes, -1);
    this.#open.set(hold.id, hold);
    return true;
  }

  /** Whether it will soon be used up or over. */
  isLow(now: number): boolean {
    // A block for few calls is used up by few: what comes in between asks for itself.
    if (this.#calls < FEW) return false;
    if (now >= this.until - SOON || this.#calls >= MOST_CALLS * (1 - LITTLE)) return true;
    return this.#lent.some((lent, unit) => (this.#left[unit] ?? 0) < lent * LITTLE);
  }

  holdOf(id: string): NewHold | undefined {
    return this.#open.get(id);
  }

  /** The answer that a call got which is open. */
  again(): Reserved {
    return this.#answer();
  }

  /** Gives a call's hold back. */
  drop(id: string): NewHold | undefined {
    const hold = this.#open.get(id);
    if (hold === undefined) return undefined;
    this.#open.delete(id);
    this.#put(hold.takes, 1);
    return hold;
  }

  /** Ends a call of this lease. `usage` is what its row says. */
  settle(id: string, { actual, usage: told }: Settlement): { readonly ended: Ended; readonly usage: UsageReport } {
    const hold = this.drop(id);
    if (hold === undefined) return { ended: { ending: 'unknown', now: false }, usage: told };
    const sound = isSound(told) && areWhole(actual);
    this.#count(hold.takes, sound ? actual : {});
    const usage = sound ? told : { ...hold.usage, status: told.status, estimated: true };
    this.#ended.set(id, usage);
    return { usage, ended: sound ? { ending: 'settled', now: true } : { ending: 'settled', now: true, rejected: true } };
  }

  /** The ledger has these rows: the account needs not say them again. */
  rowsKept(ids: readonly string[]): void {
    for (const id of ids) this.#ended.delete(id);
  }

  /** What the ledger is told when the lease ends. */
  account(): Account {
    const ended = Array.from(this.#ended, ([id, usage]) => ({ id, usage }));
    const used = Object.fromEntries(units.map((unit) => [unit, this.#used[numberOf[unit]] ?? 0]));
    return { used, ended, open: [...this.#open.values()] };
  }

  get openIds(): readonly string[] {
    return [...this.#open.keys()];
  }

  #leftOf(unit: Unit): number {
    return this.#left[numberOf[unit]] ?? 0;
  }

  /** Takes from what is left, or puts back: as much of each meter of a unit is one amount of it. */
  #put(takes: readonly Take[], sign: 1 | -1): void {
    let seen = 0;
    for (const { unit, amount } of takes) {
      const at = numberOf[unit];
      if ((seen & (1 << at)) !== 0) continue;
      seen |= 1 << at;
      this.#left[at] = (this.#left[at] ?? 0) + sign * amount;
    }
  }

  /** Counts what a call came to, which is what it held where that is not told. */
  #count(takes: readonly Take[], actual: Amounts): void {
    let seen = 0;
    for (const { unit, amount } of takes) {
      const at = numberOf[unit];
      if (unit === 'concurrent' || (seen & (1 << at)) !== 0) continue;
      seen |= 1 << at;
      const used = actual[unit] ?? amount;
      this.#used[at] = (this.#used[at] ?? 0) + used;
      this.#left[at] = (this.#left[at] ?? 0) - used;
    }
  }

  /** What stood at the meters when the block was lent, and what of the block is left. */
  #answer(): Reserved {
    const standings = this.#standings.map((standing) => {
      const left = Math.max(0, this.#leftOf(standing.unit));
      return { ...standing, used: Math.max(0, standing.used - left), remaining: standing.remaining + left };
    });
    return { allowed: true, generation: this.#generation, standings };
  }
}

/** Units by number, so that what is counted of each is a place in a list. */
const numberOf: { readonly [unit in Unit]: number } = {
  requests: 0,
  tokens: 1,
  'tokens-in': 2,
  'tokens-out': 3,
  usd: 4,
  concurrent: 5,
  'tool-calls': 6,
  images: 7,
  seconds: 8,
};
const none = (): number[] => units.map(() => 0);

function areWhole(amounts: Amounts): boolean {
  for (const unit of units) if (amounts[unit] !== undefined && !isWhole(amounts[unit])) return false;
  return true;
}

/** Whether a call takes as much of each meter of a unit: else no one number per unit could stand for it. */
export function isEven({ takes }: NewHold): boolean {
  const amounts: { [unit in Unit]?: number } = {};
  return takes.every(({ unit, amount }) => {
    amounts[unit] ??= amount;
    return amounts[unit] === amount;
  });
}

/** Whether both take from the same meters, under the same limits. */
function isAlike(left: readonly Take[], right: readonly Take[]): boolean {
  const nameOf = (take: Take) => JSON.stringify([meterKey(take), take.limit, take.burst]);
  const known = new Set(left.map(nameOf));
  return left.length === right.length && right.every((take) => known.has(nameOf(take)));
}

/** So many calls like this one, as one block. */
export function blockOf(hold: NewHold, id: string, calls: number, ttl: number): NewHold {
  const cost = hold.takes.find(({ unit }) => unit === 'usd');
  const { org, team, app, keyId, startedAt } = hold.usage;
  const usage = { requestId: id, startedAt, org, team, app, keyId, ...(cost === undefined ? {} : { cost: cost.amount * calls }) };
  return { ...hold, id, ttl, usage, takes: hold.takes.map((take) => ({ ...take, amount: take.amount * calls })) };
}
