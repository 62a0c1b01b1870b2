import type { JsonObject } from '../json.ts';
import { digestOf } from './canonical.ts';

/** The chain of what belongs to no organisation: the configuration. No organisation has this id: theirs begin with `org_`. */
export const DEPLOYMENT_CHAIN = 'deployment';

/** How a change ended. `unknown`: it was begun, and nobody can tell any more whether it was made. */
export const auditOutcomes = ['done', 'failed', 'unknown'] as const;
export type AuditOutcome = (typeof auditOutcomes)[number];

/** `intent` is written before the change is made; the other says afterwards how it ended. */
export const auditPhases = ['intent', ...auditOutcomes] as const;
export type AuditPhase = (typeof auditPhases)[number];

/** Something that somebody is about to do, or how that ended. Nothing in it is secret. */
export interface AuditEvent {
  /** Whose chain: the id of an organisation, or `DEPLOYMENT_CHAIN`. */
  readonly chain: string;
  /** Who: an id. */
  readonly actor: string;
  /** What: `key.create`, `config.publish`. */
  readonly action: string;
  /** To what: an id. */
  readonly subject: string;
  /** The id of the change: its intent and its outcome have the same. */
  readonly change: string;
  readonly phase: AuditPhase;
  /** With an intent what was and what shall be; with an outcome the number of its intent, and why it failed. */
  readonly detail: JsonObject;
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

export async function appended(head: AuditHead, event: AuditEvent, at: number): Promise<AuditEntry> {
  const { chain, actor, action, subject, change, phase, detail } = event;
  const content = { chain, seq: head.seq + 1, at, actor, action, subject, change, phase, detail, prev: head.hash };
  return { ...content, hash: await digestOf(content) };
}

/** Why a chain is not whole. `changed`: it is not what was hashed. The others: it is not the entry that belongs there. */
export type ChainFault = 'changed' | 'missing' | 'moved' | 'replaced';

export type ChainVerdict =
  | { readonly whole: true; readonly head: AuditHead }
  /** The first entry that is wrong. */
  | { readonly whole: false; readonly seq: number; readonly fault: ChainFault };

/**
 * Checks entries, oldest first, from a head that is trusted: all of them, or those after a checkpoint. A chain says nothing
 * of entries cut off at its end, nor of one that was made anew from its start: compare `head` with one kept elsewhere, or
 * give it as `end`.
 */
export async function verifyChain(entries: readonly AuditEntry[], from: AuditHead = AUDIT_START, end?: AuditHead): Promise<ChainVerdict> {
  const broken = (seq: number, fault: ChainFault): ChainVerdict => ({ whole: false, seq, fault });
  let head = from;
  for (const [index, { hash, ...content }] of entries.entries()) {
    const seq = head.seq + 1;
    // Everything that stands in the entry is hashed, also what should not: nothing can be slipped in beside.
    if ((await digestOf(content)) !== hash) return broken(seq, 'changed');
    if (content.seq !== seq) return broken(seq, entries.some((each) => each.seq === seq) ? 'moved' : 'missing');
    if (content.prev !== head.hash) return broken(index > 0 && isFollowed(entries, index, end) ? head.seq : seq, 'replaced');
    head = { seq, hash };
  }
  if (end === undefined || (end.seq === head.seq && end.hash === head.hash)) return { whole: true, head };
  if (end.seq > head.seq) return broken(head.seq + 1, 'missing');
  return end.seq < head.seq ? broken(end.seq + 1, 'moved') : broken(head.seq, 'replaced');
}

/** Whether what comes after an entry knows it: then it is the one before it that was made anew, and not this one. */
function isFollowed(entries: readonly AuditEntry[], index: number, end: AuditHead | undefined): boolean {
  const own = entries[index]?.hash;
  const next = entries[index + 1];
  return next === undefined ? end?.hash === own : next.prev === own;
}
