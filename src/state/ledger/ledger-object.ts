import { DurableObject } from 'cloudflare:workers';
import type { AuditEntry, AuditEvent, AuditHead } from '../../core/ledger/audit.ts';
import type { Account, Ended, Extended, NewHold, NewLease, Reserved, Settlement } from '../../core/ledger/holds.ts';
import type { Standing } from '../../core/ledger/meters.ts';
import { borrow, extend, move, reserve, revoke, stop } from '../../core/ledger/reserve.ts';
import { giveBack, release, settle, sweep } from '../../core/ledger/settle.ts';
import { checkTakes, type Take } from '../../core/ledger/take.ts';
import { TouchedMeters } from '../../core/ledger/touched.ts';
import type { UsageDraft } from '../../core/ledger/usage.ts';
import { systemClock } from '../ports.ts';
import { AuditLog, type AuditPage } from './audit-log.ts';
import { Outbox } from './outbox.ts';
import { SqlStore } from './sql-store.ts';

export interface LedgerEnv {
  /** Where rows go. Without it they are let go once they cannot be told twice any more. */
  readonly DB?: D1Database;
}

/** Milliseconds for which rows are gathered before they go out. */
const GATHER = 2_000;
/** Milliseconds for which an end is remembered at least, so that telling it twice changes nothing. */
const REMEMBER = 3_600_000;
/** Milliseconds between two times of forgetting at least. */
const FORGET_EVERY = 600_000;
/** Holds that are swept in one turn. */
const SWEEP = 500;
/** So many blocks must fit for one to be lent. */
const NEAR = 4;
/** Milliseconds by which an alarm that comes a little late is left as it is: setting one is a row written. */
const LATE = 250;

/**
 * The limits, budgets and account of one organisation. Every operation is one synchronous turn in one transaction: what is
 * read is still so when it is written, and either all of it is kept or nothing.
 */
export class Ledger extends DurableObject<LedgerEnv> {
  #store: SqlStore;
  readonly #audit: AuditLog;
  readonly #outbox: Outbox;
  /** When the next alarm comes, so that it is not asked for again. */
  #alarmAt: number | undefined;
  #forgotAt = Number.NEGATIVE_INFINITY;
  /** Calls that were refused since the object was loaded. They cost nothing and leave nothing else. */
  #refused = 0;

  constructor(state: DurableObjectState, env: LedgerEnv) {
    super(state, env);
    this.#store = new SqlStore(state.storage.sql);
    this.#audit = new AuditLog(state.storage.sql);
    this.#outbox = new Outbox(env.DB, Math.random);
    state.blockConcurrencyWhile(async () => {
      this.#alarmAt = (await state.storage.getAlarm()) ?? undefined;
    });
  }

  reserve(hold: NewHold): Reserved {
    return this.#held(
      this.#turn((now) => reserve(this.#store, hold, now)),
      hold.ttl,
    );
  }

  /** A block for an isolate; refused near a limit's end, where the caller reserves each call instead. */
  borrow(lease: NewLease): Reserved {
    return this.#held(
      this.#turn((now) => borrow(this.#store, lease, now, NEAR)),
      lease.ttl,
    );
  }

  move(id: string, takes: readonly Take[], usage: UsageDraft): Reserved {
    return this.#counted(this.#turn((now) => move(this.#store, id, takes, usage, now)));
  }

  settle(id: string, settlement: Settlement): Ended {
    const ended = this.#turn((now) => settle(this.#store, id, settlement, now));
    if (ended.rejected) console.error(`The usage of ${id} could not be true; its estimate was counted`);
    if (ended.now) this.#drainSoon();
    return ended;
  }

  release(id: string): Ended {
    const ended = this.#turn((now) => release(this.#store, id, now));
    if (ended.now) this.#drainSoon();
    return ended;
  }

  giveBack(lease: string, account: Account): Ended {
    const ended = this.#turn((now) => giveBack(this.#store, lease, account, now));
    for (const { ttl } of account.open) this.#wakeBy(systemClock.now() + ttl);
    // Also where the lease was swept before: its rows are new.
    this.#drainSoon();
    return ended;
  }

  extend(id: string, ttl: number): Extended {
    return this.#turn((now) => extend(this.#store, id, ttl, now));
  }

  revoke(subject: string): number {
    return this.#turn(() => revoke(this.#store, subject));
  }

  stop(subject: string): number {
    return this.#turn(() => stop(this.#store, subject));
  }

  /** What stands at meters, without taking anything. */
  look(takes: readonly Take[]): { readonly generation: number; readonly standings: readonly Standing[] } {
    checkTakes(takes);
    const standings = new TouchedMeters(this.#store, takes, systemClock.now()).standings(takes);
    return { generation: this.#store.generation(), standings };
  }

  counts(): { readonly refused: number; readonly waiting: boolean } {
    return { refused: this.#refused, waiting: this.#store.hasWaiting() };
  }

  /** Appends to the audit. What it tells of must not be done before this has answered. */
  audit(event: AuditEvent): Promise<AuditEntry> {
    return this.#audit.append(event, systemClock.now());
  }

  /** Entries before a number, newest first. */
  auditPage(before: number | undefined, limit: number): AuditPage {
    return this.#audit.page(before, limit);
  }

  auditHead(): AuditHead {
    return this.#audit.head();
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = undefined;
    const now = systemClock.now();
    const swept = this.#turn(() => sweep(this.#store, now, SWEEP));
    const drainAt = await this.#outbox.drain(this.#store, now);
    this.#forget(now);
    this.#wakeBy(swept === SWEEP ? now : this.#store.nextExpiry());
    this.#wakeBy(drainAt);
  }

  #turn<T>(operation: (now: number) => T): T {
    try {
      return this.ctx.storage.transactionSync(() => operation(systemClock.now()));
    } catch (cause) {
      // What was undone in storage must not live on in memory.
      this.#store = this.#store.reload();
      throw cause;
    }
  }

  #held(reserved: Reserved, ttl: number): Reserved {
    if (reserved.allowed) this.#wakeBy(systemClock.now() + ttl);
    return this.#counted(reserved);
  }

  #counted(reserved: Reserved): Reserved {
    if (!reserved.allowed) this.#refused += 1;
    return reserved;
  }

  #drainSoon(): void {
    this.#wakeBy(Math.max(systemClock.now() + GATHER, this.#outbox.notBefore));
  }

  #forget(now: number): void {
    if (now < this.#forgotAt + FORGET_EVERY) return;
    this.#forgotAt = now;
    this.#turn(() => this.#store.forget(now - REMEMBER, now));
  }

  /** Not awaited: an alarm is written with what is written in the same turn, or not at all. */
  #wakeBy(at: number | undefined): void {
    if (at === undefined || (this.#alarmAt !== undefined && this.#alarmAt <= at + LATE)) return;
    this.#alarmAt = at;
    void this.ctx.storage.setAlarm(at);
  }
}
