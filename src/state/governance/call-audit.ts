import { randomBase62 } from '../../core/base62.ts';
import { GatewayError } from '../../core/errors.ts';
import type { CallAudit, ToolCallEntry } from '../../core/governance.ts';
import type { AuditEntry, AuditEvent, AuditHead } from '../../core/ledger/audit.ts';
import type { Clock } from '../../core/ports.ts';
import { Snapshots } from '../../core/snapshots.ts';

/** What of an organisation's chain is needed here. */
export interface CallChain {
  /** Appends an event that is its own whole, once. */
  auditWhole(event: AuditEvent): Promise<AuditEntry>;
  auditHead(): Promise<AuditHead>;
}

/** Milliseconds for which a chain that has answered counts as there. */
const THERE = 10_000;
const REMEMBERED = 1_000;

/** Calls of tools, in the chains of their organisations. */
export class ChainedCallAudit implements CallAudit {
  readonly #chain: (org: string) => CallChain;
  readonly #clock: Clock;
  readonly #log: (message: string, cause: unknown) => void;
  /** When each has answered last. */
  readonly #answered = new Snapshots<number>(REMEMBERED);

  constructor(chain: (org: string) => CallChain, clock: Clock, log: (message: string, cause: unknown) => void) {
    this.#chain = chain;
    this.#clock = clock;
    this.#log = log;
  }

  async ready(org: string): Promise<void> {
    const last = this.#answered.get(org);
    if (last !== undefined && this.#clock.now() - last < THERE) return;
    try {
      await this.#chain(org).auditHead();
    } catch (cause) {
      throw new GatewayError('overloaded', 'The audit cannot be written now, so the tool was not called. Try again in a moment.', {
        cause,
      });
    }
    this.#answered.put(org, this.#clock.now());
  }

  async note({ org, actor, tool, isDone, detail }: ToolCallEntry): Promise<void> {
    const change = `chg_${randomBase62(20)}`;
    const phase = isDone ? 'done' : 'failed';
    try {
      await this.#chain(org).auditWhole({ chain: org, actor, action: 'tool.call', subject: tool, change, phase, detail });
      this.#answered.put(org, this.#clock.now());
    } catch (cause) {
      // The next call finds out whether the chain is there again before anything is called.
      this.#answered.delete(org);
      this.#log(`A call of a tool is not in the audit of ${org}: ${JSON.stringify({ actor, tool, phase, ...detail })}`, cause);
    }
  }
}
