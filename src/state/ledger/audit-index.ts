import type { JsonObject } from '../../core/json.ts';
import type { AuditEntry, AuditOutcome } from '../../core/ledger/audit.ts';
import { DEPLOYMENT_CHAIN } from '../../core/ledger/audit.ts';

/** A change in D1's table `audit`, where the chains of all organisations are searched. */
export interface AuditMark {
  /** The id of the change, once in the table: a change that has a row cannot be made a second time, or after it was given up. */
  readonly change: string;
  /** The number of its intent in the chain. */
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  /** `null` for what is the deployment's. */
  readonly org: string | null;
  readonly detail: JsonObject;
}

export const markOf = ({ change, seq, at, actor, action, subject, chain, detail }: AuditEntry): AuditMark => ({
  ...{ change, seq, at, actor, action, subject, detail },
  org: chain === DEPLOYMENT_CHAIN ? null : chain,
});

const insertion = (db: D1Database, mark: AuditMark, outcome: AuditOutcome) =>
  db
    .prepare(
      'INSERT OR IGNORE INTO audit (change, seq, at, actor, action, subject, org, detail, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    )
    .bind(mark.change, mark.seq, mark.at, mark.actor, mark.action, mark.subject, mark.org, JSON.stringify(mark.detail), outcome);

/** Notes how a change ended that was made elsewhere. */
export async function noteOutcome(db: D1Database, mark: AuditMark, outcome: AuditOutcome): Promise<void> {
  await insertion(db, mark, outcome).run();
}

/**
 * How a change of the database ended of which no answer came: it is done if its row is there, which is written with it.
 * If not it is given up for good: the row that is written now stands in its way, should it still be on its own.
 */
export async function outcomeOf(db: D1Database, mark: AuditMark): Promise<AuditOutcome> {
  const [, found] = await db.batch<{ outcome: AuditOutcome }>([
    insertion(db, mark, 'failed'),
    db.prepare('SELECT outcome FROM audit WHERE change = ?').bind(mark.change),
  ]);
  const outcome = found?.results[0]?.outcome;
  if (outcome === undefined) throw new Error(`The change ${mark.change} has no row`);
  return outcome;
}
