import type { Pair } from './pair.ts';
import type { Reading, Term } from './reading.ts';

/** Both sides of these may change places: "tea or coffee". */
const SYMMETRIC = new Set(['and', 'or', 'versus']);
const LINKS = new Set(['direction', 'place', 'connective', 'negation', 'question', 'modal']);
const isSaid = ({ role }: Term) => role === 'content' || role === 'number' || role === 'unit' || role === 'person';

interface Placed {
  /** The key and which occurrence of it. */
  readonly id: string;
  /** What it hangs on: the preposition before it, or the word. */
  readonly after: string;
}

/**
 * Whether what both say stands in another order that says something else. A phrase may move as a whole: "In Python, how
 * do I sort a list?"; what changes its preposition or its neighbour may not: "from Rome to Oslo", "to Rome from Oslo".
 */
export function isTurned({ asked, kept }: Pair): boolean {
  const first = placed(asked);
  const second = placed(kept);
  const where = new Map(second.map(({ id, after }, at) => [id, { at, after }]));
  let last = -1;
  let inverted = false;
  let moved = false;
  for (const { id, after } of first) {
    const other = where.get(id);
    if (other === undefined) continue;
    inverted ||= other.at < last;
    moved ||= other.after !== after;
    last = Math.max(last, other.at);
  }
  return inverted && moved;
}

function placed({ terms }: Reading): readonly Placed[] {
  const places: Placed[] = [];
  const seen = new Map<string, number>();
  let before = '^';
  let headOfRun = '^';
  let inRun = false;
  let joining = false;
  for (const term of terms) {
    if (isSaid(term)) {
      const times = (seen.get(term.key) ?? 0) + 1;
      seen.set(term.key, times);
      const after = joining ? headOfRun : before;
      places.push({ id: `${term.key} ${times}`, after });
      if (!inRun && !joining) headOfRun = before;
      inRun = true;
      joining = false;
      before = term.key;
    } else if (SYMMETRIC.has(term.key)) {
      joining = inRun;
      inRun = false;
      if (!joining) before = term.key;
    } else {
      inRun = false;
      joining = false;
      before = LINKS.has(term.role) || before === '^' ? term.key : before;
    }
  }
  return places;
}
