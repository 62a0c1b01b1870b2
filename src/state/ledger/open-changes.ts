import { markOf, noteOutcome, outcomeOf } from './audit-index.ts';
import type { AuditLog, OpenChange } from './audit-log.ts';

/** Milliseconds after which a change of which nobody said how it ended is asked for: longer than any write takes. */
const PATIENCE = 60_000;
/** Milliseconds until it is tried again where D1 does not answer. */
const AGAIN = 60_000;
/** Changes of one turn. */
const MOST = 50;
/** Who says what nobody else could. */
const ACTOR = 'ledger';

/**
 * Ends the changes that were left open because the Worker that made them ended, or could not tell: so no intent stays
 * without an outcome. Returns when to look again; `undefined` where nothing is open.
 */
export async function endOpenChanges(audit: AuditLog, db: D1Database | undefined, now: number): Promise<number | undefined> {
  try {
    const open = audit.open(now - PATIENCE, MOST);
    for (const change of open) await endChange(audit, db, change, now);
    const since = audit.openSince();
    return since === undefined ? undefined : Math.max(since + PATIENCE, now);
  } catch (cause) {
    console.error('How a change ended could not be looked up; it is tried again', cause);
    return now + AGAIN;
  }
}

/** When an intent that has just been written is looked at. */
export const lookAt = (now: number): number => now + PATIENCE;

async function endChange(audit: AuditLog, db: D1Database | undefined, change: OpenChange, now: number): Promise<void> {
  const mark = markOf(change.intent);
  if (change.place === 'elsewhere' || db === undefined) {
    if (db !== undefined) await noteOutcome(db, mark, 'unknown');
    await audit.end(change, ACTOR, 'unknown', now);
    return;
  }
  await audit.end(change, ACTOR, await outcomeOf(db, mark), now);
}
