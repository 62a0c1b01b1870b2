import { GatewayError } from '../../core/errors.ts';
import type { AuditEntry, AuditEvent, AuditHead } from '../../core/ledger/audit.ts';
import type { Account, Ended, Extended, NewHold, NewLease, Reserved, ReservedCalls, Settlement } from '../../core/ledger/holds.ts';
import type { Standing } from '../../core/ledger/meters.ts';
import { checkTakes, type Take } from '../../core/ledger/take.ts';
import type { UsageDraft } from '../../core/ledger/usage.ts';
import type { AuditPage } from './audit-log.ts';
import type { Ledger } from './ledger-object.ts';

/** What lends blocks. */
export interface Lender extends ReservedCalls {
  borrow(lease: NewLease): Promise<Reserved>;
  giveBack(lease: string, account: Account): Promise<Ended>;
}

/**
 * The ledger of one organisation, from afar. Everything that is asked carries an id of the caller's, so that it may be
 * asked again where the answer was lost: once, and never where the object is overloaded. What fails then throws
 * `overloaded`: a limit that cannot be asked counts as reached.
 */
export class LedgerClient implements Lender {
  readonly #namespace: DurableObjectNamespace<Ledger>;
  readonly #org: string;

  /** `org`: an organisation that exists. An object is made for every name that is asked for. */
  constructor(namespace: DurableObjectNamespace<Ledger>, org: string) {
    this.#namespace = namespace;
    this.#org = org;
  }

  /** Throws `RangeError` on takes that no meter can count, without asking. */
  async reserve(hold: NewHold): Promise<Reserved> {
    checkTakes(hold.takes);
    return this.#ask<Reserved>((ledger) => ledger.reserve(hold));
  }

  async move(id: string, takes: readonly Take[], usage: UsageDraft): Promise<Reserved> {
    checkTakes(takes);
    return this.#ask<Reserved>((ledger) => ledger.move(id, takes, usage));
  }

  settle(id: string, settlement: Settlement): Promise<Ended> {
    return this.#ask((ledger) => ledger.settle(id, settlement));
  }

  release(id: string): Promise<Ended> {
    return this.#ask((ledger) => ledger.release(id));
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

  look(takes: readonly Take[]): Promise<{ readonly generation: number; readonly standings: readonly Standing[] }> {
    return this.#ask((ledger) => ledger.look(takes));
  }

  /** Callers must read the subject anew: a key, an app, a team. Returns the generation that they must know. */
  revoke(subject: string): Promise<number> {
    return this.#ask((ledger) => ledger.revoke(subject));
  }

  stop(subject: string): Promise<number> {
    return this.#ask((ledger) => ledger.stop(subject));
  }

  /** Not asked again: an event that is told twice would stand there twice. Throws where it was not written down. */
  async audit(event: AuditEvent): Promise<AuditEntry> {
    return this.#stub().audit(event);
  }

  auditPage(before: number | undefined, limit: number): Promise<AuditPage> {
    return this.#ask((ledger) => ledger.auditPage(before, limit));
  }

  auditHead(): Promise<AuditHead> {
    return this.#ask((ledger) => ledger.auditHead());
  }

  async #ask<T>(question: (ledger: DurableObjectStub<Ledger>) => Promise<T>): Promise<T> {
    try {
      return await question(this.#stub());
    } catch (first) {
      if (isOverloaded(first)) throw unavailable(first);
      try {
        // A stub that has failed stays broken: a new one.
        return await question(this.#stub());
      } catch (second) {
        throw unavailable(second);
      }
    }
  }

  #stub(): DurableObjectStub<Ledger> {
    return this.#namespace.getByName(this.#org);
  }
}

/** developers.cloudflare.com/durable-objects/best-practices/error-handling: asking an overloaded object again makes it worse. */
const isOverloaded = (cause: unknown): boolean =>
  typeof cause === 'object' && cause !== null && 'overloaded' in cause && cause.overloaded === true;

const unavailable = (cause: unknown): GatewayError =>
  new GatewayError('overloaded', 'The limits of this organisation cannot be checked now. Try again in a moment.', { cause });
