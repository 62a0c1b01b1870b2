import { gathered } from './gathered.ts';
import type { Ended, LedgerStore, LedgerTables, NewHold, Reserved, Settlement } from './holds.ts';
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
 * touch are read and written once, and so is what is kept of their holds.
 */
export function answerAll(tables: LedgerTables, questions: readonly LedgerQuestion[], now: number): readonly LedgerAnswer[] {
  return gathered(tables, (store) => {
    // Other questions are of holds that are open, nearly always.
    store.willAsk?.(questions.flatMap((question) => (question.ask === 'reserve' ? [question.hold.id] : [])));
    return questions.map((question) => {
      try {
        return answer(store, question, now);
      } catch (thrown) {
        // Questions are judged before anything is changed for them.
        if (thrown instanceof RangeError) return { problem: thrown.message };
        throw thrown;
      }
    });
  });
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
