import type { Reserved } from '../../../core/ledger/holds.ts';

/** Times that a call asks while its organisation goes on changing. */
const MOST = 6;

/** What is known of who asks. */
export interface KnownCaller {
  /** As of which generation of the organisation. */
  generation(): number;
  /** Reads it anew; throws where the caller is nobody any more. */
  renew(): Promise<void>;
}

/**
 * Reserves as somebody of whom all is known. A ledger that says `outdated` knows of a change; the caller is read anew, once
 * what is read is as new as that. Changes that come still later, between two questions, are as if they came after the call:
 * an organisation in which keys are made one after the other would otherwise refuse the calls of all of them.
 */
export async function reserveCurrent(reserve: (generation: number) => Promise<Reserved>, caller: KnownCaller): Promise<Reserved> {
  let wanted: number | undefined;
  let seen = 0;
  for (let time = 1; ; time++) {
    const reserved = await reserve(Math.max(caller.generation(), seen));
    if (reserved.allowed || reserved.refusal.reason !== 'outdated' || time === MOST) return reserved;
    wanted ??= reserved.generation;
    if (caller.generation() < wanted) await caller.renew();
    if (caller.generation() >= wanted) seen = reserved.generation;
  }
}
