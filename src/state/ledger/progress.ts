import type { BegunCall, Progress } from '../../core/ledger/holds.ts';
import type { UsageReport } from '../../core/ledger/usage.ts';
import type { Clock } from '../../core/ports.ts';

/** Milliseconds for which calls are gathered before the ledger is told of them, where no answer waits for that. */
const GATHER = 50;
/** Milliseconds between two messages at least, where answers wait. */
const GAP = 5;
/** Milliseconds after which an answer that waits for another one to have the message sent has it sent itself: that request may have ended. */
const OVERDUE = 50;
/** Milliseconds for which an answer waits at most: what it costs is deducted, and only its row hangs on this. */
const PATIENCE = 1_000;

type After = (work: Promise<unknown>) => void;

/** What is said of one lease in one message. */
interface Said {
  readonly begun: Map<string, BegunCall>;
  readonly ended: Map<string, UsageReport>;
  readonly left: Set<string>;
}

/** What goes to the ledger in one message. */
interface Batch {
  readonly said: Map<string, Said>;
  /** Answers that wait. Each has a promise of its own: one that belongs to another request may end with that. */
  readonly waiting: (() => void)[];
  /** Whether an answer has begun to wait, and will have it sent. */
  wanted: boolean;
  sent: boolean;
  done: boolean;
}

export interface ProgressOptions {
  readonly clock: Clock;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly tell: (told: readonly Progress[]) => Promise<void>;
}

/**
 * Tells the ledger of the calls that an isolate lets through without asking it, those of all blocks together: behind the
 * calls, a message every 50 ms at most. A call that a provider takes longer over than that is known before its answer is
 * here; the answer of a faster one is held back until its message, which then goes at once, has been written down.
 */
export class ProgressTeller {
  readonly #options: ProgressOptions;
  /** The batch of each begun call that the ledger may not know of yet. */
  readonly #batchOf = new Map<string, Batch>();
  #gathering = newBatch();
  #number = 0;
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  begun(lease: string, { id, usage }: BegunCall, after: After): void {
    this.#of(lease, after).begun.set(id, { id, usage });
    this.#batchOf.set(id, this.#gathering);
  }

  ended(lease: string, id: string, usage: UsageReport, after: After): void {
    const said = this.#of(lease, after);
    said.begun.delete(id);
    said.ended.set(id, usage);
  }

  /** The lease does not hold for it any more. */
  left(lease: string, id: string, after: After): void {
    const said = this.#of(lease, after);
    if (said.begun.delete(id)) this.#batchOf.delete(id);
    else said.left.add(id);
  }

  /** Until the ledger knows of a call; `undefined` where it does. */
  kept(id: string, after: After): Promise<void> | undefined {
    const batch = this.#batchOf.get(id);
    return batch === undefined ? undefined : this.#wait(batch, after);
  }

  #of(lease: string, after: After): Said {
    const batch = this.#gathering;
    if (batch.said.size === 0) after(this.#later(batch));
    let said = batch.said.get(lease);
    if (said === undefined) {
      said = { begun: new Map(), ended: new Map(), left: new Set() };
      batch.said.set(lease, said);
    }
    return said;
  }

  async #later(batch: Batch): Promise<void> {
    await this.#options.sleep(GATHER);
    await this.#send(batch);
  }

  async #wait(batch: Batch, after: After): Promise<void> {
    const { clock, sleep } = this.#options;
    if (batch.sent) return Promise.race([woken(batch), sleep(PATIENCE)]);
    // One of those who wait has it sent for all: timers cost more than what is said.
    if (batch.wanted) await Promise.race([woken(batch), sleep(OVERDUE)]);
    else {
      batch.wanted = true;
      await sleep(Math.max(0, this.#sentAt + GAP - clock.now()));
    }
    if (batch.done) return;
    if (batch.sent) return Promise.race([woken(batch), sleep(PATIENCE)]);
    const sent = this.#send(batch);
    // Others wait for it too, also where this caller leaves.
    after(sent);
    return Promise.race([sent, sleep(PATIENCE)]);
  }

  async #send(batch: Batch): Promise<void> {
    if (batch.sent) return;
    batch.sent = true;
    if (this.#gathering === batch) this.#gathering = newBatch();
    this.#sentAt = this.#options.clock.now();
    try {
      await this.#options.tell(this.#toldOf(batch));
    } catch (cause) {
      // The account of each lease says it once more, and what is lent stays deducted until then.
      console.error('The ledger could not be told of calls that it has lent for', cause);
    } finally {
      batch.done = true;
      for (const { begun, ended } of batch.said.values()) {
        for (const id of [...begun.keys(), ...ended.keys()]) if (this.#batchOf.get(id) === batch) this.#batchOf.delete(id);
      }
      for (const wake of batch.waiting) wake();
    }
  }

  #toldOf(batch: Batch): readonly Progress[] {
    this.#number += 1;
    return Array.from(batch.said, ([lease, { begun, ended, left }]) => ({
      lease,
      number: this.#number,
      begun: [...begun.values()],
      ended: Array.from(ended, ([id, usage]) => ({ id, usage })),
      left: [...left],
    }));
  }
}

const woken = (batch: Batch): Promise<void> => new Promise((resolve) => void batch.waiting.push(resolve));

const newBatch = (): Batch => ({ said: new Map(), waiting: [], wanted: false, sent: false, done: false });
