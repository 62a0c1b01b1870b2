import { DurableObject } from 'cloudflare:workers';
import type { JsonObject } from '../../core/json.ts';
import type { AuditEvent, AuditHead } from '../../core/ledger/audit.ts';
import { answerAll, type LedgerAnswer, type LedgerQuestion } from '../../core/ledger/batch.ts';
import { gathered } from '../../core/ledger/gathered.ts';
import type { Account, Ended, Extended, NewLease, Progress, Pulse, Reserved } from '../../core/ledger/holds.ts';
import type { Looked } from '../../core/ledger/meters.ts';
import { progress } from '../../core/ledger/progress.ts';
import { borrow, extend } from '../../core/ledger/reserve.ts';
import { giveBack, sweep } from '../../core/ledger/settle.ts';
import { checkTakes, type Take } from '../../core/ledger/take.ts';
import { TouchedMeters } from '../../core/ledger/touched.ts';
import { createEgress } from '../egress.ts';
import { systemClock } from '../ports.ts';
import type { WebhookEvent } from '../webhooks/payload.ts';
import { SigningSecrets } from '../webhooks/secrets.ts';
import { AlertLog, type Delivery } from './alerts.ts';
import { AuditLog, type ChangePlace } from './audit-log.ts';
import { Courier } from './courier.ts';
import { endOpenChanges, lookAt } from './open-changes.ts';
import { Outbox } from './outbox.ts';
import { RunSteps } from './run-steps.ts';
import { SqlStore } from './sql-store.ts';
import { StepCounts } from './step-counts.ts';

export interface LedgerEnv {
  /** Where rows go. Without it they are let go once they cannot be told twice any more. */
  readonly DB?: D1Database;
  /** What signing secrets of webhooks are sealed with, and what they were sealed with before. */
  readonly WEIR_SECRET?: string;
  readonly WEIR_SECRET_PREVIOUS?: string;
  /** `local` where loopback may be told too. */
  readonly WEIR_ENV?: string;
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
  readonly #steps = new StepCounts();
  readonly #made: RunSteps;
  readonly #outbox: Outbox;
  readonly #alerts: AlertLog;
  readonly #courier: Courier;
  /** When the next alarm comes, so that it is not asked for again. */
  #alarmAt: number | undefined;
  #forgotAt = Number.NEGATIVE_INFINITY;
  /** Calls that were refused since the object was loaded. They cost nothing, and the first of a budget is told of. */
  #refused = 0;
  #calls = 0;
  /** Alarms that were set: each is a row. */
  #alarms = 0;

  constructor(state: DurableObjectState, env: LedgerEnv) {
    super(state, env);
    this.#store = new SqlStore(state.storage.sql);
    this.#audit = new AuditLog(state.storage);
    this.#made = new RunSteps(state.storage.sql);
    this.#outbox = new Outbox(env.DB, Math.random);
    this.#alerts = new AlertLog(state.storage);
    this.#courier = courierOf(this.#alerts, env);
    state.blockConcurrencyWhile(async () => {
      this.#alarmAt = (await state.storage.getAlarm()) ?? undefined;
    });
  }

  /** What several calls ask, one after the other in one turn. */
  answerAll(questions: readonly LedgerQuestion[]): readonly LedgerAnswer[] {
    const answers = this.#turn((now) => answerAll(this.#store, questions, now));
    for (const [at, question] of questions.entries()) this.#follow(question, answers[at]);
    return answers;
  }

  /** A block for an isolate; refused near a limit's end, where the caller reserves each call instead. */
  borrow(lease: NewLease): Reserved {
    const lent = this.#turn((now) => borrow(this.#store, lease, now, NEAR));
    if (lent.allowed) this.#wakeBy(systemClock.now() + lease.ttl);
    return lent;
  }

  /** What became of calls of leases that go on. */
  progress(told: readonly Progress[]): void {
    this.#turn((now) => gathered(this.#store, (store) => progress(store, told, now)));
    if (told.some(({ ended }) => ended.length > 0)) this.#drainSoon();
  }

  giveBack(lease: string, account: Account): Ended {
    const ended = this.#turn((now) => gathered(this.#store, (store) => giveBack(store, lease, account, now)));
    for (const { ttl } of account.open) this.#wakeBy(systemClock.now() + ttl);
    // Also where the lease was swept before: its rows are new.
    this.#drainSoon();
    return ended;
  }

  extend(id: string, ttl: number): Extended {
    return this.#turn((now) => extend(this.#store, id, ttl, now));
  }

  /** Something in the organisation has changed: who asks must have been read at this generation at least. */
  changed(generation: number): void {
    this.#turn(() => this.#store.setGeneration(generation));
  }

  /** Ends a subject for good: a run that must not go on. */
  stop(subject: string): void {
    this.#turn((now) => this.#store.stop(subject, now));
  }

  /** How often a run has made the same step since the object was loaded, this time included. */
  repeats(run: string, step: string): number {
    return this.#steps.note(`${run} ${step}`);
  }

  /** Remembers that a run has made steps. */
  noteSteps(run: string, steps: readonly string[]): void {
    this.#turn((now) => this.#made.note(run, steps, now));
  }

  /** Those of the steps that the run has made. */
  stepsMade(run: string, steps: readonly string[]): readonly string[] {
    return this.#made.made(run, steps, systemClock.now());
  }

  pulse(): Pulse {
    return { generation: this.#store.generation(), stopped: this.#store.stopped() };
  }

  /** What stands at meters, without taking anything. */
  look(takes: readonly Take[]): Looked {
    checkTakes(takes);
    const touched = new TouchedMeters(this.#store, takes, systemClock.now());
    const held = takes.map((take) => (take.window.kind === 'rate' ? 0 : touched.at(take).reserved));
    return { generation: this.#store.generation(), standings: touched.standings(takes), held };
  }

  /** Since the object was loaded. `calls`: turns that were asked for, and alarms; `rows`: written to its storage. */
  counts(): { readonly refused: number; readonly waiting: boolean; readonly calls: number; readonly rows: number } {
    return { refused: this.#refused, waiting: this.#store.hasWaiting(), calls: this.#calls, rows: this.#store.rowsWritten + this.#alarms };
  }

  /**
   * Appends to the audit; what it tells of must not be done before this has answered. The same event of the same change is
   * written once. Events and entries go as JSON: as values of any depth they are beyond what the types of calls between
   * Workers can follow.
   */
  async audit(event: string, place: ChangePlace): Promise<string> {
    const now = systemClock.now();
    const entry = await this.#audit.append(JSON.parse(event) as AuditEvent, now, place);
    if (entry.phase === 'intent') this.#wakeBy(lookAt(now));
    return JSON.stringify(entry);
  }

  /** Appends what is told of after it was done, in one entry; once, where it is told twice. */
  async auditWhole(event: string): Promise<string> {
    return JSON.stringify(await this.#audit.appendWhole(JSON.parse(event) as AuditEvent, systemClock.now()));
  }

  /** Entries after a number, oldest first, as a list in JSON. */
  auditAfter(seq: number, limit: number): string {
    return JSON.stringify(this.#audit.after(seq, limit));
  }

  auditHead(): AuditHead {
    return this.#audit.head();
  }

  /** What went to a webhook or is on its way, below an id, newest first. */
  deliveries(webhook: string, before: number | undefined, limit: number): readonly Delivery[] {
    return this.#alerts.page(webhook, before, limit);
  }

  /** Sends a webhook of this organisation a message of no meaning, once; `undefined` where there is none. */
  ping(org: string, webhook: string): Promise<Delivery | undefined> {
    return this.#courier.ping(org, webhook);
  }

  /** Tells webhooks of this organisation what happened elsewhere. `data`: a JSON object. */
  async announce(org: string, type: WebhookEvent, data: string): Promise<void> {
    if ((await this.#courier.announce(org, type, JSON.parse(data) as JsonObject)) > 0) this.#wakeBy(systemClock.now());
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = undefined;
    const now = systemClock.now();
    const swept = this.#turn(() => gathered(this.#store, (store) => sweep(store, now, SWEEP)));
    const [drainAt, tellAt] = await Promise.all([this.#outbox.drain(this.#store, now), this.#courier.deliver()]);
    this.#forget(now);
    this.#wakeBy(swept === SWEEP ? now : this.#store.nextExpiry());
    this.#wakeBy(drainAt);
    this.#wakeBy(tellAt);
    this.#wakeBy(await endOpenChanges(this.#audit, this.env.DB, now));
  }

  #turn<T>(operation: (now: number) => T): T {
    this.#calls += 1;
    try {
      const result = this.ctx.storage.transactionSync(() => operation(systemClock.now()));
      if (this.#store.takeNews()) this.#drainSoon();
      return result;
    } catch (cause) {
      // What was undone in storage must not live on in memory.
      this.#store = this.#store.reload();
      throw cause;
    }
  }

  /** What an answer makes the object do later. */
  #follow(question: LedgerQuestion, answer: LedgerAnswer | undefined): void {
    if (answer === undefined || 'problem' in answer) return;
    if ('reserved' in answer) {
      if (question.ask === 'reserve') this.#held(answer.reserved, question.hold.ttl);
      else this.#counted(answer.reserved);
      return;
    }
    if (answer.ended.rejected && 'id' in question) console.error(`The usage of ${question.id} could not be true; its estimate was counted`);
    if (answer.ended.now) this.#drainSoon();
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
    this.#alerts.forget(now);
  }

  /** Not awaited: an alarm is written with what is written in the same turn, or not at all. */
  #wakeBy(at: number | undefined): void {
    if (at === undefined || (this.#alarmAt !== undefined && this.#alarmAt <= at + LATE)) return;
    this.#alarmAt = at;
    this.#alarms += 1;
    void this.ctx.storage.setAlarm(at);
  }
}

function courierOf(alerts: AlertLog, { DB: db, WEIR_SECRET, WEIR_SECRET_PREVIOUS, WEIR_ENV }: LedgerEnv): Courier {
  return new Courier(alerts, {
    db,
    egress: createEgress({ local: WEIR_ENV === 'local', selfHosts: [], instance: '' }),
    secrets: new SigningSecrets([WEIR_SECRET, WEIR_SECRET_PREVIOUS].flatMap((each) => each || [])),
    now: () => systemClock.now(),
    random: Math.random,
  });
}
