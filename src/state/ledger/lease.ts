import type { Account, Ended, NewHold, Reserved, Settlement } from '../../core/ledger/holds.ts';
import type { Standing } from '../../core/ledger/meters.ts';
import { isWhole, type Unit } from '../../core/ledger/take.ts';
import { isSound } from '../../core/ledger/usage.ts';

/** Calls of one block at most: so many rows are lost with an isolate at most. */
export const MOST_CALLS = 256;

/** A block that was borrowed: calls are held and settled against it here, without asking anybody. */
export class Lease {
  readonly id: string;
  /** Until when calls may take from it, by this isolate's clock. */
  readonly until: number;
  readonly #generation: number;
  readonly #standings: readonly Standing[];
  readonly #lent: Map<Unit, number>;
  /** Of what was lent: held by open calls, and used by those that ended. */
  readonly #taken = new Map<Unit, number>();
  readonly #used = new Map<Unit, number>();
  readonly #open = new Map<string, NewHold>();
  readonly #ended: Account['ended'][number][] = [];
  /** Ends of calls that the ledger is just being told of: it must know the calls first. */
  readonly late: { readonly id: string; readonly settlement: Settlement | undefined }[] = [];
  /** Set once the account is on its way. */
  returning = false;

  constructor(asked: NewHold, granted: Reserved, until: number) {
    this.id = asked.id;
    this.until = until;
    this.#generation = granted.generation;
    this.#standings = granted.standings;
    this.#lent = new Map(asked.takes.map(({ unit, amount }) => [unit, amount]));
  }

  /** Holds for a call; `undefined` where what is left does not do. */
  take(hold: NewHold, now: number): Reserved | undefined {
    if (this.returning || now >= this.until) return undefined;
    if (this.#open.size + this.#ended.length >= MOST_CALLS) return undefined;
    const amounts = amountsOf(hold);
    for (const [unit, amount] of amounts) if (amount > this.#left(unit)) return undefined;
    for (const [unit, amount] of amounts) add(this.#taken, unit, amount);
    this.#open.set(hold.id, hold);
    return this.#answer();
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
    for (const [unit, amount] of amountsOf(hold)) add(this.#taken, unit, -amount);
    return hold;
  }

  settle(id: string, { actual, usage }: Settlement): Ended {
    const hold = this.drop(id);
    if (hold === undefined) return { ending: 'unknown', now: false };
    const sound = isSound(usage) && Object.values(actual).every((amount) => amount === undefined || isWhole(amount));
    for (const [unit, held] of amountsOf(hold)) {
      if (unit !== 'concurrent') add(this.#used, unit, (sound ? actual[unit] : undefined) ?? held);
    }
    this.#ended.push({ id, usage: sound ? usage : { ...hold.usage, status: usage.status, estimated: true } });
    return sound ? { ending: 'settled', now: true } : { ending: 'settled', now: true, rejected: true };
  }

  /** What the ledger is told when the lease ends. */
  account(): Account {
    return { used: Object.fromEntries(this.#used), ended: [...this.#ended], open: [...this.#open.values()] };
  }

  get openIds(): readonly string[] {
    return [...this.#open.keys()];
  }

  #left(unit: Unit): number {
    return (this.#lent.get(unit) ?? 0) - (this.#taken.get(unit) ?? 0) - (this.#used.get(unit) ?? 0);
  }

  /** What stood at the meters when the block was lent, and what of the block is left. */
  #answer(): Reserved {
    const standings = this.#standings.map((standing) => {
      const left = Math.max(0, this.#left(standing.unit));
      return { ...standing, used: Math.max(0, standing.used - left), remaining: standing.remaining + left };
    });
    return { allowed: true, generation: this.#generation, standings };
  }
}

/** What a call takes of each unit: the same of every meter of that unit. */
const amountsOf = (hold: NewHold): ReadonlyMap<Unit, number> => new Map(hold.takes.map(({ unit, amount }) => [unit, amount]));

/** Whether a call takes as much of each meter of a unit: else no one number per unit could stand for it. */
export function isEven({ takes }: NewHold): boolean {
  const amounts: { [unit in Unit]?: number } = {};
  return takes.every(({ unit, amount }) => {
    amounts[unit] ??= amount;
    return amounts[unit] === amount;
  });
}

/** So many calls like this one, as one block. */
export function blockOf(hold: NewHold, id: string, calls: number, ttl: number): NewHold {
  const cost = hold.takes.find(({ unit }) => unit === 'usd');
  const { org, team, app, keyId, startedAt } = hold.usage;
  const usage = { requestId: id, startedAt, org, team, app, keyId, ...(cost === undefined ? {} : { cost: cost.amount * calls }) };
  return { ...hold, id, ttl, usage, takes: hold.takes.map((take) => ({ ...take, amount: take.amount * calls })) };
}

function add(sums: Map<Unit, number>, unit: Unit, amount: number): void {
  sums.set(unit, (sums.get(unit) ?? 0) + amount);
}
