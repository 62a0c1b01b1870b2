import type { LedgerAnswer, LedgerQuestion } from '../../core/ledger/batch.ts';

/** Questions of one message at most. */
const MOST = 128;
/** Milliseconds for which the end of a call waits for company: nobody waits for it. */
const GATHER = 10;
/** Milliseconds after which what another request asked counts as lost: that request may have been cancelled. */
const PATIENCE = 5_000;

export interface BatchesOptions {
  /** Asks the ledger. The same questions may be asked again: they carry ids. */
  readonly send: (questions: readonly LedgerQuestion[]) => Promise<readonly LedgerAnswer[]>;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

/** What a question is told: its answer, or that it is its turn to ask for itself and for those behind it. */
type Turn = { readonly answer: LedgerAnswer } | { readonly error: unknown } | 'lead' | 'late';

interface Waiting {
  readonly question: LedgerQuestion;
  wake(turn: Turn): void;
}

/**
 * Asks the ledger for many calls at once. The first question goes at once; those that come while it is on its way go
 * together when it is back, in the request of the first of them. So a call that comes alone waits for nobody, and under
 * load a message, a turn and a commit to disk serve many.
 */
export class Batches {
  readonly #options: BatchesOptions;
  readonly #queue: Waiting[] = [];
  /** Since when a message has been on its way. */
  #outSince: number | undefined;

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /** Rejects with what `send` rejects with. */
  async ask(question: LedgerQuestion): Promise<LedgerAnswer> {
    return this.#isOut() ? this.#follow(question, PATIENCE) : this.#lead(question);
  }

  /** For what nobody waits for: it goes with the next message, or soon with those that come meanwhile. */
  async tell(question: LedgerQuestion): Promise<LedgerAnswer> {
    // A timer costs as much as the rest: who finds others waiting goes with them.
    return this.#follow(question, this.#isOut() || this.#queue.length > 0 ? PATIENCE : GATHER);
  }

  #isOut(): boolean {
    return this.#outSince !== undefined && this.#options.now() - this.#outSince < PATIENCE;
  }

  async #follow(question: LedgerQuestion, patience: number): Promise<LedgerAnswer> {
    const { promise, resolve } = Promise.withResolvers<Turn>();
    const waiting: Waiting = { question, wake: resolve };
    this.#queue.push(waiting);
    let turn = await Promise.race([promise, this.#late(patience)]);
    if (turn === 'late' && patience < PATIENCE) {
      if (!this.#isOut() && this.#take(waiting)) return this.#lead(question);
      turn = await Promise.race([promise, this.#late(PATIENCE)]);
    }
    if (turn === 'lead') return this.#lead(question);
    if (turn === 'late') {
      this.#take(waiting);
      return this.#alone(question);
    }
    if ('error' in turn) throw turn.error;
    return turn.answer;
  }

  async #late(milliseconds: number): Promise<'late'> {
    await this.#options.sleep(milliseconds);
    return 'late';
  }

  /** Takes it out of the queue; whether it was there. */
  #take(waiting: Waiting): boolean {
    const at = this.#queue.indexOf(waiting);
    if (at >= 0) this.#queue.splice(at, 1);
    return at >= 0;
  }

  async #lead(question: LedgerQuestion): Promise<LedgerAnswer> {
    this.#outSince = this.#options.now();
    const others = this.#queue.splice(0, MOST - 1);
    try {
      const [own, ...rest] = await this.#options.send([question, ...others.map((each) => each.question)]);
      others.forEach(({ wake }, at) => {
        const answer = rest[at];
        wake(answer === undefined ? { error: new Error('The ledger has not answered') } : { answer });
      });
      if (own === undefined) throw new Error('The ledger has not answered');
      return own;
    } catch (error) {
      for (const { wake } of others) wake({ error });
      throw error;
    } finally {
      this.#outSince = undefined;
      this.#queue.shift()?.wake('lead');
    }
  }

  async #alone(question: LedgerQuestion): Promise<LedgerAnswer> {
    const [own] = await this.#options.send([question]);
    if (own === undefined) throw new Error('The ledger has not answered');
    return own;
  }
}
