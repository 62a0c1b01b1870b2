import { digestOf } from './canonical.ts';

/** Something that somebody did. */
export interface AuditEvent {
  /** Who: an id, never a secret. */
  readonly actor: string;
  /** What: `key.create`, `config.publish`. */
  readonly action: string;
  /** To what: an id. */
  readonly target: string;
  /** Digests of what it was and what it became (`digestOf`); absent where there was or is nothing. */
  readonly before?: string;
  readonly after?: string;
}

/** An event in its place. */
export interface AuditEntry extends AuditEvent {
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The hash of the entry before; 64 zeros for the first. */
  readonly prev: string;
  /** SHA-256 of the canonical JSON of everything else here, in lower-case hex. */
  readonly hash: string;
}

/** The end of a chain, or of a part of it. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export const AUDIT_START: AuditHead = { seq: 0, hash: '0'.repeat(64) };

export async function appended(head: AuditHead, { actor, action, target, before, after }: AuditEvent, at: number): Promise<AuditEntry> {
  const digests = { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
  const content = { seq: head.seq + 1, at, actor, action, target, ...digests, prev: head.hash };
  return { ...content, hash: await digestOf(content) };
}

export type ChainVerdict =
  | { readonly whole: true; readonly head: AuditHead }
  /** The first entry that is wrong: changed, or not the one that follows. */
  | { readonly whole: false; readonly seq: number; readonly fault: 'content' | 'order' };

/**
 * Checks entries, oldest first, from a head that is trusted: all of them, or those after a checkpoint. A chain says nothing
 * of entries cut off at its end, nor of one that was made anew from its start: compare `head` with one kept elsewhere.
 */
export async function verifyChain(entries: Iterable<AuditEntry>, from: AuditHead = AUDIT_START): Promise<ChainVerdict> {
  let head = from;
  for (const { hash, ...content } of entries) {
    const seq = head.seq + 1;
    if (content.seq !== seq || content.prev !== head.hash) return { whole: false, seq, fault: 'order' };
    // Everything that stands in the entry is hashed, also what should not: nothing can be slipped in beside.
    if ((await digestOf(content)) !== hash) return { whole: false, seq, fault: 'content' };
    head = { seq, hash };
  }
  return { whole: true, head };
}
