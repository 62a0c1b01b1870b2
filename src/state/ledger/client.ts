import { TooLate, within } from '../../core/deadline.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { AuditEntry, AuditEvent, AuditHead } from '../../core/ledger/audit.ts';
import type { LedgerAnswer } from '../../core/ledger/batch.ts';
import type {
  Account,
  Ended,
  Extended,
  NewHold,
  NewLease,
  Progress,
  Pulse,
  Reserved,
  ReservedCalls,
  Settlement,
} from '../../core/ledger/holds.ts';
import type { Looked } from '../../core/ledger/meters.ts';
import { checkTakes, type Take } from '../../core/ledger/take.ts';
import type { UsageDraft } from '../../core/ledger/usage.ts';
import { systemClock } from '../ports.ts';
import type { WebhookEvent } from '../webhooks/payload.ts';
import type { Delivery } from './alerts.ts';
import type { ChangePlace } from './audit-log.ts';
import { Batches } from './batches.ts';
import type { Ledger } from './ledger-object.ts';

/** Milliseconds that an answer may take: a ledger that is slower than that is asked by nobody in vain for longer. */
const DEADLINE = 5_000;

/** What lends blocks. */
export interface Lender extends ReservedCalls {
  borrow(lease: NewLease): Promise<Reserved>;
  giveBack(lease: string, account: Account): Promise<Ended>;
  progress(told: readonly Progress[]): Promise<void>;
}

/**
 * The ledger of one organisation, from afar. Everything that is asked carries an id of the caller's, so that it may be
 * asked again where the answer was lost: once, and never where the object is overloaded. What fails then throws
 * `overloaded`: a limit that cannot be asked counts as reached.
 */
export class LedgerClient implements Lender {
  readonly #namespace: DurableObjectNamespace<Ledger>;
  readonly #org: string;
  readonly #batches = new Batches({
    send: (questions) => this.#ask<readonly LedgerAnswer[]>((ledger) => ledger.answerAll(questions)),
    now: () => systemClock.now(),
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  });

  /** `org`: an organisation that exists. An object is made for every name that is asked for. */
  constructor(namespace: DurableObjectNamespace<Ledger>, org: string) {
    this.#namespace = namespace;
    this.#org = org;
  }

  /** Throws `RangeError` on takes that no meter can count, without asking. */
  async reserve(hold: NewHold): Promise<Reserved> {
    checkTakes(hold.takes);
    return reservedOf(await this.#batches.ask({ ask: 'reserve', hold }));
  }

  async move(id: string, takes: readonly Take[], usage: UsageDraft): Promise<Reserved> {
    checkTakes(takes);
    return reservedOf(await this.#batches.ask({ ask: 'move', id, takes, usage }));
  }

  async settle(id: string, settlement: Settlement): Promise<Ended> {
    return endedOf(await this.#batches.tell({ ask: 'settle', id, settlement }));
  }

  async release(id: string): Promise<Ended> {
    return endedOf(await this.#batches.tell({ ask: 'release', id }));
  }

  extend(id: string, ttl: number): Promise<Extended> {
    return this.#ask((ledger) => ledger.extend(id, ttl));
  }

  borrow(lease: NewLease): Promise<Reserved> {
    return this.#ask<Reserved>((ledger) => ledger.borrow(lease));
  }

  giveBack(lease: string, account: Account): Promise<Ended> {
    return this.#ask((ledger) => ledger.giveBack(lease, account));
  }

  progress(told: readonly Progress[]): Promise<void> {
    return this.#ask((ledger) => ledger.progress(told));
  }

  look(takes: readonly Take[]): Promise<Looked> {
    return this.#ask((ledger) => ledger.look(takes));
  }

  /** Something in the organisation has changed: who asks must have been read at this generation at least. */
  changed(generation: number): Promise<void> {
    return this.#ask((ledger) => ledger.changed(generation));
  }

  stop(subject: string): Promise<void> {
    return this.#ask((ledger) => ledger.stop(subject));
  }

  /** Not asked again: a step that is told twice would count twice. */
  async repeats(run: string, step: string): Promise<number> {
    return this.#stub().repeats(run, step);
  }

  noteSteps(run: string, steps: readonly string[]): Promise<void> {
    return this.#ask((ledger) => ledger.noteSteps(run, steps));
  }

  stepsMade(run: string, steps: readonly string[]): Promise<readonly string[]> {
    return this.#ask((ledger) => ledger.stepsMade(run, steps));
  }

  pulse(): Promise<Pulse> {
    return this.#ask<Pulse>((ledger) => ledger.pulse());
  }

  /** `place`: where what it tells of takes effect. The same event of the same change is written once. */
  async audit(event: AuditEvent, place: ChangePlace = 'database'): Promise<AuditEntry> {
    const text = JSON.stringify(event);
    return JSON.parse(await this.#ask((ledger) => ledger.audit(text, place))) as AuditEntry;
  }

  /** Of what was done already: one entry, without an intent before it. The same event of the same change is written once. */
  async auditWhole(event: AuditEvent): Promise<AuditEntry> {
    const text = JSON.stringify(event);
    return JSON.parse(await this.#ask((ledger) => ledger.auditWhole(text))) as AuditEntry;
  }

  /** Entries after a number, oldest first. */
  async auditAfter(seq: number, limit: number): Promise<readonly AuditEntry[]> {
    return JSON.parse(await this.#ask((ledger) => ledger.auditAfter(seq, limit))) as readonly AuditEntry[];
  }

  auditHead(): Promise<AuditHead> {
    return this.#ask((ledger) => ledger.auditHead());
  }

  /** Not asked again: each time is a message of its own. */
  async announce(type: WebhookEvent, data: JsonObject): Promise<void> {
    await within(DEADLINE, this.#stub().announce(this.#org, type, JSON.stringify(data)));
  }

  deliveries(webhook: string, before: number | undefined, limit: number): Promise<readonly Delivery[]> {
    return this.#ask((ledger) => ledger.deliveries(webhook, before, limit));
  }

  /** Not asked again: each time is a message of its own. Throws `overloaded` where it may or may not have been sent. */
  async ping(webhook: string): Promise<Delivery | undefined> {
    try {
      return await this.#stub().ping(this.#org, webhook);
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  async #ask<T>(question: (ledger: DurableObjectStub<Ledger>) => Promise<T>): Promise<T> {
    try {
      return await within(DEADLINE, question(this.#stub()));
    } catch (first) {
      if (isOverloaded(first) || first instanceof TooLate) throw unavailable(first);
      try {
        // A stub that has failed stays broken: a new one.
        return await within(DEADLINE, question(this.#stub()));
      } catch (second) {
        throw unavailable(second);
      }
    }
  }

  #stub(): DurableObjectStub<Ledger> {
    return this.#namespace.getByName(this.#org);
  }
}

function reservedOf(answer: LedgerAnswer): Reserved {
  if ('reserved' in answer) return answer.reserved;
  throw new RangeError('problem' in answer ? answer.problem : 'The ledger answered another question');
}

function endedOf(answer: LedgerAnswer): Ended {
  if ('ended' in answer) return answer.ended;
  throw new RangeError('problem' in answer ? answer.problem : 'The ledger answered another question');
}

/** developers.cloudflare.com/durable-objects/best-practices/error-handling: asking an overloaded object again makes it worse. */
const isOverloaded = (cause: unknown): boolean =>
  typeof cause === 'object' && cause !== null && 'overloaded' in cause && cause.overloaded === true;

const unavailable = (cause: unknown): GatewayError =>
  new GatewayError('overloaded', 'The limits of this organisation cannot be checked now. Try again in a moment.', { cause });
