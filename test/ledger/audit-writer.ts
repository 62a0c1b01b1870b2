import type { AuditCheckpoint } from '../../src/core/ledger/audit-checkpoint.ts';
import { verifyFile } from '../../src/core/ledger/audit-file.ts';
import { ADMIN_TOKEN } from './gateway-process.ts';

/** Changes something of an organisation again and again, and looks whether the audit's chain is whole and knows of it. */
export class AuditWriter {
  readonly #key: string;
  #written = 0;
  #running = false;
  #work: Promise<void> = Promise.resolve();
  #kept: AuditCheckpoint | undefined;
  /** What was wrong with the chain, each time that it was looked at. */
  readonly faults: string[] = [];
  /** Changes that were acknowledged. */
  acknowledged = 0;
  /** Entries of the chain when it was looked at last. */
  entries = 0;

  /** `key`: the id of the key whose metadata is changed. */
  constructor(key: string) {
    this.#key = key;
  }

  begin(url: string): void {
    this.#running = true;
    this.#work = this.#write(url);
  }

  end(): Promise<void> {
    this.#running = false;
    return this.#work;
  }

  async #write(url: string): Promise<void> {
    while (this.#running) {
      this.#written += 1;
      const body = JSON.stringify({ metadata: { written: this.#written } });
      const response = await fetch(`${url}/admin/v1/keys/${this.#key}`, { method: 'PATCH', headers: HEADERS, body }).catch(() => undefined);
      if (response === undefined) return;
      const whole = await response.text().catch(() => undefined);
      if (response.ok && whole !== undefined) this.acknowledged += 1;
    }
  }

  /** The chain must be whole, go on from where it was, and hold two entries at least for each acknowledged change. */
  async look(url: string): Promise<void> {
    const response = await fetch(`${url}/admin/v1/audit/export?org=dev`, { headers: HEADERS });
    const verdict = await verifyFile(new Uint8Array(await response.arrayBuffer()), { kept: this.#kept });
    if (!verdict.whole) {
      this.faults.push(`${verdict.fault} at entry ${verdict.seq} (line ${verdict.line}), status ${response.status}`);
      return;
    }
    this.#kept = verdict.checkpoint;
    this.entries = verdict.entries;
    if (verdict.entries < 2 * this.acknowledged)
      this.faults.push(`${verdict.entries} entries, and ${this.acknowledged} changes were acknowledged`);
  }
}

const HEADERS = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
