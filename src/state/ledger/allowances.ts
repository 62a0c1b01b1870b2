import type { Ended, Extended, NewHold, Reserved, ReservedCalls, Settlement } from '../../core/ledger/holds.ts';
import { meterKey, type Take } from '../../core/ledger/take.ts';
import type { UsageDraft } from '../../core/ledger/usage.ts';
import type { Clock } from '../../core/ports.ts';
import type { Lender } from './client.ts';
import { blockOf, isEven, Lease, MOST_CALLS } from './lease.ts';

/** Milliseconds for which calls take from a block: as long does a revocation take to be known here. */
const LIFE = 1_000;
/** Milliseconds after which the ledger counts a block as lost. */
const LOST = 15_000;
/** Calls of one second from which on a block is borrowed for the next: fewer are no dearer one by one. */
const HOT = 8;
/** Kinds of calls that are remembered, each of the same meters. */
const LANES = 500;

/** Calls that take from the same meters. */
interface Lane {
  lease: Lease | undefined;
  borrowing: boolean;
  /** Calls since the second began. */
  calls: number;
  since: number;
  /** Until when nothing is borrowed: near a limit's end nothing is lent. */
  notBefore: number;
}

export interface AllowanceOptions {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/**
 * What an isolate has borrowed of one organisation's limits. Where calls of the same meters come often, a block for the
 * next second of them is deducted from the ledger at once and held and settled here; the account goes back in one message
 * when the second is over. No limit is passed by it: what is lent is spent until it comes back, and an isolate that ends
 * without a word has spent it all. Everything else asks the ledger.
 */
export class Allowances {
  readonly #ledger: Lender;
  readonly #options: AllowanceOptions;
  readonly #lanes = new Map<string, Lane>();
  /** The lease that each open call takes from. */
  readonly #leaseOf = new Map<string, Lease>();

  constructor(ledger: Lender, options: AllowanceOptions) {
    this.#ledger = ledger;
    this.#options = options;
  }

  /** For one exchange: `after` keeps what goes on behind its response alive. */
  for(after: (work: Promise<unknown>) => void): ReservedCalls {
    return {
      reserve: (hold) => this.#reserve(hold, after),
      move: (id, takes, usage) => this.#move(id, takes, usage),
      settle: (id, settlement) => this.#settle(id, settlement),
      release: (id) => this.#release(id),
      extend: (id, ttl) => this.#extend(id, ttl),
    };
  }

  async #reserve(hold: NewHold, after: (work: Promise<unknown>) => void): Promise<Reserved> {
    const open = this.#leaseOf.get(hold.id);
    if (open !== undefined) return open.again();
    const lane = this.#laneOf(hold);
    const now = this.#options.clock.now();
    const here = lane.lease?.take(hold, now);
    if (here !== undefined && lane.lease !== undefined) {
      lane.calls += 1;
      this.#leaseOf.set(hold.id, lane.lease);
      return here;
    }
    const calls = count(lane, now);
    // Not waited for: this call asks for itself, and so do those that come before the block is here.
    if (calls >= HOT && !lane.borrowing && now >= lane.notBefore && isEven(hold)) {
      lane.borrowing = true;
      after(this.#borrow(lane, hold, Math.min(calls, MOST_CALLS)));
    }
    return this.#ledger.reserve(hold);
  }

  #laneOf(hold: NewHold): Lane {
    // Who knows less of the subjects must not take from what was lent to who knows more.
    const name = JSON.stringify([hold.generation, hold.subjects, hold.takes.map((take) => [meterKey(take), take.limit, take.burst])]);
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane: Lane = { lease: undefined, borrowing: false, calls: 0, since: this.#options.clock.now(), notBefore: 0 };
    if (this.#lanes.size >= LANES) this.#forgetOldest();
    this.#lanes.set(name, lane);
    return lane;
  }

  /** A lane that is forgotten gives its lease back all the same: whoever borrowed it waits for that. */
  #forgetOldest(): void {
    const [oldest] = this.#lanes.keys();
    if (oldest !== undefined) this.#lanes.delete(oldest);
  }

  async #borrow(lane: Lane, hold: NewHold, calls: number): Promise<void> {
    const { clock, newId, sleep } = this.#options;
    const asked = blockOf(hold, newId(), calls, LOST);
    // From before it is asked for: the ledger's time for it begins later, and so ends later.
    const until = clock.now() + LIFE;
    try {
      const granted = await this.#ledger.borrow(asked);
      if (!granted.allowed) {
        lane.notBefore = clock.now() + LIFE;
        return;
      }
      lane.lease = new Lease(asked, granted, until);
    } catch {
      // Whether it was lent is not known: then it is lost, and counts as spent.
      lane.notBefore = clock.now() + LIFE;
      return;
    } finally {
      lane.borrowing = false;
    }
    const { lease } = lane;
    await sleep(LIFE);
    if (lane.lease === lease) lane.lease = undefined;
    await this.#giveBack(lease);
  }

  async #giveBack(lease: Lease): Promise<void> {
    lease.returning = true;
    const open = lease.openIds;
    try {
      await this.#ledger.giveBack(lease.id, lease.account());
      // Ends that came meanwhile, and those that come while they are told.
      for (let next = lease.late.shift(); next !== undefined; next = lease.late.shift()) {
        if (next.settlement === undefined) await this.#ledger.release(next.id);
        else await this.#ledger.settle(next.id, next.settlement);
      }
    } catch (cause) {
      console.error(`The account of ${lease.id} could not be given; what was lent counts as spent`, cause);
    } finally {
      for (const id of open) this.#leaseOf.delete(id);
    }
  }

  async #settle(id: string, settlement: Settlement): Promise<Ended> {
    const lease = this.#leaseOf.get(id);
    if (lease === undefined) return this.#ledger.settle(id, settlement);
    if (lease.returning) return this.#later(lease, id, settlement);
    this.#leaseOf.delete(id);
    return lease.settle(id, settlement);
  }

  async #release(id: string): Promise<Ended> {
    const lease = this.#leaseOf.get(id);
    if (lease === undefined) return this.#ledger.release(id);
    if (lease.returning) return this.#later(lease, id, undefined);
    this.#leaseOf.delete(id);
    lease.drop(id);
    return { ending: 'released', now: true };
  }

  #later(lease: Lease, id: string, settlement: Settlement | undefined): Ended {
    const ending = settlement === undefined ? 'released' : 'settled';
    if (lease.late.some((each) => each.id === id)) return { ending, now: false };
    lease.late.push({ id, settlement });
    return { ending, now: true };
  }

  /**
   * Other meters are the ledger's to judge. It holds for them first, and the block is left only then: refused, the call
   * goes on as it was.
   */
  async #move(id: string, takes: readonly Take[], usage: UsageDraft): Promise<Reserved> {
    const lease = this.#leaseOf.get(id);
    const hold = lease === undefined || lease.returning ? undefined : lease.holdOf(id);
    if (lease === undefined || hold === undefined) return this.#ledger.move(id, takes, usage);
    const moved = await this.#ledger.reserve({ ...hold, takes, usage });
    if (!moved.allowed) return moved;
    // Given back meanwhile, the ledger may have come to know the call by its old takes first.
    if (lease.returning) return this.#ledger.move(id, takes, usage);
    lease.drop(id);
    this.#leaseOf.delete(id);
    return moved;
  }

  async #extend(id: string, ttl: number): Promise<Extended> {
    // What a block holds here the ledger holds soon, and for as long as the call asked for.
    return this.#leaseOf.has(id) ? { state: 'open' } : this.#ledger.extend(id, ttl);
  }
}

/** Calls of the last second, this one included. */
function count(lane: Lane, now: number): number {
  if (now - lane.since >= LIFE) {
    lane.since = now;
    lane.calls = 0;
  }
  lane.calls += 1;
  return lane.calls;
}
