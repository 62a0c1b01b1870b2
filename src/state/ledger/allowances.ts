import type { Ended, Extended, NewHold, Progress, Reserved, ReservedCalls, Settlement } from '../../core/ledger/holds.ts';
import { meterKey, type Take } from '../../core/ledger/take.ts';
import type { UsageDraft } from '../../core/ledger/usage.ts';
import type { Clock } from '../../core/ports.ts';
import type { Lender } from './client.ts';
import { blockOf, isEven, Lease, MOST_CALLS } from './lease.ts';
import { ProgressTeller } from './progress.ts';

/** Milliseconds for which calls take from a block: as long does a revocation take to be known here. */
const LIFE = 1_000;
/** Milliseconds after which the ledger counts a block as lost; where calls themselves count as abandoned sooner, so soon. */
const LOST = 15_000;
/** Calls of one second from which on a block is borrowed for the next: fewer are no dearer one by one. */
const HOT = 8;
/** Kinds of calls that are remembered, each of the same meters. */
const LANES = 500;

type After = (work: Promise<unknown>) => void;

/** Calls that take from the same meters. */
interface Lane {
  lease: Lease | undefined;
  /** What takes its place when it has come to its end. */
  next: Lease | undefined;
  borrowing: boolean;
  /** Calls since the second began, and of the one before. */
  calls: number;
  before: number;
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
 * without a word has spent it all. Of which calls, the ledger is told behind them (`ProgressTeller`). Everything else asks the
 * ledger.
 */
export class Allowances {
  readonly #ledger: Lender;
  readonly #options: AllowanceOptions;
  readonly #lanes = new Map<string, Lane>();
  /** The lane of calls that are alike, as the last of them named it. */
  readonly #alike = new WeakMap<object, { readonly generation: number; readonly subject: string | undefined; readonly lane: Lane }>();
  /** The lease that each open call takes from. */
  readonly #leaseOf = new Map<string, Lease>();
  readonly #leases = new Map<string, Lease>();
  readonly #progress: ProgressTeller;

  constructor(ledger: Lender, options: AllowanceOptions) {
    this.#ledger = ledger;
    this.#options = options;
    const { clock, sleep } = options;
    this.#progress = new ProgressTeller({ clock, sleep, tell: (told) => this.#tell(told) });
  }

  /** For one exchange: `after` keeps what goes on behind its response alive. */
  for(after: After): ReservedCalls {
    return {
      reserve: (hold, alike) => this.#reserve(hold, alike, after),
      move: (id, takes, usage) => this.#move(id, takes, usage, after),
      settle: (id, settlement) => this.#settle(id, settlement, after),
      release: (id) => this.#release(id, after),
      extend: (id, ttl) => this.#extend(id, ttl),
      kept: (id) => this.#progress.kept(id, after),
    };
  }

  async #reserve(hold: NewHold, alike: object | undefined, after: After): Promise<Reserved> {
    const open = this.#leaseOf.get(hold.id);
    if (open !== undefined) return open.again();
    const lane = alike === undefined ? this.#laneOf(hold) : this.#laneOfAlike(hold, alike);
    const now = this.#options.clock.now();
    const calls = count(lane, now);
    const here = this.#take(lane, hold, now);
    // Not waited for: the next block is here before this one is used up, and without one the call asks for itself.
    const isWanted = here === undefined || (lane.next === undefined && lane.lease?.isLow(now) === true);
    if (isWanted && calls >= HOT && !lane.borrowing && now >= lane.notBefore && isEven(hold)) {
      lane.borrowing = true;
      after(this.#borrow(lane, hold, Math.min(calls, MOST_CALLS)));
    }
    if (here !== undefined) return this.#begun(lane, hold, here, after);
    const asked = await this.#ledger.reserve(hold);
    if (asked.allowed || asked.refusal.reason !== 'limit') return asked;
    // What the ledger did not have may have been lent to this very place while the call waited for its answer.
    const lent = this.#take(lane, hold, this.#options.clock.now());
    return lent === undefined ? asked : this.#begun(lane, hold, lent, after);
  }

  #begun(lane: Lane, hold: NewHold, held: Reserved, after: After): Reserved {
    if (lane.lease === undefined) throw new Error('A call was held for in a block that is not there');
    this.#leaseOf.set(hold.id, lane.lease);
    this.#progress.begun(lane.lease.id, hold, after);
    return held;
  }

  /** From the block in use, or from the next one where that does not do. */
  #take(lane: Lane, hold: NewHold, now: number): Reserved | undefined {
    const here = lane.lease?.take(hold, now);
    if (here !== undefined || lane.next === undefined) return here;
    lane.lease = lane.next;
    lane.next = undefined;
    return lane.lease.take(hold, now);
  }

  async #tell(told: readonly Progress[]): Promise<void> {
    await this.#ledger.progress(told);
    for (const { lease, ended } of told) this.#leases.get(lease)?.rowsKept(ended.map(({ id }) => id));
  }

  #laneOfAlike(hold: NewHold, alike: object): Lane {
    const { generation, subjects } = hold;
    if (subjects.length > 1) return this.#laneOf(hold);
    const [subject] = subjects;
    const known = this.#alike.get(alike);
    if (known !== undefined && known.generation === generation && known.subject === subject) return known.lane;
    const lane = this.#laneOf(hold);
    this.#alike.set(alike, { generation, subject, lane });
    return lane;
  }

  #laneOf(hold: NewHold): Lane {
    // Who knows less of the subjects must not take from what was lent to who knows more.
    const takes = hold.takes.map((take) => [meterKey(take), take.limit, take.burst, take.soft, take.watched]);
    const name = JSON.stringify([hold.generation, hold.subjects, takes]);
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    const lane: Lane = {
      lease: undefined,
      next: undefined,
      borrowing: false,
      calls: 0,
      before: 0,
      since: this.#options.clock.now(),
      notBefore: 0,
    };
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
    const asked = blockOf(hold, newId(), calls, Math.min(LOST, hold.ttl));
    // From before it is asked for: the ledger's time for it begins later, and so ends later.
    const until = clock.now() + LIFE;
    let lease: Lease;
    try {
      const granted = await this.#ledger.borrow(asked);
      if (!granted.allowed) {
        lane.notBefore = clock.now() + LIFE;
        return;
      }
      lease = new Lease(asked, granted, until);
      this.#leases.set(asked.id, lease);
      if (lane.lease === undefined) lane.lease = lease;
      else lane.next = lease;
    } catch {
      // Whether it was lent is not known: then it is lost, and counts as spent.
      lane.notBefore = clock.now() + LIFE;
      return;
    } finally {
      lane.borrowing = false;
    }
    await sleep(LIFE);
    if (lane.lease === lease) lane.lease = undefined;
    if (lane.next === lease) lane.next = undefined;
    await this.#giveBack(lease);
  }

  async #giveBack(lease: Lease): Promise<void> {
    lease.returning = true;
    this.#leases.delete(lease.id);
    const open = lease.openIds;
    try {
      await this.#ledger.giveBack(lease.id, lease.account());
      // Ends that came meanwhile, and those that come while they are told: together, since they go in one message.
      while (lease.late.length > 0) await Promise.all(lease.late.splice(0).map((late) => this.#end(late)));
    } catch (cause) {
      console.error(`The account of ${lease.id} could not be given; what was lent counts as spent`, cause);
    } finally {
      for (const id of open) this.#leaseOf.delete(id);
    }
  }

  #end({ id, settlement }: Lease['late'][number]): Promise<Ended> {
    return settlement === undefined ? this.#ledger.release(id) : this.#ledger.settle(id, settlement);
  }

  async #settle(id: string, settlement: Settlement, after: After): Promise<Ended> {
    const lease = this.#leaseOf.get(id);
    if (lease === undefined) return this.#ledger.settle(id, settlement);
    if (lease.returning) return this.#later(lease, id, settlement);
    this.#leaseOf.delete(id);
    const { ended, usage } = lease.settle(id, settlement);
    if (ended.now) this.#progress.ended(lease.id, id, usage, after);
    return ended;
  }

  async #release(id: string, after: After): Promise<Ended> {
    const lease = this.#leaseOf.get(id);
    if (lease === undefined) return this.#ledger.release(id);
    if (lease.returning) return this.#later(lease, id, undefined);
    this.#leaseOf.delete(id);
    lease.drop(id);
    this.#progress.left(lease.id, id, after);
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
  async #move(id: string, takes: readonly Take[], usage: UsageDraft, after: After): Promise<Reserved> {
    const lease = this.#leaseOf.get(id);
    const hold = lease === undefined || lease.returning ? undefined : lease.holdOf(id);
    if (lease === undefined || hold === undefined) return this.#ledger.move(id, takes, usage);
    const here = lease.move(id, takes, usage);
    if (here !== undefined) {
      this.#progress.begun(lease.id, { id, usage }, after);
      return here;
    }
    const moved = await this.#ledger.reserve({ ...hold, takes, usage });
    if (!moved.allowed) return moved;
    // Given back meanwhile, the ledger may have come to know the call by its old takes first.
    if (lease.returning) return this.#ledger.move(id, takes, usage);
    lease.drop(id);
    this.#leaseOf.delete(id);
    this.#progress.left(lease.id, id, after);
    return moved;
  }

  async #extend(id: string, ttl: number): Promise<Extended> {
    // What a block holds here the ledger holds soon, and for as long as the call asked for.
    return this.#leaseOf.has(id) ? { state: 'open' } : this.#ledger.extend(id, ttl);
  }
}

/** Calls of this second so far or of the last one, whichever are more; this one included. */
function count(lane: Lane, now: number): number {
  const elapsed = now - lane.since;
  if (elapsed >= LIFE) {
    lane.before = elapsed < 2 * LIFE ? lane.calls : 0;
    lane.since = now;
    lane.calls = 0;
  }
  lane.calls += 1;
  return Math.max(lane.calls, lane.before);
}
