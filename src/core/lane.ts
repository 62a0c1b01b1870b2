import type { Touches } from './policy.ts';

/**
 * How a streamed answer travels; the cheapest that is honest. One wake-up of JavaScript a chunk costs four to five
 * times a native pass-through, whatever is done in it.
 *
 * - `pipe`: bytes go natively to the caller while a second branch is sipped now and then.
 * - `tap`: bytes still leave untouched, but each frame is seen as it comes.
 * - `rewrite`: the dialects differ or a policy edits; a frame nobody edited still leaves as its own bytes.
 */
export type Lane = 'pipe' | 'tap' | 'rewrite';

export function chooseLane(facts: {
  readonly sameDialect: boolean;
  readonly touches: Touches;
  readonly hidesUsage: boolean;
  /** Whether events are cut otherwise than as server-sent events, whose ends alone can be told from bytes that pass by. */
  readonly framed: boolean;
}): Lane {
  if (!facts.sameDialect || facts.touches === 'edits') return 'rewrite';
  return facts.touches === 'reads' || facts.hidesUsage || facts.framed ? 'tap' : 'pipe';
}
