import type { Role } from './lexicon.ts';
import type { Reading, Term } from './reading.ts';

/** Two questions side by side. Everything that is derived from it is the same whichever comes first. */
export interface Pair {
  readonly asked: Reading;
  readonly kept: Reading;
  /** Terms of the one that the other does not have, or not as often. */
  readonly onlyAsked: readonly Term[];
  readonly onlyKept: readonly Term[];
}

export function pairOf(asked: Reading, kept: Reading): Pair {
  return { asked, kept, onlyAsked: without(asked, kept), onlyKept: without(kept, asked) };
}

function without({ terms }: Reading, { counts }: Reading): readonly Term[] {
  const seen = new Map<string, number>();
  return terms.filter(({ key }) => {
    const times = (seen.get(key) ?? 0) + 1;
    seen.set(key, times);
    return times > (counts.get(key) ?? 0);
  });
}

/** What only one of the two says, of some role. */
export function differing(pair: Pair, ...roles: readonly Role[]): readonly Term[] {
  return [...pair.onlyAsked, ...pair.onlyKept].filter(({ role }) => roles.includes(role));
}

/** Whether both say something of this sort that the other does not. */
export function isReplaced(pair: Pair, is: (term: Term) => boolean): boolean {
  return pair.onlyAsked.some(is) && pair.onlyKept.some(is);
}
