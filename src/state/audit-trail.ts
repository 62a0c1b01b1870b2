import { randomBase62 } from '../core/base62.ts';
import { GatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { type AuditEntry, type AuditEvent, type AuditOutcome, DEPLOYMENT_CHAIN } from '../core/ledger/audit.ts';
import { canonicalJson, digestOf } from '../core/ledger/canonical.ts';
import { type AuditMark, markOf, noteOutcome, outcomeOf } from './ledger/audit-index.ts';
import type { ChangePlace } from './ledger/audit-log.ts';

/** A change as the audit tells of it. */
export interface AuditedChange {
  /** `key.create` */
  readonly action: string;
  /** The id of what is changed. */
  readonly subject: string;
  /** The id of an organisation that exists, or is being made; absent for what is the deployment's. */
  readonly org?: string | undefined;
  /** What was and what shall be. Never a secret, nor what one could be made from. */
  readonly detail: JsonObject;
}

export interface TrailOptions {
  readonly db: D1Database;
  /** The chain of an organisation or of the deployment. */
  readonly chain: (name: string) => Chain;
  /** Who makes the changes: an id. */
  readonly actor: string;
  readonly log: (message: string, cause: unknown) => void;
}

/** What a trail writes to. */
export interface Chain {
  audit(event: AuditEvent, place: ChangePlace): Promise<AuditEntry>;
}

/** Characters of what an entry tells at most; beyond that it tells the digest, and the row in D1 the rest. */
const MOST_DETAIL = 32_768;

/**
 * The way of every administrative change. Its intent is written into the chain first; where that fails, nothing is
 * changed. Then it is made, and the chain is told how it ended. What nobody could tell, because the Worker ended in between
 * or the chain did not answer, the ledger finds out by itself.
 */
export class AuditTrail {
  readonly actor: string;
  readonly #options: TrailOptions;

  constructor(options: TrailOptions) {
    this.actor = options.actor;
    this.#options = options;
  }

  /**
   * A change of the database. `apply` must write the mark into the table `audit` in the same batch: it is by that row that
   * the change is known to be made, and it stands in the way of one that was given up.
   */
  async inDatabase<T>(change: AuditedChange, apply: (mark: AuditMark) => Promise<T>): Promise<T> {
    const intent = await this.#begin(change, 'database');
    const mark = { ...markOf(intent), detail: change.detail };
    try {
      const result = await apply(mark);
      await this.#end(intent, 'done');
      return result;
    } catch (cause) {
      await this.#giveUp(intent, mark, cause);
      throw cause;
    }
  }

  /** A change of anything else. Where it fails and was not refused, whether it was made is not known. */
  async elsewhere<T>(change: AuditedChange, apply: () => Promise<T>): Promise<T> {
    const intent = await this.#begin(change, 'elsewhere');
    const mark = { ...markOf(intent), detail: change.detail };
    try {
      const result = await apply();
      await this.#note(intent, mark, 'done');
      return result;
    } catch (cause) {
      const refused = cause instanceof GatewayError && cause.fault === 'client';
      await this.#note(intent, mark, refused ? 'failed' : 'unknown', codeOf(cause));
      throw cause;
    }
  }

  async #begin({ action, subject, org, detail }: AuditedChange, place: ChangePlace): Promise<AuditEntry> {
    const chain = org ?? DEPLOYMENT_CHAIN;
    const change = `chg_${randomBase62(20)}`;
    const event = { chain, actor: this.actor, action, subject, change, phase: 'intent', detail: await within(detail) } as const;
    try {
      return await this.#options.chain(chain).audit(event, place);
    } catch (cause) {
      throw new GatewayError('overloaded', 'The audit cannot be written now, so nothing was changed. Try again in a moment.', { cause });
    }
  }

  async #giveUp(intent: AuditEntry, mark: AuditMark, cause: unknown): Promise<void> {
    try {
      await this.#end(intent, await outcomeOf(this.#options.db, mark), codeOf(cause));
    } catch (unknown) {
      this.#options.log(`How the change ${intent.change} ended is not known yet`, unknown);
    }
  }

  async #note(intent: AuditEntry, mark: AuditMark, outcome: AuditOutcome, code?: string): Promise<void> {
    try {
      await noteOutcome(this.#options.db, mark, outcome);
      await this.#end(intent, outcome, code);
    } catch (cause) {
      this.#options.log(`How the change ${intent.change} ended could not be noted`, cause);
    }
  }

  /** Never throws: the change is made by now, or it is not, and the ledger asks for what it was not told. */
  async #end({ chain, action, subject, change, seq }: AuditEntry, phase: AuditOutcome, code?: string): Promise<void> {
    const detail = { intent: seq, ...(phase === 'done' || code === undefined ? {} : { code }) };
    try {
      await this.#options.chain(chain).audit({ chain, actor: this.actor, action, subject, change, phase, detail }, 'database');
    } catch (cause) {
      this.#options.log(`The audit could not be told how the change ${change} ended; it looks itself in a minute`, cause);
    }
  }
}

const codeOf = (cause: unknown): string => GatewayError.from(cause).code;

async function within(detail: JsonObject): Promise<JsonObject> {
  const { length } = canonicalJson(detail);
  return length <= MOST_DETAIL ? detail : { digest: await digestOf(detail), length };
}
