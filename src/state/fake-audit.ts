import { AUDIT_START, type AuditEntry, type AuditEvent, appended } from '../core/ledger/audit.ts';
import { AuditTrail, type Chain } from './audit-trail.ts';

/** Chains in memory, which can be made to fail. */
export class FakeChains {
  readonly #entries = new Map<string, AuditEntry[]>();
  readonly #now: () => number;
  #last: Promise<unknown> = Promise.resolve();
  /** Asked before each entry is written: throws where that one must not be. */
  before: (event: AuditEvent) => void | Promise<void> = () => undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly chain = (name: string): Chain => ({
    audit: async (event) => {
      await this.before(event);
      const entry = this.#last.then(async () => {
        const entries = this.of(name);
        const made = await appended(entries.at(-1) ?? AUDIT_START, event, this.#now());
        this.#entries.set(name, [...entries, made]);
        return made;
      });
      this.#last = entry;
      return entry;
    },
  });

  of(name: string): readonly AuditEntry[] {
    return this.#entries.get(name) ?? [];
  }

  trail(db: D1Database, actor = 'ann'): AuditTrail {
    return new AuditTrail({ db, chain: this.chain, actor, log: () => undefined });
  }
}
