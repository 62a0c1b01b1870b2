import type { ChangedMeter, Ended, LedgerStore, NewHold, Reserved, Settlement } from './holds.ts';
import type { Meter } from './meters.ts';
import { move, reserve } from './reserve.ts';
import { release, settle } from './settle.ts';
import type { Take } from './take.ts';
import type { UsageDraft } from './usage.ts';

/** What one call asks of the ledger. */
export type LedgerQuestion =
  | { readonly ask: 'reserve'; readonly hold: NewHold }
  | { readonly ask: 'move'; readonly id: string; readonly takes: readonly Take[]; readonly usage: UsageDraft }
  | { readonly ask: 'settle'; readonly id: string; readonly settlement: Settlement }
  | { readonly ask: 'release'; readonly id: string };

/** `problem`: what was wrong with the question; it has changed nothing. */
export type LedgerAnswer = { readonly reserved: Reserved } | { readonly ended: Ended } | { readonly problem: string };

/**
 * The questions of several calls, one after the other as if each had come alone, in one turn: meters that many of them
 * touch are read and written once.
 */
export function answerAll(store: LedgerStore, questions: readonly LedgerQuestion[], now: number): readonly LedgerAnswer[] {
  const gathered = new GatheredMeters(store);
  const answers = questions.map((question) => {
    try {
      return answer(gathered.store, question, now);
    } catch (thrown) {
      // Questions are judged before anything is changed for them.
      if (thrown instanceof RangeError) return { problem: thrown.message };
      throw thrown;
    }
  });
  gathered.write();
  return answers;
}

function answer(store: LedgerStore, question: LedgerQuestion, now: number): LedgerAnswer {
  switch (question.ask) {
    case 'reserve':
      return { reserved: reserve(store, question.hold, now) };
    case 'move':
      return { reserved: move(store, question.id, question.takes, question.usage, now) };
    case 'settle':
      return { ended: settle(store, question.id, question.settlement, now) };
    case 'release':
      return { ended: release(store, question.id, now) };
  }
}

/** A store whose meters are kept here until they are written, all at once. */
class GatheredMeters {
  readonly #below: LedgerStore;
  readonly #known = new Map<string, Meter | undefined>();
  readonly #changed = new Map<string, ChangedMeter>();
  readonly store: LedgerStore;

  constructor(below: LedgerStore) {
    this.#below = below;
    this.store = {
      meters: (keys) => this.#meters(keys),
      putMeters: (changed) => this.#put(changed),
      hold: (id) => below.hold(id),
      putHold: (hold) => below.putHold(hold),
      dropHold: (id) => below.dropHold(id),
      expired: (now, most) => below.expired(now, most),
      putProgress: (lease, number, kept) => below.putProgress(lease, number, kept),
      progressOf: (lease) => below.progressOf(lease),
      dropProgress: (lease) => below.dropProgress(lease),
      ended: (id) => below.ended(id),
      end: (id, ending, now, usage) => below.end(id, ending, now, usage),
      generation: () => below.generation(),
      setGeneration: (generation) => below.setGeneration(generation),
      isStopped: (subject) => below.isStopped(subject),
      stop: (subject, now) => below.stop(subject, now),
      tell: (event) => below.tell(event),
    };
  }

  write(): void {
    if (this.#changed.size > 0) this.#below.putMeters([...this.#changed.values()]);
  }

  #meters(keys: readonly string[]): ReadonlyMap<string, Meter> {
    const unknown = keys.filter((key) => !this.#known.has(key));
    if (unknown.length > 0) {
      const read = this.#below.meters(unknown);
      for (const key of unknown) this.#known.set(key, read.get(key));
    }
    return new Map(
      keys.flatMap((key) => {
        const meter = this.#known.get(key);
        return meter === undefined ? [] : [[key, meter] as const];
      }),
    );
  }

  #put(changed: readonly ChangedMeter[]): void {
    for (const each of changed) {
      const { key, idleAt: _, ...meter } = each;
      this.#known.set(key, meter);
      this.#changed.set(key, each);
    }
  }
}
